#!/usr/bin/env python3
"""summary.py RESULTS_DIR ALLOWED_SKIPS: adds up the results of all tests, and prints `N passed, N failed, N skipped`.

They are GoogleTest's (*.json), JUnit's of pytest, vitest and Playwright (*.xml), and TAP of bash tests (*.tap).

Each skip is printed with its reason; one that ALLOWED_SKIPS does not name is a failure, and so is a run
without a single test. Exits 1 if anything failed.

summary.py --names-a-failure FILE: exits 0 if that result file names a failed test, else 1.
"""
import json
import pathlib
import re
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


def junit(path):
    """The same of a JUnit file."""
    for case in xml.etree.ElementTree.parse(path).iter("testcase"):
        skip = case.find("skipped")
        broken = case.find("failure") is not None or case.find("error") is not None
        outcome = "failed" if broken else "skipped" if skip is not None else "passed"
        yield f"{case.get('classname')}.{case.get('name')}", outcome, skip.get("message", "") if skip is not None else ""


def tap(path):
    """The same of TAP: `ok 1 - name`, `not ok 2 - name`, `ok 3 - name # SKIP reason`."""
    for line in lines(path):
        if test := re.match(r"(not )?ok\b(?: \d+)?(?: - )?(.*?)(?: # SKIP (.*))?$", line):
            outcome = "failed" if test[1] else "passed" if test[3] is None else "skipped"
            yield f"{path.stem}: {test[2]}", outcome, test[3] or ""


READERS = {".json": googletest, ".xml": junit, ".tap": tap}


def names_a_failure(path):
    """Whether a result file is whole and names a failed test."""
    try:
        return any(outcome == "failed" for _, outcome, _ in READERS[path.suffix](path))
    except (KeyError, OSError, ValueError, xml.etree.ElementTree.ParseError):
        return False


def main(results, allowed_file):
    allowed = {line.split("#")[0].strip() for line in lines(allowed_file)} - {""}
    passed = 0
    failed = sum(bool(line) for line in lines(results / "crashed"))
    skipped = 0
    tests = []
    for path in sorted(path for path in results.iterdir() if path.suffix in READERS):
        try:
            tests += READERS[path.suffix](path)
        except (ValueError, xml.etree.ElementTree.ParseError) as error:
            tests.append((path.name, "failed", ""))
            print(f"{path}: {error}")
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
    if sys.argv[1] == "--names-a-failure":
        sys.exit(0 if names_a_failure(pathlib.Path(sys.argv[2])) else 1)
    sys.exit(main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])))
