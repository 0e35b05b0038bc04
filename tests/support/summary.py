#!/usr/bin/env python3
"""summary.py RESULTS_DIR ALLOWED_SKIPS: adds up GoogleTest's and pytest's results and prints `N passed, N failed, N skipped`.

Each skip is printed with its reason; one that ALLOWED_SKIPS does not name is a failure, and so is a run
without a single test. Exits 1 if anything failed.
"""
import json
import pathlib
import sys
import xml.etree.ElementTree


def lines(path):
    return path.read_text().split("\n") if path.exists() else []


def googletest(path):
    """Yields (name, outcome, reason) of each test in a GoogleTest JSON file."""
    for suite in json.loads(path.read_text())["testsuites"]:
        for test in suite["testsuite"]:
            outcome = "failed" if test.get("failures") else "skipped" if test["result"] == "SKIPPED" else "passed"
            reason = " ".join(skip["message"].split("\n")[-1] for skip in test.get("skipped", []))
            yield f"{suite['name']}.{test['name']}", outcome, reason


def pytest(path):
    """The same of a pytest JUnit file."""
    for case in xml.etree.ElementTree.parse(path).iter("testcase"):
        skip = case.find("skipped")
        broken = case.find("failure") is not None or case.find("error") is not None
        outcome = "failed" if broken else "skipped" if skip is not None else "passed"
        yield f"{case.get('classname')}.{case.get('name')}", outcome, skip.get("message", "") if skip is not None else ""


def main(results, allowed_file):
    allowed = {line.split("#")[0].strip() for line in lines(allowed_file)} - {""}
    passed = sum(bool(line) for line in lines(results / "passed"))
    failed = sum(bool(line) for line in lines(results / "crashed"))
    skipped = 0
    tests = [test for path in sorted(results.glob("*.json")) for test in googletest(path)]
    tests += [test for path in sorted(results.glob("*.xml")) for test in pytest(path)]
    for name, outcome, reason in tests:
        if outcome == "passed":
            passed += 1
        elif outcome == "failed":
            failed += 1
            print(f"failed: {name}")
        else:
            skipped += 1
            print(f"skipped: {name}: {reason}")
            if name not in allowed:
                failed += 1
                print(f"failed: {name} was skipped, and {allowed_file} does not allow it")
    if passed + failed == 0:
        print("no test ran")
        failed = 1
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])))
