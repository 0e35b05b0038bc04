"""The web panel in a browser, over the real panel and agent: the tests of web/tests/real."""
import http.server
import json
import os
import subprocess
import threading
import time

from conftest import AGENT, BIN, ROOT, kill, user, wait_for

PASSWORD = "correct horse battery"
RESULTS = ROOT / "build/test-results"
SECONDS = 900


def restart(platform, milliseconds):
    kill(platform.panel.pid)
    platform.panel.wait(20)
    time.sleep(int(milliseconds) / 1000)
    platform.start_panel()


def tighten(platform, app):
    """Its next version: no name of a host is right but those that begin with `ok`."""
    manifest = platform.installers / app / "manifest.yml"
    fields = json.loads(manifest.read_text())
    fields["inputs"][0]["validation"] = {"pattern": "ok.*"}
    digest = platform.get(f"/api/installers/{app}")["digest"]
    manifest.write_text(json.dumps({**fields, "version": "2.0"}))
    wait_for(lambda: platform.get(f"/api/installers/{app}")["digest"] != digest, what="the next version")


def control(platform):
    """POST /restart/MS: the panel is killed, and started again after so many milliseconds. POST /tighten/APP."""
    class Control(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            _, what, argument = self.path.split("/")
            {"restart": restart, "tighten": tighten}[what](platform, argument)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            pass

    return http.server.ThreadingHTTPServer(("127.0.0.1", 0), Control)


# Row 11 of docs/faults.md: whoever writes an installer or an input would like a browser to do this.
HOSTILE = "<img src=x onerror=document.title='owned'>"
HOSTILE_LOG = f"""printf '%s\\n' "{HOSTILE}" "<script>document.title='owned'</script>"
printf '\\033[2J\\033[H\\033[?1049hcleared\\n\\033]0;owned\\007titled\\n'
printf '\\033]8;;javascript:alert(1)\\033\\\\a link\\033]8;;\\033\\\\\\n'
printf 'left \\342\\200\\256 txt.exe\\000\\001\\177\\377\\n'
echo "::group </span><b>bold</b>"; echo "::progress 50 {HOSTILE}"; echo "::warning {HOSTILE}"
head -c 300000 /dev/zero | tr '\\0' x; echo; echo the last line
"""


def lay_installers(platform, directory):
    platform.installer("hostile", HOSTILE_LOG, name=HOSTILE, description=HOSTILE, author=HOSTILE, inputs=[
        {"name": "text", "type": "string", "label": f"Text {HOSTILE}", "description": HOSTILE, "default": HOSTILE}])
    platform.installer("ticking", "for i in $(seq 100); do echo \"tick $i\"; sleep 0.05; done\n")
    # Both end on being asked to; what they print is looked for, and grows.
    platform.installer("holds-on", "echo needle 1; echo hay; echo needle 2; sleep 300\n", name="Holds on")
    platform.installer("talks", "for i in $(seq 3000); do echo \"word $i\"; sleep 0.1; done\n", timeout_seconds=600)
    platform.installer("big-log", "seq -f 'line %.0f' 100000\n")
    platform.installer("second-try", f"[ ! -e {directory}/mark ] || {{ rm {directory}/mark; exit 0; }}\ntouch {directory}/mark\necho the first time it fails\nexit 2\n",
                       idempotent=True, retry={"max_attempts": 3, "backoff_seconds": 3})
    platform.installer("hurried", f"[ -e {directory}/hurried ] && exit 0\ntouch {directory}/hurried\nexit 2\n",
                       idempotent=True, retry={"max_attempts": 2, "backoff_seconds": 3600})
    platform.installer("explains", "for i in $(seq 50); do echo $i; done\necho bind: address in use\necho good bye\nexit 3\n",
                       known_failures=[{"pattern": "address in use", "cause": "Another program has the port.",
                                        "remedy": "Stop it.", "retryable": True}])
    platform.installer("sealed", "printf %s \"$PASSWORD\" | sha256sum\necho \"it is $PASSWORD\"\n", inputs=[
        {"name": "level", "type": "integer", "label": "Level", "default": 3},
        {"name": "password", "type": "password", "label": "Password", "required": True, "generate": True}])
    platform.installer("greedy", "exit 0\n", resource_requirements={"min_ram_mb": 9_000_000})
    host = {"name": "host", "type": "hostname", "label": "Host name", "required": True}
    platform.installer("strict", "exit 0\n", inputs=[host])
    broken = platform.installers / "broken"
    broken.mkdir()
    (broken / "install.sh").write_text("exit 0\n")
    (broken / "manifest.yml").write_text("id: broken\nname: Broken\ntimeout_second: 5\n")
    platform.installer("form", "exit 0\n", inputs=[
        host,
        {"name": "port", "type": "port", "label": "Port", "default": 80},
        {"name": "tls", "type": "select", "label": "TLS", "default": "none",
         "validation": {"allowed_values": [{"value": "none", "label": "None"}, {"value": "given", "label": "Given"}]}},
        {"name": "note", "type": "string", "label": "Note on TLS", "visible_if": {"tls": "given"}}])


def playwright(*arguments, **environment):
    report = RESULTS / "browser.xml"
    report.parent.mkdir(parents=True, exist_ok=True)
    return subprocess.run([ROOT / "web/run", "playwright", "test", "--project=real", "--project=real-phone", *arguments], timeout=SECONDS, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                          env={**os.environ, "PLAYWRIGHT_JUNIT_OUTPUT_FILE": str(report), **environment})


def test_people_work_in_a_browser(platform, tmp_path):
    """Each of its tests is counted by itself, in browser.xml."""
    made = user(platform, "create", "ann", "--administrator", "--password-file", "-", password=PASSWORD)
    assert made.returncode == 0, made.stderr
    lay_installers(platform, tmp_path)
    with control(platform) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        # ONLY="-g cancel" runs those alone.
        ran = playwright(*os.environ.get("ONLY", "").split(), f"--output={tmp_path}/artifacts",
                         PANEL_URL=f"http://127.0.0.1:{platform.port}", PANEL_SERVER=AGENT, PANEL_PASSWORD=PASSWORD,
                         PANEL_CONTROL=f"http://127.0.0.1:{server.server_address[1]}",
                         PATH=f"{BIN}:{os.environ['PATH']}")
        server.shutdown()
    assert ran.returncode == 0, ran.stdout
