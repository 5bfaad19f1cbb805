"""The most surprising words of a text, each with what stands around it."""

from __future__ import annotations

import dataclasses
import itertools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from textrnn.language_model.scored import Span

__all__ = ["Peak", "Peaks"]

_BEFORE, _AFTER = 32, 24
_MOST_COUNTED = 200_000
"""Different words of which it is known how often they come; what is first met later is not counted."""

_FIRST_WORD = re.compile(r"^\S*(?=\s)")
_EDGES = re.compile(r"^[\W_]+|[\W_]+$")


@dataclass
class Peak:
    """A surprising word, at the place where it surprises most.

    Attributes:
        word: The word, and the white space before it, with what it cost and where it stands.
        before: What stands before it.
        after: What stands behind it, as far as it was read.
        number: Its place among all words, from 0.
        times: How often the word stands in the text, whatever its case and the marks around it.
    """

    word: Span
    before: str
    after: str
    number: int
    times: int = 1

    @property
    def where(self) -> str:
        """Its line, and how many more there are of it."""
        more = f", {self.times - 1:,} more" if self.times > 1 else ""
        return f"line {self.word.line:,}{more}"


class Peaks:
    """Keeps the most surprising words of a text, each once, in memory that does not grow.

    Args:
        most: How many.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._peaks: dict[str, Peak] = {}
        self._waiting: list[Peak] = []
        self._recent = ""
        self._numbers = itertools.count()
        self._times: dict[str, int] = {}

    def add(self, word: Span) -> None:
        """Look at the next word."""
        number = next(self._numbers)
        for peak in self._waiting:
            peak.after += word.text
        self._waiting = [peak for peak in self._waiting if len(peak.after) < _AFTER]
        if self._most and not word.text.isspace():
            key = _plain(word.text)
            if key in self._times or len(self._times) < _MOST_COUNTED:
                self._times[key] = self._times.get(key, 0) + 1
            if word.nats is not None and self._makes_room(key, word.nats):
                self._peaks[key] = Peak(word, self._recent, "", number)
                self._waiting.append(self._peaks[key])
        self._recent = (self._recent + word.text)[-_BEFORE:]

    def _makes_room(self, key: str, nats: float) -> bool:
        """Return whether a word belongs among the most surprising, after what it displaces is gone."""
        if key in self._peaks:
            return nats > (self._peaks[key].word.nats or 0.0)
        if len(self._peaks) < self._most:
            return True
        least = max(self._peaks, key=lambda each: _rank(self._peaks[each]))
        if nats <= (self._peaks[least].word.nats or 0.0):
            return False
        del self._peaks[least]
        return True

    def found(self) -> list[Peak]:
        """Return the words, the most surprising first."""
        return [
            dataclasses.replace(
                peak,
                before=_line_end(peak.before),
                after=_line_start(peak.after),
                times=self._times.get(key, 1),
            )
            for key, peak in sorted(self._peaks.items(), key=lambda item: _rank(item[1]))
        ]


def _rank(peak: Peak) -> tuple[float, int]:
    """Return what peaks are sorted by: the most surprising first, then the one that comes first."""
    return -(peak.word.nats or 0.0), peak.number


def _plain(text: str) -> str:
    """Return what makes two words the same: their letters, without marks around them."""
    bare = text.strip()
    return _EDGES.sub("", bare).casefold() or bare


def _line_end(text: str) -> str:
    """Return what stands before a word in its line, from the beginning of a word on."""
    if "\n" not in text and len(text) == _BEFORE:
        return _FIRST_WORD.sub("", text)
    return text.rpartition("\n")[2]


def _line_start(text: str) -> str:
    """Return what stands behind a word in its line."""
    return text.partition("\n")[0][:_AFTER]
