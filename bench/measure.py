"""What processes use, and the programs that load them or do the same work in the cheapest way."""
import json
import os
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent
BIN = ROOT / "build/release"
PROGRAMS = BIN / "bench"
TICK = os.sysconf("SC_CLK_TCK")


def program(name, *arguments, **more):
    """One of bench/'s own programs; what it prints, as JSON where it is."""
    text = subprocess.run([PROGRAMS / name, *map(str, arguments)], check=True, stdout=subprocess.PIPE, text=True, **more).stdout
    return json.loads(text) if text.startswith("{") else text


def cpu_seconds(pid):
    """Of the process and of all its children that it has reaped, theirs included."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return sum(int(field) for field in fields[11:15]) / TICK


def children(pid):
    found = []
    try:
        for thread in pathlib.Path(f"/proc/{pid}/task").iterdir():
            for child in (thread / "children").read_text().split():
                found += [int(child), *children(child)]
    except (FileNotFoundError, ProcessLookupError):
        pass  # it ended meanwhile
    return found


def pss_mb(pids):
    """Proportional set size: each page counted by the share of it that a process has."""
    total = 0
    for pid in pids:
        try:
            for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1])
        except (FileNotFoundError, ProcessLookupError):
            pass
    return total / 1024


def rss_mb(pid):
    """Resident set size."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0


def load_average():
    return os.getloadavg()[0]


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
