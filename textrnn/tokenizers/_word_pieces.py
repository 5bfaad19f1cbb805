"""Where a text is cut into words, and what of it counts."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterable, Iterator

from textrnn.tokenizers._normalization import Normalizer
from textrnn.tokenizers._text import character_class, split_stream

__all__ = ["WordCutter", "cut_words", "word_pattern"]


class WordCutter:
    """Text to pieces: normalised first, then cut, then rid of its spaces where they do not count.

    Attributes:
        normalization: The form that a text is brought into, one of ``NORMALIZATIONS``.
        spaces: Whether pieces hold spaces and line ends; joined they are then the normalised text.
    """

    def __init__(self, normalization: str, *, spaces: bool) -> None:
        """Take the two attributes."""
        self.normalization = normalization
        self.spaces = spaces
        self._normalizer = Normalizer(normalization)

    def normalized(self, text: str) -> str:
        """Return a text as it is cut."""
        return self._normalizer(text)

    def pieces(self, text: str) -> list[str]:
        """Return the pieces of a text."""
        return self._counting(word_pattern().findall(self.normalized(text)))

    def stream(self, chunks: Iterable[str]) -> Iterator[list[str]]:
        """Yield the pieces of a text that comes in chunks, the same ones wherever it is cut."""
        normalized = self._normalizer.stream(chunks)
        return map(self._counting, split_stream(word_pattern(), normalized))

    def _counting(self, pieces: list[str]) -> list[str]:
        # A piece is nothing but white space, or has at most one space, at its beginning.
        return pieces if self.spaces else list(filter(None, map(str.strip, pieces)))


def cut_words(text: str) -> list[str]:
    """Return a text's words, marks and spaces, which joined are the text; see :func:`word_pattern`."""
    return word_pattern().findall(text)


@functools.cache
def word_pattern() -> re.Pattern[str]:
    """Return the pattern whose matches, one after the other, are the pieces of any text.

    All repetitions are bounded, so that no text, however strange, makes a piece of unbounded
    length.
    """
    kana = "\u3041-\u30ff\u31f0-\u31ff\uff66-\uff9f\U0001aff0-\U0001b16f"
    ideographs = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
    letter = rf"[^\W{kana}{ideographs}]"
    mark = f"[{_marks()}]"
    # Guards: only at an apostrophe, or beyond U+02FF, is it worth to look for what a word goes on
    # with, or for marks; in most texts this doubles the speed.
    more = rf"(?=['\u0300-\U0010ffff])(?:['’]{letter}{{1,64}}|{mark}{{1,8}}{letter}{{0,64}})"
    marked = rf"(?:(?=[\u0300-\U0010ffff]){mark}{{0,8}})?"
    word = rf"{letter}{{1,64}}(?:{more}){{0,16}}"
    return re.compile(
        rf" ?(?:{word}|<unk>|\S{marked})"
        r"|\r\n|[^\S ]"
        r"| {1,64}(?= \S)| {1,64}"
    )


def _marks() -> str:
    """Return the inside of a character class: combining marks, joiners of scripts and emoji."""
    # Between them are ideographs, Hangul syllables, surrogates and private characters.
    blocks = ((0x300, 0x3400), (0xA000, 0xAC00), (0xF900, 0x20000), (0xE0100, 0xE01F0))
    points = [point for low, high in blocks for point in range(low, high)]
    kinds = map(unicodedata.category, map(chr, points))
    marks = [point for point, kind in zip(points, kinds, strict=True) if kind[0] == "M"]
    return character_class((0x200C, 0x200D)) + character_class(marks)
