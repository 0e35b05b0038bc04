"""docs/formats/log-events.md lists the events that the sources write, and no others."""
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/formats/log-events.md").read_text()
CALL = re.compile(r"logger_?\)?(?:\(\))?(?:\.|->)(?:Debug|Info|Warning|Error)\(\s*(?:\w+ \? )?\"([a-z_]+)\"(?: : \"([a-z_]+)\")?"
                  r"|complaints_(?:\(logger, |\.Connected\()\"([a-z_]+)\""
                  r"|(?:panel|access)->(?:(?:Info|Warning|Error)\(|Write\(level, )\s*\"([a-z_]+)\"|Audit\(\"([a-z_]+)\"")
LOGS = {"agent.log": ["agent/**/*.cpp"], "panel.log": ["panel/**/*.cpp", "transport/**/panel_end.cpp"],
        "The agent's standard error": ["transport/**/agent_link.cpp"]}


def written(patterns):
    events = set()
    for pattern in patterns:
        for source in (ROOT / "src").glob(pattern):
            if not source.name.endswith("_test.cpp"):
                events |= {name for found in CALL.findall(source.read_text()) for name in found if name}
    return events


def listed(heading):
    section = PAGE.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    events = set()
    for row in re.findall(r"^\| (`[^|]*) \|", section, re.MULTILINE):
        events |= set(re.findall(r"`([a-z_]+)`", row))
    if "`request`" in section:
        events.add("request")
    return events


@pytest.mark.parametrize("log", sorted(LOGS))
def test_what_is_written_is_listed_and_the_other_way_round(log):
    found = written(LOGS[log])
    assert found
    assert found == listed(log)
