"""What several tokenizers need of text: cutting it, showing it, and what is no character in it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator

__all__ = ["SURROGATE", "character_class", "show", "split_lines", "split_stream"]

SURROGATE = re.compile("[\ud800-\udfff]")
"""A code point of a str that is no character: UTF-8 has no bytes for it."""

SPACE_MARK = "▁"
"""Shows a space inside a piece; the character itself is shown escaped."""

LOOKAHEAD = 8
"""Characters behind a piece that a pattern of :func:`split_stream` may look at; none needs more."""

_ESCAPES = {"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", " ": SPACE_MARK}


def _show_character(character: str, first: bool) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    # A combining mark shows on the letter before it; at a piece's start there is none.
    lonely = first and unicodedata.category(character).startswith("M")
    if character.isprintable() and character != SPACE_MARK and not lonely:
        return character
    return character.encode("unicode_escape").decode("ascii")


def show(text: str) -> str:
    r"""Return a piece as a person may read it: a space as ``▁``, the unseen as ``\n`` or ``\u…``.

    The result is one to one: no two texts are shown alike.
    """
    return "".join(_show_character(character, i == 0) for i, character in enumerate(text))


def split_stream(pattern: re.Pattern[str], chunks: Iterable[str]) -> Iterator[list[str]]:
    """Cut a text that comes in chunks into the pieces that ``pattern.findall`` finds in the whole.

    Args:
        pattern: Matches at every place of every text, a bounded number of characters, and decides
        on
            a match by nothing further than ``LOOKAHEAD`` characters behind its end.
        chunks: The text, cut anywhere.

    Yields:
        Lists of pieces; joined they are the text. Held back is no more than ``LOOKAHEAD``
        characters and the piece before them.
    """
    rest = ""
    for chunk in chunks:
        text = rest + chunk
        pieces = pattern.findall(text)
        held = 0
        while pieces and held < LOOKAHEAD:
            held += len(pieces.pop())
        rest = text[len(text) - held :]
        if pieces:
            yield pieces
    if rest:
        yield pattern.findall(rest)


def split_lines(chunks: Iterable[str], longest: int) -> Iterator[list[str]]:
    """Cut a text that comes in chunks behind every line feed, and long lines at a space.

    Args:
        chunks: The text, cut anywhere.
        longest: Characters of a line above which it is cut: before the last space that leaves no more in
            front of it, or, where there is none, after so many.

    Yields:
        Lists of lines, none of them empty; joined they are the text. Where it is cut depends on the text
        alone. Held back is the last line, as far as it is not too long.
    """
    rest = ""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split("\n")
        lines = []
        for line in whole:
            if len(line) > longest:
                *parts, line = _shortened(line, longest)
                lines += parts
            lines.append(line + "\n")
        if len(rest) > longest:
            *parts, rest = _shortened(rest, longest)
            lines += parts
        if lines:
            yield lines
    if rest:
        yield [rest]


def _shortened(line: str, longest: int) -> Iterator[str]:
    while len(line) > longest:
        end = line.rfind(" ", 1, longest + 1)
        end = end if end > 0 else longest
        yield line[:end]
        line = line[end:]
    yield line


def character_class(points: Iterable[int]) -> str:
    """Return the inside of a pattern's character class that holds the given code points.

    Args:
        points: Ascending, none of them in ASCII, where characters may have a meaning in a pattern.
    """
    ranges: list[list[int]] = []
    for point in points:
        if ranges and ranges[-1][1] == point - 1:
            ranges[-1][1] = point
        else:
            ranges.append([point, point])
    return "".join(f"{chr(first)}-{chr(last)}" for first, last in ranges)
