"""The formats once more, with Python's standard library only: what the vectors' bytes are made with,
so that the C++ is held to an implementation it shares nothing with."""

import json
import pathlib

AGENT = "agent-web1"
SECRET = "correct horse battery staple, thirty-two bytes and more"


def compact(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def write(directory, **vectors):
    for name, vector in vectors.items():
        text = json.dumps(vector, indent=1, ensure_ascii=False) + "\n"
        pathlib.Path(directory, f"{name}.json").write_text(text, encoding="utf-8")
