"""What ./dev bench measures with, at a small size, so that it does not rot: the simulated fleet, the readers of a stream, and
the long history, of which every list must be read by an index."""
import argparse
import contextlib
import pathlib
import shutil
import sqlite3
import sys
import tempfile

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bench"))
sys.path.append(str(ROOT / "tests/e2e"))

import fleet_figures  # noqa: E402
import history_figures  # noqa: E402
import live_figures  # noqa: E402
from basics import requires  # noqa: E402


@pytest.fixture
def place():
    """A directory into which programs that run as others find their way, as they do not into pytest's own."""
    requires("root")
    path = pathlib.Path(tempfile.mkdtemp(prefix="sizes."))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


def silent(_):
    pass


def options(**given):
    return argparse.Namespace(**{"store": None, "jobs": None, "readers": None, "agents": None, **given})


@pytest.mark.parametrize("transport", fleet_figures.TRANSPORTS)
def test_every_job_of_a_simulated_fleet_has_one_result(place, transport):
    fleet = fleet_figures.Fleet(place, transport, "sqlite", 20, silent)
    try:
        fleet.grow(20)
        seen = fleet.tell("jobs 20 3")
        assert seen["submitted"] == 60 and seen["unfinished"] == 0 and seen["submits_refused"] == 0, seen
        assert 0 < seen["accepted_p50_ms"] <= seen["accepted_p99_ms"] <= seen["ended_p99_ms"]
        assert fleet.jobs_by_status() == {"succeeded": 60}
        assert len(fleet.heartbeat_ages()) == 20 and max(fleet.heartbeat_ages()) < 15
        fleet.panel.stop()
        with contextlib.closing(sqlite3.connect(fleet.panel.database)) as store:
            ends = store.execute("SELECT count(*) FROM changes WHERE status = 'succeeded' GROUP BY job_id").fetchall()
        assert ends == [(1,)] * 60
    finally:
        fleet.stop()


def test_an_agent_that_does_not_answer_is_told(place):
    fleet = fleet_figures.Fleet(place, "http", "sqlite", 5, silent)
    try:
        fleet.grow(5)
        fleet.panel.process.kill()
        fleet.panel.process.wait()
        with pytest.raises(RuntimeError, match="of 0 jobs|refused"):
            fleet_figures.check_jobs({}, {}, fleet.tell("jobs 5 1"))
    finally:
        fleet.stop()


def lists_of(path):
    """What SQLite does for each list, the fewest rows of a page being read by an index."""
    with contextlib.closing(sqlite3.connect(path)) as store:
        for given in history_figures.FILTERS:
            for sql in history_figures.bare_queries(history_figures.SqliteHistory, given, None):
                yield given, [row[3] for row in store.execute("EXPLAIN QUERY PLAN " + sql)]


@pytest.mark.parametrize("store", ["sqlite", "postgresql"])
def test_a_history_is_made_and_read(place, store):
    if store == "postgresql":
        requires("postgresql")
    rows = history_figures.measure_store(place, silent, store, 3_000)
    assert [row.figure for row in rows] == ["F11", "F11"]
    seen = {each["filter"]: each for each in rows[0].detail["filters"]}
    assert len(seen) == len(history_figures.FILTERS)
    assert seen["none"]["found"] > 1_000 and seen["status=running"]["found"] == 0
    assert all(len(each["bare_ms"]) > 0 for each in seen.values())
    if store == "sqlite":
        for given, plan in lists_of(place / "sqlite/panel/panel/panel.db"):
            assert "USE TEMP B-TREE" not in str(plan), given
            assert not given or all(step.startswith("SEARCH") for step in plan), (given, plan)


def test_every_reader_of_a_stream_gets_every_line(place, monkeypatch):
    monkeypatch.setattr(live_figures, "LINES", 200)
    rows = live_figures.f9(place, silent, options(readers=20))
    assert [row.unit for row in rows] == ["ms", "kB", "ms", "kB"]
    assert all(0 < row.value for row in rows if row.unit == "ms")
