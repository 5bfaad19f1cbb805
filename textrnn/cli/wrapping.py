"""Breaking lines for a terminal: between words, and never inside a command that may be copied."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import TextIO

__all__ = ["columns_of", "wrapped"]

_LABEL = re.compile(r"\s*\S.{0,10}?\s{2,}(?=\S)")
"""A label and the gap behind it: what it says goes on below itself."""

NARROWEST = 20
"""On terminals narrower than this, lines are left to the terminal."""
_USUAL = 80
_GAP = 2
"""So many spaces part columns, as a label from what it says: there no line is broken."""

_COMMAND = re.compile(r"(?:textrnn|pip install|mkdir -p|iconv|awk|tr -d|python -c)(?=\s)")
"""What commands in messages begin with."""
_COMMAND_ENDS = (",", ";", ":", ")", ".")
_LINKS = frozenset({"or", "and", "->", "|"})


def columns_of(stream: TextIO | None) -> int:
    """Return how many columns a terminal has: what ``COLUMNS`` says, what it says itself, or 80."""
    told = os.environ.get("COLUMNS", "")
    if told.isascii() and told.isdecimal() and 0 < int(told) < 10_000:
        return int(told)
    try:
        return (os.get_terminal_size(stream.fileno()).columns if stream else 0) or _USUAL
    except (OSError, ValueError):
        return _USUAL


def wrapped(text: str, width: int, used: int = 0) -> str:
    """Return a text with line ends between its words, so that its lines fit where words do.

    A command stays on one line even if that is too long: the terminal breaks it, and copies it as one line.
    Lines that go on are indented as the line that they go on with, below what stands beside its label.

    Args:
        text: One line or several.
        width: Columns.
        used: Columns that are taken at the beginning of the first line.
    """
    if width < NARROWEST:
        return text
    lines: list[str] = []
    for line in text.split("\n"):
        lines += _broken(line, width, used if not lines else 0)
    return "\n".join(lines)


def _broken(line: str, width: int, used: int) -> Iterator[str]:
    """Yield the lines that a line is broken into."""
    if used + _cells(line) <= width:
        yield line
        return
    label = _LABEL.match(line)
    indent = " " * (len(label[0]) if label else len(line) - len(line.lstrip()))
    begun, room = "", width - used
    for space, piece in _pieces(line):
        grown = f"{begun}{space}{piece}"
        if begun.strip() and _cells(grown) > room and len(space) < _GAP:
            yield begun
            grown, room = f"{indent}{piece}", width
        begun = grown
    yield begun


def _pieces(line: str) -> Iterator[tuple[str, str]]:
    """Yield the words of a line, each with the space before it; a command counts as a word."""
    held = ""
    before = ""
    for found in re.finditer(r"(\s*)(\S+)", line):
        space, word = found[1], found[2]
        if held and word in _LINKS:
            yield before, held
            held = ""
        if held:
            held += space + word
        elif _COMMAND.match(line, found.start(2)):
            before, held = space, word
        else:
            yield space, word
        if held.endswith(_COMMAND_ENDS) and not held.count("'") % 2:
            yield before, held
            held = ""
    if held:
        yield before, held


def _cells(text: str) -> int:
    """Return the columns that a text takes."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)
