"""What the texts of a table's rows are like: characters, lengths, a sample of them."""

from __future__ import annotations

import bisect

import numpy as np

from textrnn.data.checking.characters import CharacterCensus, codes_of
from textrnn.data.checking.lengths import LengthTally

__all__ = ["RowTexts"]

_CHARACTERS = 1 << 20
_SAMPLE = 1 << 21
"""Characters of the texts that are kept to be cut into tokens."""


class RowTexts:
    """Takes texts one by one and looks at many at once.

    Attributes:
        census: Their characters.
        lengths: Their lengths in characters, empty ones apart.
        words: Their lengths in words, between white space.
        short: How many have one or two characters.
    """

    def __init__(self) -> None:
        self.census = CharacterCensus()
        self.lengths = LengthTally()
        self.words = LengthTally()
        self.short = 0
        self.sample: list[str] = []
        self._texts: list[str] = []
        self._places: list[str] = []
        self._size = self._sampled = self._number = 0
        self._stride = 1

    def add(self, text: str, place: str) -> None:
        """Add a text, and what messages call its place."""
        if not text:
            return
        self._texts.append(text)
        self._places.append(place)
        self._size += len(text) + 1
        if self._number % self._stride == 0:
            self.sample.append(text)
            self._sampled += len(text)
            if self._sampled > _SAMPLE:
                self._thin()
        self._number += 1
        if self._size > _CHARACTERS:
            self.settle()

    def settle(self) -> None:
        """Look at what is waiting."""
        if not self._texts:
            return
        joined = "\n".join(self._texts)
        lengths = np.fromiter(map(len, self._texts), np.int64, len(self._texts))
        starts = (np.cumsum(lengths + 1) - lengths - 1).tolist()
        places = self._places
        self.census.add(
            joined, codes_of(joined), lambda at: places[bisect.bisect_right(starts, at) - 1]
        )
        self.lengths.add(lengths)
        words = (len(text.split()) for text in self._texts)
        self.words.add(np.fromiter(words, np.int64, len(self._texts)))
        self.short += int(np.count_nonzero(lengths < 3))
        self._texts, self._places, self._size = [], [], 0

    def _thin(self) -> None:
        """Keep every second text of the sample, and take every second one from now on."""
        self.sample = self.sample[::2]
        self._stride *= 2
        self._sampled = sum(map(len, self.sample))
