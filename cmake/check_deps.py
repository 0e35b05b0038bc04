#!/usr/bin/env python3
"""Holds the #include lines of src/ and apps/ to the arrows of CMakeLists.txt, and docs/architecture.md's drawing too.

Usage: check_deps.py SOURCE_DIR. Prints every include that follows no arrow, and exits 1 if there is one.
"""
import pathlib
import re
import sys

# Headers that cost seconds a translation unit: allowed in .cpp files only.
HEAVY = re.compile(r"<(boost/beast|openssl/|sqlite3\.h|postgresql/libpq-fe\.h|spdlog/|CLI/|libfyaml\.h|re2/|prometheus/|amqp(_framing)?\.h)")


def declared(root, call):
    """name -> what it DEPENDS on, of each prov_module(...) or prov_program(...)."""
    text = (root / "CMakeLists.txt").read_text()
    arrows = {}
    for name, rest in re.findall(call + r"\((\S+)([^)]*)\)", text):
        depends = re.search(r"DEPENDS([a-z_ ]*)", rest)
        arrows[name] = depends[1].split() if depends else []
    return arrows


def reachable(arrows, start):
    seen, todo = set(), list(start)
    while todo:
        for dep in arrows[todo.pop()]:
            if dep not in seen:
                seen.add(dep)
                todo.append(dep)
    return seen | set(start)


def check_includes(root, arrows):
    errors = []

    def look(path, who, allowed):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            quoted = re.match(r'\s*#\s*include\s+"([^"/]+)/', line)
            where = f"{path.relative_to(root)}:{number}"
            if quoted and quoted[1] in arrows and quoted[1] not in allowed:
                errors.append(f"{where}: {who} may not include {quoted[1]} (it may: {', '.join(sorted(allowed))})")
            if path.suffix == ".hpp" and (heavy := HEAVY.search(line)):
                errors.append(f"{where}: {heavy[1]} is heavy: include it in the .cpp file")

    for module in arrows:
        for path in sorted((root / "src" / module).rglob("*.[ch]pp")):
            look(path, module, reachable(arrows, [module]))
    for program, depends in declared(root, "prov_program").items():
        look(root / "apps" / f"{program}.cpp", program, reachable(arrows, depends))
    return errors


def check_drawing(root, arrows):
    drawn = set(re.findall(r"^    (\w+) --> (\w+)$", (root / "docs/architecture.md").read_text(), re.MULTILINE))
    wanted = {(module, dep) for module, depends in arrows.items() for dep in depends}
    return ([f"docs/architecture.md: {a} --> {b} is not in CMakeLists.txt" for a, b in sorted(drawn - wanted)] +
            [f"docs/architecture.md: {a} --> {b} is not drawn" for a, b in sorted(wanted - drawn)])


if __name__ == "__main__":
    source = pathlib.Path(sys.argv[1])
    modules = declared(source, "prov_module")
    found = check_includes(source, modules) + check_drawing(source, modules)
    found += [] if modules else ["CMakeLists.txt: no prov_module was found"]
    print("\n".join(found) or f"every include of {len(modules)} modules follows an arrow")
    sys.exit(1 if found else 0)
