#!/usr/bin/python3
"""./dev bench [FIGURE..|web] [OPTION..]: measures the figures of docs/bench.md, prints one table and writes
build/bench/figures.json. ./dev bench fleet [OPTION..]: panel, queue and agents as the fleet grows (build/bench/fleet.json).

A figure that misses its goal says so in the table; that is no failure of the run. A figure that could not be measured is
one: it is named, and the exit status is 1.
"""
import argparse
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

import fleet_figures
import history_figures
import http_figures
import job_figures
import library_figures
import live_figures
import log_figures
import report
import start_figures
import web_figures
from measure import ROOT, load_average

RESULT = ROOT / "build/bench/figures.json"

# In the order in which they are measured; what is named twice is measured once.
FIGURES = {
    "F1": http_figures.f1,
    "F2": http_figures.f2,
    "F3": http_figures.f3,
    "F4": job_figures.f4,
    "F5": job_figures.f5_f6,
    "F6": job_figures.f5_f6,
    "F7": log_figures.f7,
    "F8": library_figures.f8,
    "F9": live_figures.f9,
    "F10": fleet_figures.f10,
    "F11": history_figures.f11,
    "F12": start_figures.f12,
    "F13": start_figures.f13,
    "F14": library_figures.f14,
    "F16": web_figures.f16,
    "F17": web_figures.f17_to_f20,
    "F18": web_figures.f17_to_f20,
    "F19": web_figures.f17_to_f20,
    "F20": web_figures.f17_to_f20,
}
WEB = ("F16", "F17", "F18", "F19", "F20")
# Those that have a size and a store: see options().
SIZED = (live_figures.f9, fleet_figures.f10, history_figures.f11)


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


def scratch_directory():
    # On a disk: /tmp may be memory, where to make something durable costs nothing.
    path = pathlib.Path(tempfile.mkdtemp(prefix="provisioning-bench-", dir=os.environ.get("BENCH_DIR", "/var/tmp")))
    path.chmod(0o755)
    return path


def measure(figures, options):
    rows, failed = [], []
    for function in dict.fromkeys(FIGURES[name] for name in figures):
        names = [name for name in figures if FIGURES[name] is function]
        load = load_average()
        say(f"{' and '.join(names)} (load {load:.1f} on this machine)")
        scratch = scratch_directory()
        try:
            for row in function(scratch, say, options) if function in SIZED else function(scratch, say):
                row.detail["load_before"] = load
                if row.figure in names:
                    rows.append(row)
        except (OSError, RuntimeError, ValueError, subprocess.SubprocessError) as error:
            traceback.print_exc()
            say(f"{' and '.join(names)} could not be measured: {error}")
            failed += names
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    return rows, failed


def parse(words):
    parser = argparse.ArgumentParser(prog="./dev bench", allow_abbrev=False)
    parser.add_argument("figures", nargs="*", metavar="FIGURE", help="F1, F2, ..; web; or fleet")
    parser.add_argument("--store", choices=("sqlite", "postgresql"),
                        help="default SQLite; of F11 both")
    parser.add_argument("--readers", type=int, help="of F9; default 5,000")
    parser.add_argument("--agents", type=int, help="of F10, and the most of fleet; default 10,000")
    parser.add_argument("--jobs", type=int, help="of F11; default 1,000,000")
    fleet = parser.add_argument_group("fleet")
    fleet.add_argument("--transport", choices=(*fleet_figures.TRANSPORTS, "all"), default="all")
    fleet.add_argument("--rate", type=float, default=50, help="jobs a second; default 50")
    fleet.add_argument("--seconds", type=float, default=15, help="for how long; default 15")
    fleet.add_argument("--settle", type=float, default=15, help="seconds before idle is measured; default 15")
    fleet.add_argument("--idle", type=float, default=12, help="seconds for which it is; default 12")
    return parser.parse_args(words)


def measure_fleet(options):
    scratch = scratch_directory()
    try:
        return fleet_figures.measure_fleet(scratch, say, options)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def main(words):
    options = parse(words)
    # As an interrupt: panel and agent are stopped, the scratch directory goes.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if options.figures == ["fleet"]:
        return measure_fleet(options)
    wanted = [figure for name in options.figures for figure in (WEB if name == "web" else [name])]
    unknown = [name for name in wanted if name not in FIGURES]
    if unknown:
        say(f"no figure {' '.join(unknown)}; there are: {' '.join(FIGURES)}")
        return 2
    began = time.time()
    rows, failed = measure([name for name in FIGURES if name in wanted or not wanted], options)
    commit = subprocess.run(["git", "-C", ROOT, "describe", "--always", "--dirty"], capture_output=True, text=True, check=False)
    report.write(RESULT, rows, commit=commit.stdout.strip(), began=began, took=time.time() - began, not_measured=failed)
    print(report.table(rows))
    say(f"written to {RESULT.relative_to(ROOT)}" + (f"; not measured: {' '.join(failed)}" if failed else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
