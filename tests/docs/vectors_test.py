"""The pages of docs/formats name their vectors, every vector is named, and what generators made is what they make."""
import fnmatch
import pathlib
import re
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
VECTORS = ROOT / "tests/vectors"
PAGES = sorted((ROOT / "docs").rglob("*.md"))
FILES = sorted(str(path.relative_to(ROOT)) for path in VECTORS.rglob("*.json"))
GENERATORS = sorted(VECTORS.rglob("generate.py"))

# Pages of docs/formats that describe no bytes: what holds them instead.
WITHOUT_VECTORS = {
    "states.md": "src/job/status_test.cpp",
    "log-events.md": "tests/docs/log_events_test.py",
    "rabbitmq.md": "tests/e2e/rabbitmq_test.py",
    "redis.md": "tests/e2e/redis_test.py",
}
# What no generator makes: what it is made by.
BY_HAND = {
    "tests/vectors/contract/inputs.json": "hand",
    "tests/vectors/contract/manifest.json": "hand",
    "tests/vectors/contract/script.json": "hand",
    "tests/vectors/job/payloads.json": "hand",
    "tests/vectors/schemas/inputs.json": "src/contract/json_schema_test.cpp",
}


def named(page):
    """The vectors that a page names; each name must stand for one at least."""
    found = set()
    for name in re.findall(r"tests/vectors/[\w./*-]*\.json", page.read_text()):
        matched = set(fnmatch.filter(FILES, name))
        assert matched, f"{page.name} names {name}, and there is none"
        found |= matched
    return found


@pytest.mark.parametrize("page", sorted((ROOT / "docs/formats").glob("*.md")), ids=lambda page: page.name)
def test_a_page_names_its_vectors_or_what_holds_it_instead(page):
    instead = WITHOUT_VECTORS.get(page.name)
    assert bool(named(page)) == (instead is None)
    if instead:
        assert page.name in (ROOT / instead).read_text()


def test_every_vector_is_named_by_a_page():
    assert set(FILES) == set().union(*map(named, PAGES))


@pytest.mark.parametrize("file", FILES)
def test_every_vector_is_explained_where_it_lies(file):
    path = ROOT / file
    own = path.parent / "README.md"
    text = (own if own.exists() else VECTORS / "README.md").read_text()
    assert f"`{path.name}`" in text or f"## {path.parent.name}/" in text


@pytest.mark.parametrize("file", FILES)
def test_every_vector_is_read_by_a_test(file):
    """A file that no test opens would hold nothing, however well it is explained."""
    path = pathlib.PurePosixPath(file)
    short = "/".join(path.parts[-2:])
    folder = f"tests/vectors/{path.parts[-2]}\""
    tests = [test.read_text() for test in (ROOT / "src").rglob("*_test.cpp")]
    assert any(f'{short}"' in text or folder in text for text in tests)


@pytest.mark.parametrize("generator", GENERATORS, ids=lambda path: path.parent.name)
def test_a_generator_gives_what_is_checked_in(generator, tmp_path):
    # -I -S: nothing but Python's standard library.
    subprocess.run([sys.executable, "-I", "-S", "-B", generator, tmp_path], check=True)
    made = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert made == {name: (generator.parent / name).read_bytes() for name in made}
    there = {path.name for path in generator.parent.glob("*.json")}
    by_hand = {pathlib.Path(file).name for file in BY_HAND if (ROOT / file).parent == generator.parent}
    assert there == made.keys() | by_hand


def test_what_no_generator_makes_is_known():
    made = {str(path.relative_to(ROOT)) for generator in GENERATORS for path in generator.parent.glob("*.json")}
    assert set(FILES) - made <= set(BY_HAND) <= set(FILES)
