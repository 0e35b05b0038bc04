"""Figures as rows of one table, and as JSON."""
import dataclasses
import json
import os
import pathlib
import platform
import statistics


@dataclasses.dataclass(frozen=True)
class Goal:
    limit: float
    at_most: bool
    of_ratio: bool  # of value by floor; else of the value itself

    def text(self, unit):
        sign = "≤" if self.at_most else "≥"
        return f"{sign} {self.limit:g}{'×' if self.of_ratio else ' ' + unit}"


def ratio_at_most(limit):
    return Goal(limit, True, True)


def ratio_at_least(limit):
    return Goal(limit, False, True)


def at_most(limit):
    return Goal(limit, True, False)


def at_least(limit):
    return Goal(limit, False, False)


@dataclasses.dataclass
class Row:
    """One line. `samples` and `floors` belong together pair by pair: each floor was measured just before its sample, so
    that a machine that becomes slower moves both. What counts is the median; of ratios, the median of the pairs."""
    figure: str
    what: str
    unit: str
    samples: list
    goal: Goal
    floors: list = dataclasses.field(default_factory=list)
    detail: dict = dataclasses.field(default_factory=dict)

    @property
    def value(self):
        return statistics.median(self.samples)

    @property
    def floor(self):
        return statistics.median(self.floors) if self.floors else None

    @property
    def ratio(self):
        return statistics.median(a / b for a, b in zip(self.samples, self.floors)) if self.floors else None

    @property
    def missed_by(self):
        """How many times the limit it is; 1 or less where the goal is met."""
        reached = self.ratio if self.goal.of_ratio else self.value
        return reached / self.goal.limit if self.goal.at_most else self.goal.limit / reached

    def cells(self):
        met = "met" if self.missed_by <= 1 else f"MISSED by {self.missed_by:.2f}×"
        return [self.figure, self.what, number(self.value, self.unit), number(self.floor, self.unit),
                "" if self.ratio is None else f"{self.ratio:.2f}×", self.goal.text(self.unit), met]

    def as_json(self):
        return {"figure": self.figure, "what": self.what, "unit": self.unit, "value": self.value, "floor": self.floor,
                "ratio": self.ratio, "goal": self.goal.text(self.unit), "met": self.missed_by <= 1,
                "missed_by": self.missed_by, "samples": self.samples, "floors": self.floors, **self.detail}


def number(value, unit):
    if value is None:
        return ""
    digits = 0 if abs(value) >= 1000 else 1 if abs(value) >= 100 else 2 if abs(value) >= 1 else 3
    return f"{value:,.{digits}f} {unit}"


def table(rows):
    lines = [["", "figure", "measured", "floor", "ratio", "goal", ""], *(row.cells() for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(7)]
    right = {2, 3, 4, 5}
    return "\n".join("  ".join(cell.rjust(width) if column in right else cell.ljust(width)
                               for column, (cell, width) in enumerate(zip(line, widths))).rstrip() for line in lines)


def machine():
    model = [line.split(":", 1)[1].strip() for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines()
             if line.startswith("model name")]
    return {"cpus": os.cpu_count(), "model": model[0] if model else platform.machine(), "kernel": platform.release()}


def write(path, rows, **more):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"machine": machine(), **more, "figures": [row.as_json() for row in rows]}, indent=1) + "\n")
