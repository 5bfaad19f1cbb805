"""Unicode normalisation of a text, the same wherever the text is cut."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterable, Iterator

from textrnn.tokenizers._text import character_class, split_stream

__all__ = ["NORMALIZATIONS", "Normalizer"]

NORMALIZATIONS = ("identity", "nfc", "nfkc", "nfkc_cf")

LONGEST_RUN = 256
"""Characters in a row that belong to the one before them; more are normalised as if apart."""


class Normalizer:
    """A normalisation form of Unicode (Standard Annex 15), in bounded memory.

    ``nfkc_cf`` is NFKC, full case folding and NFKC once more: ``Straße`` and ``STRASSE`` become
    ``strasse``. sentencepiece's rule of this name is not quite that: it folds a character to one
    character only, and so leaves ``ß``, ``İ`` and a Greek iota below as they are.

    What has been normalised, normalising leaves as it is, but where more than ``LONGEST_RUN``
    combining marks follow one another. The forms are those of the running Python's Unicode data.

    Attributes:
        name: One of ``NORMALIZATIONS``.
    """

    def __init__(self, name: str) -> None:
        """Take one of ``NORMALIZATIONS``."""
        self.name = name

    def __call__(self, text: str) -> str:
        """Return ``text`` normalised."""
        if self.name == "identity":
            return text
        if text.isascii():  # no character of which depends on another
            return self._normalize(text)
        return "".join(map(self._normalize, _segment_pattern().findall(text)))

    def stream(self, chunks: Iterable[str]) -> Iterator[str]:
        """Normalise a text that comes in chunks.

        Joined, the result is the whole text's; held back is what the next chunk may change.
        """
        if self.name == "identity":
            yield from chunks
            return
        for segments in split_stream(_segment_pattern(), chunks):
            yield "".join(map(self._normalize, segments))

    def _normalize(self, text: str) -> str:
        if self.name == "nfc":
            return unicodedata.normalize("NFC", text)
        text = unicodedata.normalize("NFKC", text)
        if self.name == "nfkc_cf":
            text = unicodedata.normalize("NFKC", text.casefold())
        return text


@functools.cache
def _segment_pattern() -> re.Pattern[str]:
    """Return the pattern of segments that can be normalised one by one.

    A segment ends where no character behind it is moved or composed across its end.
    """
    dependent = character_class(_dependent())
    # A class whose ranges beyond U+FFFF are many is slow, so that most texts get by without it.
    plain = f"[^{character_class(p for p in _dependent() if p < 0x10000)}\U00010000-\U0001ffff]"
    behind = f"[{dependent}]{{0,{LONGEST_RUN}}}"
    return re.compile(
        f"{plain}{{1,1024}}{behind}|[^{dependent}]{{1,64}}{behind}|[{dependent}]{{1,{LONGEST_RUN}}}"
    )


@functools.cache
def _dependent() -> tuple[int, ...]:
    """Return, in order, the code points that may be composed with what stands before them."""
    # Without ideographs, Hangul syllables and private use, none of which depends on anything.
    points = (*range(0x80, 0x3400), *range(0xA000, 0xAC00), *range(0xF900, 0x20000))
    seconds = {chr(point) for point in (*range(0x1161, 0x1176), *range(0x11A8, 0x11C3))}  # Hangul
    candidates = []
    for character in map(chr, points):
        parts = unicodedata.decomposition(character).split()
        if len(parts) == 2 and not parts[0].startswith("<"):
            seconds.add(chr(int(parts[1], 16)))
        if parts or unicodedata.combining(character):
            candidates.append(character)
    dependent = set(seconds)
    for character in candidates:
        first = unicodedata.normalize("NFKD", character)[0]
        if unicodedata.combining(character) or unicodedata.combining(first) or first in seconds:
            dependent.add(character)
    return tuple(sorted(map(ord, dependent)))
