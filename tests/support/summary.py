#!/usr/bin/env python3
"""summary.py RESULTS_DIR ALLOWED_SKIPS: adds up GoogleTest's JSON results and prints `N passed, N failed, N skipped`.

Each skip is printed with its reason; one that ALLOWED_SKIPS does not name is a failure, and so is a run
without a single test. Exits 1 if anything failed.
"""
import json
import pathlib
import sys


def lines(path):
    return path.read_text().split("\n") if path.exists() else []


def main(results, allowed_file):
    allowed = {line.split("#")[0].strip() for line in lines(allowed_file)} - {""}
    passed = sum(bool(line) for line in lines(results / "passed"))
    failed = sum(bool(line) for line in lines(results / "crashed"))
    skipped = 0
    for path in sorted(results.glob("*.json")):
        for suite in json.loads(path.read_text())["testsuites"]:
            for test in suite["testsuite"]:
                name = f"{suite['name']}.{test['name']}"
                if test.get("failures"):
                    failed += 1
                    print(f"failed: {name}")
                elif test["result"] == "SKIPPED":
                    skipped += 1
                    reason = " ".join(s["message"].split("\n")[-1] for s in test.get("skipped", []))
                    print(f"skipped: {name}: {reason}")
                    if name not in allowed:
                        print(f"failed: {name} was skipped, and {allowed_file} does not allow it")
                        failed += 1
                else:
                    passed += 1
    if passed + failed == 0:
        print("no test ran")
        failed = 1
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])))
