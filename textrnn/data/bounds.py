"""Text that arrives piece by piece, cut into lines or held whole: as much of it as memory has room for.

A compressed file of a megabyte may stand for a line of gigabytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from textrnn.errors import DataError

__all__ = ["LONGEST", "bounded", "cut_lines", "too_long_line"]

LONGEST = 1 << 27
"""Characters of the longest line, and of the longest file that is one text; more than any text has."""


def bounded(chunks: Iterable[str], name: str) -> Iterator[str]:
    """Yield the chunks of a text that is to be held whole.

    Raises:
        DataError: it is too long for that.
    """
    length = 0
    for chunk in chunks:
        length += len(chunk)
        if length > LONGEST:
            raise DataError(
                f"{name}: longer than {LONGEST:,} characters, too long for a single text; give it line "
                "by line, or in several files"
            )
        yield chunk


def cut_lines(chunks: Iterable[str], name: str) -> Iterator[list[str]]:
    """Yield the lines that each piece of text completes, possibly none.

    Raises:
        DataError: a line is too long to be held in memory.
    """
    begun: list[str] = []
    length, number = 0, 1
    for chunk in chunks:
        lines = chunk.split("\n")
        rest = lines.pop()
        if lines:
            lines[0] = "".join([*begun, lines[0]])
            begun.clear()
            length, number = 0, number + len(lines)
        if rest:
            begun.append(rest)
            length += len(rest)
        yield [line.removesuffix("\r") for line in lines]
        if length > LONGEST:
            raise too_long_line(name, number)
    if begun:
        yield ["".join(begun)]


def too_long_line(name: str, number: int) -> DataError:
    """Return the error for a line of more than :data:`LONGEST` characters."""
    return DataError(
        f"{name}:{number}: this line is longer than {LONGEST:,} characters; break it into lines, with "
        "fold -s, for example"
    )
