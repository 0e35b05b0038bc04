#!/usr/bin/env python3
"""embed_web.py DIST SOURCE: writes SOURCE, C++ that has every file below DIST within it, for src/panel/web/embedded_files.hpp.

NAME.br and NAME.gz are NAME compressed (web/scripts/compress.mjs makes them). Where there is no DIST the table is empty.
"""
import hashlib
import json
import pathlib
import sys

CODINGS = {".br": "brotli", ".gz": "gzip"}
HASH_DIGITS = 32  # of a strong ETag: 128 bits


def files_of(dist):
    """The path below dist -> {"identity": file, "gzip"?: file, "brotli"?: file}."""
    found = {}
    for path in sorted(dist.rglob("*")):
        if not path.is_file() or any(part.startswith(".") for part in path.relative_to(dist).parts):
            continue
        whole = path.with_suffix("") if path.suffix in CODINGS else path
        coding = CODINGS[path.suffix] if path != whole and whole.is_file() else "identity"
        found.setdefault(path if coding == "identity" else whole, {})[coding] = path
    return {f"/{whole.relative_to(dist).as_posix()}": variants for whole, variants in found.items()}


def source(files):
    # The assembler takes the bytes as they are: a literal of as many would take the compiler seconds.
    assembly, declarations, rows = [], [], []

    def embedded(path):
        name = f"prov_web_{len(declarations)}"
        assembly.append(f".globl {name}\\n.hidden {name}\\n{name}:\\n.incbin {json.dumps(str(path))}\\n.byte 0\\n")
        declarations.append(f"extern const char {name}[];")
        return f"{{{name}, {path.stat().st_size}}}"

    for path, variants in files.items():
        digest = hashlib.sha256(variants["identity"].read_bytes()).hexdigest()[:HASH_DIGITS]
        bodies = [embedded(variants[coding]) if coding in variants else '""' for coding in ("identity", "gzip", "brotli")]
        rows.append(f'    {{{json.dumps(path)}, "{digest}", {", ".join(bodies)}}},')
    quoted = "\n".join('    "' + line.replace('"', '\\"') + '"' for line in assembly)
    lines = ["// Made by cmake/embed_web.py.", '#include "panel/web/embedded_files.hpp"', ""]
    if files:
        lines += ['__asm__(".pushsection .rodata\\n"', quoted, '    ".popsection\\n");',
                  'extern "C" {', *declarations, "}", ""]
    lines += ["namespace prov::panel {", "std::span<const WebFile> EmbeddedFiles() {"]
    lines += (["  static const WebFile files[] = {", *rows, "  };", "  return files;"] if files else ["  return {};"])
    return "\n".join([*lines, "}", "}  // namespace prov::panel", ""])


if __name__ == "__main__":
    pathlib.Path(sys.argv[2]).write_text(source(files_of(pathlib.Path(sys.argv[1]))))
