"""JSON documents that differ from a good one in one place."""

from reference import compact


def without(document, member):
    return {name: value for name, value in document.items() if name != member}


def twice(document, member):
    return compact({member: document[member]})[:-1] + "," + compact(document)[1:]


def set_at(document, pointer, value):
    """A copy in which `value` stands at the JSON pointer."""
    first, _, rest = pointer[1:].partition("/")
    key = int(first) if isinstance(document, list) else first
    changed = set_at(document[key], "/" + rest, value) if rest else value
    if isinstance(document, list):
        return document[:key] + [changed] + document[key + 1 :]
    return document | {key: changed}


def spoilt(document, member, table, optional=()):
    """(name, text, what is said of it): each member left out that must be there, one that is not known, `member`
    twice, text that is no JSON, and `table`'s changes, each a pointer, a value and what is said."""
    for name in document:
        if name not in optional:
            yield f"without {name}", compact(without(document, name)), f"/{name}: is missing"
    yield "a member more", compact(document | {"extra": 1}), "/extra: is not a known member"
    yield "a member twice", twice(document, member), f"the member `{member}` is given twice"
    yield "cut off", compact(document)[:-1], "not valid JSON"
    yield "more behind it", compact(document) + "{}", "not valid JSON"
    yield "another kind", "[]", "must be an object"
    for pointer, value, says in table:
        yield f"{pointer}: {compact(value)}", compact(set_at(document, pointer, value)), says
