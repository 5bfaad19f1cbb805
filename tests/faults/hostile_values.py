"""Records changed in every place: what a forger may write into them."""

import copy
from collections.abc import Iterator
from typing import Any

__all__ = ["HOSTILE", "changed", "places"]

HOSTILE: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    10**9,
    10**30,
    -(10**30),
    10**400,
    1.5,
    1e308,
    float("nan"),
    float("inf"),
    "",
    "x",
    "../../../../etc/passwd",
    "\0\x1b[2J\ud800",
    "lstm",
    [],
    [[]],
    ["x", None],
    [1e308, float("nan")],
    {},
    {"x": "x"},
    {"__class__": "os.system"},
)

MISSING = object()
TWICE = object()


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the places in a record: keys of dicts, the first entries of lists."""
    if path:
        yield path
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from places(inner, (*path, key))
    elif isinstance(value, list):
        for number, inner in enumerate(value[:2]):
            yield from places(inner, (*path, number))


def changed(record: dict[str, Any], place: tuple[Any, ...]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the record with every hostile value in a place, without it, and with another beside it."""
    for value in (*HOSTILE, MISSING, TWICE):
        new = copy.deepcopy(record)
        holder = new
        for key in place[:-1]:
            holder = holder[key]
        last = place[-1]
        if value is MISSING:
            del holder[last]
            yield "missing", new
        elif value is TWICE:
            if isinstance(holder, list):
                holder.append(holder[last])
            else:
                holder[f"{last}x"] = holder[last]
            yield "twice", new
        elif holder[last] != value or type(holder[last]) is not type(value):
            holder[last] = value
            yield repr(value)[:40], new
