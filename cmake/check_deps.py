#!/usr/bin/env python3
"""Holds the #include lines of src/ and apps/ to the arrows of docs/architecture.md.

Usage: check_deps.py SOURCE_DIR. Prints every include that follows no arrow, and exits 1 if there is one.
"""
import pathlib
import re
import sys

# module -> what it names; it may also include what those may include.
ARROWS = {
    "base": [],
    "contract": ["base"],
    "job": ["contract"],
    "signing": ["job"],
    "store": ["job"],
    "net": ["base"],
    "transport": ["signing", "net"],
    "exec": ["job"],
    "agent": ["exec", "transport", "signing"],
    "panel": ["store", "transport", "signing", "net"],
    "cli": ["contract", "signing", "net"],
}
# Headers that cost seconds a translation unit: allowed in .cpp files only.
HEAVY = re.compile(r"<(boost/beast|openssl/|sqlite3\.h|libpq-fe\.h|spdlog/|CLI/|libfyaml\.h|re2/|prometheus/)")


def reachable(module):
    seen, todo = set(), [module]
    while todo:
        for dep in ARROWS[todo.pop()]:
            if dep not in seen:
                seen.add(dep)
                todo.append(dep)
    return seen | {module}


def check(root):
    errors = []
    for module in ARROWS:
        allowed = reachable(module)
        for path in sorted((root / "src" / module).rglob("*.[ch]pp")):
            for number, line in enumerate(path.read_text().splitlines(), 1):
                quoted = re.match(r'\s*#\s*include\s+"([^"/]+)/', line)
                where = f"{path.relative_to(root)}:{number}"
                if quoted and quoted[1] in ARROWS and quoted[1] not in allowed:
                    errors.append(f"{where}: {module} may not include {quoted[1]} "
                                  f"(it may: {', '.join(sorted(allowed))})")
                if path.suffix == ".hpp" and (heavy := HEAVY.search(line)):
                    errors.append(f"{where}: {heavy[1]} is heavy: include it in the .cpp file")
    return errors


if __name__ == "__main__":
    found = check(pathlib.Path(sys.argv[1]))
    print("\n".join(found) or "every include follows an arrow")
    sys.exit(1 if found else 0)
