"""The alert rules and the dashboard: Prometheus understands them, each alert fires when it should and not before, and what
they ask for is what docs/operations/metrics.md lists."""
import json
import pathlib
import re
import subprocess

import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
RULES = ROOT / "packaging/prometheus/provisioning.rules.yml"
CASES = ROOT / "packaging/prometheus/provisioning.rules.test.yml"
DASHBOARD = json.loads((ROOT / "packaging/grafana/provisioning.json").read_text())
ALERTS = {rule["alert"]: rule for rule in yaml.safe_load(RULES.read_text())["groups"][0]["rules"]}
LISTED = {name: kind for name, kind in re.findall(r"^\| `(provisioning_\w+)` \| (\w+) \|",
                                                  (ROOT / "docs/operations/metrics.md").read_text(), re.MULTILINE)}
QUERIES = [target["expr"].replace("$job", "provisioning") for panel in DASHBOARD["panels"] for target in panel["targets"]]


def promtool(*arguments):
    done = subprocess.run(["promtool", *arguments], capture_output=True, text=True, check=False)
    return done.returncode == 0, done.stdout + done.stderr


def series_of(query):
    """The figures that it asks for, without what Prometheus adds to a histogram's name."""
    for name in re.findall(r"provisioning_\w+", query):
        figure = re.sub(r"_(bucket|sum|count)$", "", name)
        yield figure if LISTED.get(figure) == "histogram" else name


def test_prometheus_understands_the_rules_and_they_fire_as_their_cases_say():
    for command in (("check", "rules", RULES), ("test", "rules", CASES)):
        good, said = promtool(*command)
        assert good, said


def test_each_alert_has_a_case_in_which_it_fires():
    fires = {case["alertname"] for test in yaml.safe_load(CASES.read_text())["tests"] for case in test["alert_rule_test"]
             if case["exp_alerts"]}
    assert fires == set(ALERTS)


def test_prometheus_understands_the_dashboard(tmp_path):
    rules = [{"record": f"of_the_dashboard:{number}", "expr": query} for number, query in enumerate(QUERIES)]
    (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    good, said = promtool("check", "rules", tmp_path / "rules.yml")
    assert good, said


@pytest.mark.parametrize("query", [*(rule["expr"] for rule in ALERTS.values()), *QUERIES])
def test_what_is_asked_for_is_listed(query):
    assert all(name in LISTED for name in series_of(query)), query


def test_each_figure_of_the_page_is_in_the_dashboard_or_an_alert():
    asked = {name for query in [*(rule["expr"] for rule in ALERTS.values()), *QUERIES] for name in series_of(query)}
    assert set(LISTED) - asked == {"provisioning_build_info"}, "asked for by the variable `job` alone"
    assert "provisioning_build_info" in DASHBOARD["templating"]["list"][1]["query"]["query"]


def test_the_panels_of_the_dashboard_lie_beside_each_other():
    taken = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert at["x"] + at["w"] <= 24 and not cells & taken, panel["title"]
        taken |= cells
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
