#!/usr/bin/env python3
"""sabotage.py [--some] [--seed N] [NAME..]: breaks one promise after the other, and asks whether a test notices.

Each tests/sabotage/patches/NAME.patch is a small change that breaks one promise. Its head says which, and which test has
to turn red; below stands what `git diff` would print:

    Promise: an attempt's directory is on disk before its start is journalled
    Red: agent_test Jobs.KilledAtEveryStep_TheSameStatesAreReportedOnce

A patch that no longer applies, does not compile, or leaves its test green is a failure; so is a test that is red or not
there without the patch. Where this machine cannot run the test, the patch is skipped. `--some` takes a third of the
patches and no more than 12, chosen by the seed, which is printed.

Works in a copy of the tree and of build/dev, mounted over the tree in a mount namespace of its own, so that what was
compiled already counts, and nothing that happens here can leave a sabotaged file behind. Needs root for that, and
`./dev build` before. Prints TAP; exit 1 if anything failed.
"""
import argparse
import os
import pathlib
import random
import re
import signal
import subprocess
import sys
import tempfile
import time

TREE = pathlib.Path(__file__).resolve().parents[2]
PATCHES = TREE / "tests/sabotage/patches"
COPY = TREE / "build/sabotage"
INSIDE = "PROVISIONING_SABOTAGE_INSIDE"
# Every module has its patches; a promise without one is not proven.
LEAST = 30
MOST = 10  # with --some: each costs half a minute
TEST_SECONDS = 120  # a broker of RabbitMQ takes half of that to start on a busy machine


def run(command, **options):
    return subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options)


class Patch:
    """One sabotage: its name, the promise it breaks, and the test that must notice."""

    def __init__(self, path):
        self.path = path
        self.name = path.stem
        head = dict(re.findall(r"^(Promise|Red): (.+)$", path.read_text(), re.MULTILINE))
        self.promise = head.get("Promise", "")
        red = head.get("Red", "").split()
        if not self.promise or len(red) != 2:
            raise SystemExit(f"{path}: its head must say `Promise: …` and `Red: binary Suite.Test`")
        self.red = head["Red"]
        self.binary, self.test = red
        self.sources = re.findall(r"^\+\+\+ b/(\S+\.cpp)$", path.read_text(), re.MULTILINE)

    def apply(self, *options):
        return run(["git", "apply", "--unidiff-zero", *options, str(self.path)], cwd=TREE)

    def runs(self):
        """The named test's outcome: passed, failed, or the sentence that says what else happened."""
        command = [f"build/dev/{self.binary}", f"--gtest_filter={self.test}", "--gtest_brief=1"]
        # A file, and a session of its own: a runner that the test has forked may outlive it, and would hold a pipe open.
        with tempfile.TemporaryFile("w+") as output:
            with subprocess.Popen(command, cwd=TREE, text=True, stdin=subprocess.DEVNULL, stdout=output,
                                  stderr=subprocess.STDOUT, start_new_session=True) as test:
                try:
                    test.wait(timeout=TEST_SECONDS)
                except subprocess.TimeoutExpired:
                    return "failed", "it did not end"
                finally:
                    end_what_is_left()
            output.seek(0)
            said = output.read()
        if " 0 tests from 0 test suites ran" in said:
            return "missing", f"{self.binary} has no test {self.test}"
        if skip := re.search(r": Skipped\n(.*)", said):
            return "skipped", skip[1]
        return ("passed" if test.returncode == 0 else "failed"), said


def end_what_is_left():
    """Ends whatever else runs in this mount namespace: what a sabotaged program left behind may compute for ever."""
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if int(process.name) != os.getpid() and os.readlink(process / "ns/mnt") == os.readlink("/proc/self/ns/mnt"):
                os.kill(int(process.name), signal.SIGKILL)
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            pass  # it has ended by itself, or is none of ours


def build(*binaries):
    return run(["ninja", "-C", "build/dev", *binaries], cwd=TREE)


def prepare(patches, few):
    """Builds what the patches need. Of many, each file that they change is compiled by itself, once for all of them; with
    a few, compiling its whole group for each costs less than that."""
    apart = [] if few else sorted({source for patch in patches for source in patch.sources})
    configured = run(["cmake", "-S", ".", "-B", "build/dev", f"-DPROV_APART={';'.join(apart)}"], cwd=TREE)
    built = configured if configured.returncode else build(*sorted({patch.binary for patch in patches}))
    if built.returncode != 0:
        raise SystemExit(f"the tree does not build without a patch: {built.stdout[-3000:]}")


def sabotage(patch):
    """Yields what went wrong with one patch; nothing if its test turned red."""
    applied = patch.apply()
    if applied.returncode != 0:
        yield f"does not apply any more: {applied.stdout}"
        return
    try:
        built = build(patch.binary)
        if built.returncode != 0:
            yield f"does not compile: {built.stdout[-3000:]}"
            return
        outcome, said = patch.runs()
        if outcome != "failed":
            yield f"{patch.test} stays green ({outcome})"
    finally:
        if patch.apply("--reverse").returncode != 0:
            raise SystemExit(f"{patch.name} could not be taken back: the copy in {COPY} is unusable")


def enter_the_copy():
    """Makes the copy, and runs this very script again with the copy mounted over the tree."""
    if os.geteuid() != 0:
        raise SystemExit("sabotage needs root: it mounts a copy over the tree")
    COPY.mkdir(parents=True, exist_ok=True)
    left_out = ["--include=/build/", "--include=/build/dev/***"]
    left_out += [f"--exclude={path}" for path in ("/build/*", "node_modules", "/.git", "/.cache", "/var", "__pycache__")]
    if subprocess.run(["rsync", "-a", "--delete", *left_out, f"{TREE}/", f"{COPY}/"]).returncode != 0:
        raise SystemExit("the tree could not be copied")
    shell = f'mount --make-rprivate / && mount --bind "{COPY}" "{TREE}" && cd "{TREE}" && exec "$@"'
    command = ["unshare", "--mount", "sh", "-c", shell, "sh", sys.executable, *sys.argv]
    os.execvpe(command[0], command, {**os.environ, INSIDE: "1", "GIT_CEILING_DIRECTORIES": str(TREE.parent)})


def main():
    arguments = argparse.ArgumentParser(description="Breaks one promise after the other; a test must notice each.")
    arguments.add_argument("--some", action="store_true", help=f"a third of the patches, {MOST} at most, chosen by the seed")
    arguments.add_argument("--seed", type=int, default=int(time.time()))
    arguments.add_argument("names", nargs="*", metavar="NAME")
    arguments = arguments.parse_args()
    patches = [Patch(path) for path in sorted(PATCHES.glob("*.patch"))]
    if len(patches) < LEAST:
        raise SystemExit(f"{len(patches)} patches, and at least {LEAST} are wanted")
    if unknown := set(arguments.names) - {patch.name for patch in patches}:
        raise SystemExit(f"no such patch: {', '.join(sorted(unknown))}")
    if arguments.names:
        patches = [patch for patch in patches if patch.name in arguments.names]
    if arguments.some:
        if INSIDE in os.environ:
            print(f"# seed {arguments.seed}", flush=True)
        patches = random.Random(arguments.seed).sample(patches, min(MOST, (len(patches) + 2) // 3))
    # Module by module: what the patch before has left to be built again is then mostly the same library.
    patches.sort(key=lambda patch: (patch.binary, patch.name))
    if INSIDE not in os.environ:
        sys.argv[1:] = ["--seed", str(arguments.seed), *sys.argv[1:]]
        enter_the_copy()
    start = time.monotonic()
    prepare(patches, len(patches) <= MOST)
    print(f"# built in {time.monotonic() - start:.0f} s", flush=True)
    # Before the first patch: afterwards a binary may still hold the one before.
    before = {}
    for patch in patches:
        if patch.red not in before:
            before[patch.red] = patch.runs()
    failed = 0
    for number, patch in enumerate(patches, 1):
        start = time.monotonic()
        outcome, said = before[patch.red]
        if outcome == "skipped":
            print(f"ok {number} - {patch.name}: {patch.promise} # SKIP {said}", flush=True)
            continue
        if outcome == "passed":
            wrong = list(sabotage(patch))
        else:
            wrong = [f"without the patch the test is not green but {outcome}: {said}"]
        failed += bool(wrong)
        print(f"{'not ok' if wrong else 'ok'} {number} - {patch.name}: {patch.promise}")
        print(f"# {time.monotonic() - start:.0f} s", flush=True)
        for sentence in wrong:
            print("".join(f"# {line}\n" for line in sentence.splitlines()), end="", flush=True)
    print(f"1..{len(patches)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
