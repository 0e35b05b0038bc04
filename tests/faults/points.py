"""Which points are struck, and a program that is run by the tracer (crash_points.cpp).

PROV_CRASH_POINTS=all strikes every one. Otherwise a run takes every n-th, beginning with one that the day decides, so that
all had their turn after n days; PROV_CRASH_POINTS=<number> is a day to be had again.
"""
import collections
import os
import subprocess
import threading
import time

from e2e_platform import wait_for


class NotReached(Exception):
    """The scheduler went another way this time."""


def chosen(points, stride):
    """Today's part of the points, and how it is had again."""
    wanted = os.environ.get("PROV_CRASH_POINTS", "")
    if wanted == "all" or stride == 1:
        return points, "all"
    day = int(wanted or time.time() // 86400)
    return points[day % stride::stride], f"PROV_CRASH_POINTS={day}"


def with_torn_writes(points):
    """A write may also be done by half."""
    return [each for point in points for each in
            ((point, f"{point} torn") if point.split()[1] in ("write", "pwrite") else (point,))]


class Traced:
    """A program under the tracer, started as often as it was killed."""

    def __init__(self, tracer, directory, name, program, state, environment=None):
        self.command = [tracer, directory / "control", directory / "points", state, name]
        self.program, self.environment = program, environment
        self.errors = directory / f"{name}.err"
        self.control, self.points = directory / "control", directory / "points"
        self.control.write_text("")
        self.points.touch()
        self.generation = 0
        self.process = None

    def start(self):
        before = self.points.read_text().count("pid ")
        with open(self.errors, "a", encoding="utf-8") as errors:
            self.process = subprocess.Popen([*self.command, *self.program], stderr=errors, env=self.environment)
        wait_for(lambda: self.points.read_text().count("pid ") > before or self.process.poll() is not None, what="the start")

    def pid(self):
        return int([line for line in self.points.read_text().splitlines() if line.startswith("pid ")][-1].split()[1])

    def arm(self, point="-"):
        self.generation += 1
        fresh = self.control.with_suffix(".new")
        fresh.write_text(f"{self.generation} {point}")
        fresh.rename(self.control)

    def disarm(self):
        fresh = self.control.with_suffix(".new")
        fresh.write_text("")
        fresh.rename(self.control)

    def struck(self):
        return f"\nkilled {self.generation} " in self.points.read_text()

    def reached(self, point):
        """A point of "-" only counts."""
        if point != "-" and not self.struck():
            raise NotReached

    def seen(self):
        """The points of the present generation, in their order."""
        start = f"point {self.generation} "
        return [line.removeprefix(start) for line in self.points.read_text().splitlines() if line.startswith(start)]


def in_lanes(lanes, work, strike):
    """Every lane takes the next piece of work until there is none; what went wrong, and what was not reached."""
    left = collections.deque(work)
    wrong, missed = [], []

    def run(lane):
        while True:
            try:
                point = left.popleft()
            except IndexError:
                return
            try:
                strike(lane, point)
            except NotReached:
                missed.append(point)
            except Exception as error:  # noqa: each point's failure is told, and the next one is struck
                # What ends a lane after a failure may fail by that: both are told.
                before = f" (after {error.__context__!r})" if error.__context__ else ""
                wrong.append(f"{point}: {type(error).__name__}: {error}{before}")
    threads = [threading.Thread(target=run, args=(lane,)) for lane in lanes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return wrong, missed
