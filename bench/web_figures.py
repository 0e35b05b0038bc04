"""F16 to F20: what the web panel costs whoever uses it: bytes, and milliseconds in a real browser over a real panel and agent."""
import json
import re
import subprocess
import time

from job_figures import panel_and_agent
from measure import BIN, ROOT
from report import Row, at_least, at_most, ratio_at_most
from running import AGENT, Connection

PASSWORD = "correct horse battery"
LINES = 200_000


def f16(_scratch, say):
    """Compressed with gzip, as web/scripts/check-budget.mjs counts."""
    said = subprocess.run([ROOT / "web/run", "node", "scripts/check-budget.mjs"], check=True, capture_output=True, text=True).stdout
    scripts, styles = (float(re.search(pattern, said)[1]) for pattern in (r"\) ([\d.]+) of", r"styles ([\d.]+) of"))
    say(f"F16: scripts {scripts} kB, styles {styles} kB")
    return [Row("F16", "scripts of the heaviest page", "kB", [scripts], at_most(250)),
            Row("F16", "all styles", "kB", [styles], at_most(130))]


def in_a_browser(scratch):
    """What web/scripts/measure.mjs measures: figure -> its samples and floors."""
    panel, agent = panel_and_agent(scratch / "web")
    try:
        subprocess.run([BIN / "provisioning-panel", "user", "create", "ann", "--administrator", "--password-file", "-"],
                       input=PASSWORD + "\n", env=panel.environment(), text=True, check=True, stdout=subprocess.DEVNULL)
        connection = Connection(panel)
        job = connection.exchange(panel.order("lines", amount=LINES, by_program=True, first_password="correct horse battery",
                                              second_password="Tr0ub4dor&3/zebra"))["id"]
        while not connection.get(f"/api/jobs/{job}")["log"]["complete"]:
            time.sleep(0.2)
        ran = subprocess.run([ROOT / "web/run", "node", "scripts/measure.mjs", f"http://127.0.0.1:{panel.port}", "ann", job,
                              "paced", AGENT], input=PASSWORD, stdout=subprocess.PIPE, text=True, check=True, timeout=900)
        return json.loads(ran.stdout)
    finally:
        agent.stop()
        panel.stop()


def f17_to_f20(scratch, say):
    found = in_a_browser(scratch)
    rows = [Row(figure, what, unit, found[name]["samples"], goal, found[name]["floors"]) for figure, name, what, unit, goal in (
        ("F17", "first view", "the list of jobs, nothing in the cache", "ms", at_most(1500)),
        ("F17", "view again", "the same, from the cache", "ms", at_most(600)),
        ("F18", "route change", "from one page to another", "ms", ratio_at_most(4)),
        ("F19", "200,000 lines", "a log of 200,000 lines, opened and loaded", "ms", ratio_at_most(4)),
        ("F19", "heap", "what its scripts hold then", "MB", at_most(58)),
        ("F19", "search", "searched for what is in no line", "ms", at_most(700)),
        ("F19", "search, all", "for what is in each line", "ms", at_most(1000)),
        ("F20", "5,000 lines a second", "frames while 5,000 lines a second come", "fps", at_least(30)),
        ("F20", "input", "the longest that a key waits meanwhile", "ms", at_most(40)))]
    for row in rows:
        floor = "" if row.floor is None else f", floor {row.floor:.0f} {row.unit}"
        say(f"{row.figure}: {row.what}: {row.value:.0f} {row.unit}{floor}")
    return rows
