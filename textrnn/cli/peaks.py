"""The most surprising words of a text, each with what stands around it."""

from __future__ import annotations

import heapq
import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from textrnn.language_model.scored import Span

__all__ = ["Peak", "Peaks"]

_BEFORE, _AFTER = 32, 24


@dataclass
class Peak:
    """A surprising word.

    Attributes:
        word: The word, and the white space before it, with what it cost and where it stands.
        before: What stands before it.
        after: What stands behind it, as far as it was read.
        number: Its place among all words, from 0.
    """

    word: Span
    before: str
    after: str
    number: int


class Peaks:
    """Keeps the most surprising words of a text, in memory that does not grow.

    Args:
        most: How many.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._heap: list[tuple[float, int, Peak]] = []
        self._waiting: list[Peak] = []
        self._recent = ""
        self._numbers = itertools.count()

    def add(self, word: Span) -> None:
        """Look at the next word."""
        number = next(self._numbers)
        for peak in self._waiting:
            peak.after += word.text
        self._waiting = [peak for peak in self._waiting if len(peak.after) < _AFTER]
        if self._most and word.nats is not None and not word.text.isspace():
            item = (word.nats, -number, Peak(word, self._recent, "", number))
            if len(self._heap) < self._most:
                heapq.heappush(self._heap, item)
                self._waiting.append(item[2])
            elif word.nats > self._heap[0][0]:
                heapq.heapreplace(self._heap, item)
                self._waiting.append(item[2])
        self._recent = (self._recent + word.text)[-_BEFORE:]

    def found(self) -> list[Peak]:
        """Return the words, the most surprising first."""
        ranked = sorted(self._heap, key=lambda item: (-item[0], -item[1]))
        return [
            Peak(peak.word, _line_end(peak.before), _line_start(peak.after), peak.number)
            for _, _, peak in ranked
        ]


def _line_end(text: str) -> str:
    """Return what stands before a word in its line."""
    return text.rpartition("\n")[2]


def _line_start(text: str) -> str:
    """Return what stands behind a word in its line."""
    return text.partition("\n")[0][:_AFTER]
