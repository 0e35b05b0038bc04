"""The web panel's files as the release binary sends them: byte for byte those that were built."""
import gzip
import os
import pathlib

import pytest

from conftest import ROOT

DIST = pathlib.Path(os.environ.get("PROV_WEB_DIST") or ROOT / "web/dist")
FILES = sorted(path for path in DIST.rglob("*") if path.is_file() and path.suffix not in (".br", ".gz") and path.name[0] != ".")


def get(platform, path, method="GET", **headers):
    return platform.raw(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})


def test_every_file_is_there_in_the_coding_that_was_asked_for(platform):
    assert len(FILES) > 20
    for file in FILES:
        path = f"/{file.relative_to(DIST)}"
        for coding, ending in (("br", ".br"), ("gzip", ".gz"), ("identity", "")):
            smaller = file.with_name(file.name + ending)
            status, headers, body = get(platform, path, Accept_Encoding=coding)
            assert status == 200, path
            assert body == (smaller if smaller.exists() else file).read_bytes(), f"{path} {coding}"
            assert headers.get("content-encoding", "identity") == (coding if smaller.exists() else "identity")
    index = DIST / "index.html"
    assert gzip.decompress(get(platform, "/", Accept_Encoding="gzip;q=0.5, br;q=0.4")[2]) == index.read_bytes()


def test_head_says_what_get_would_send(platform):
    asset = next(f"/{file.relative_to(DIST)}" for file in FILES if file.suffix == ".js" and file.parent.name == "assets")
    _, asked, body = get(platform, asset, Accept_Encoding="br")
    status, headers, nothing = get(platform, asset, "HEAD", Accept_Encoding="br")
    assert status == 200 and nothing == b"" and headers == asked and headers["content-length"] == str(len(body))
    assert headers["cache-control"] == "public, max-age=31536000, immutable"


@pytest.mark.parametrize("path", ["/", "/theme.js"])
def test_what_is_known_already_is_not_sent_again(platform, path):
    _, headers, _ = get(platform, path, Accept_Encoding="gzip")
    status, again, body = get(platform, path, Accept_Encoding="gzip", If_None_Match=headers["etag"])
    assert status == 304 and body == b"" and again["etag"] == headers["etag"]
    assert headers["cache-control"] == "no-cache" and "content-length" not in again
    # The same file in another coding is another one.
    assert get(platform, path, Accept_Encoding="br", If_None_Match=headers["etag"])[0] == 200


def test_programs_are_not_answered_with_a_page(platform):
    for path in ("/api/gone", "/agent/gone", "/metrics", "/assets/gone.js"):
        status, headers, _ = get(platform, path, Accept="text/html")
        assert status == 404 and headers["content-type"] == "application/problem+json", path
    assert get(platform, "/", "POST")[0] == 404
