"""The web panel in a browser, over the real panel and agent: the tests of web/tests/real."""
import http.server
import os
import subprocess
import threading
import time

from conftest import AGENT, ROOT, kill, user

PASSWORD = "correct horse battery"
RESULTS = ROOT / "build/test-results"
SECONDS = 600


def control(platform):
    """POST /restart/MS: the panel is killed, and started again after so many milliseconds."""
    class Control(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            kill(platform.panel.pid)
            platform.panel.wait(20)
            time.sleep(int(self.path.removeprefix("/restart/")) / 1000)
            platform.start_panel()
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
    platform.installer("big-log", "seq -f 'line %.0f' 100000\n")
    platform.installer("second-try", f"[ -e {directory}/mark ] && exit 0\ntouch {directory}/mark\necho the first time it fails\nexit 2\n",
                       idempotent=True, retry={"max_attempts": 3, "backoff_seconds": 3})
    platform.installer("form", "exit 0\n", inputs=[
        {"name": "host", "type": "hostname", "label": "Host name", "required": True},
        {"name": "port", "type": "port", "label": "Port", "default": 80},
        {"name": "tls", "type": "select", "label": "TLS", "default": "none",
         "validation": {"allowed_values": [{"value": "none", "label": "None"}, {"value": "given", "label": "Given"}]}},
        {"name": "note", "type": "string", "label": "Note on TLS", "visible_if": {"tls": "given"}}])


def playwright(*arguments, **environment):
    report = RESULTS / "browser.xml"
    report.parent.mkdir(parents=True, exist_ok=True)
    return subprocess.run([ROOT / "web/run", "playwright", "test", "--project=real", *arguments], timeout=SECONDS, text=True,
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
                         PANEL_CONTROL=f"http://127.0.0.1:{server.server_address[1]}")
        server.shutdown()
    assert ran.returncode == 0, ran.stdout
