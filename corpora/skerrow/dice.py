"""Random numbers that are the same on every machine and every Python."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

__all__ = ["Dice"]

T = TypeVar("T")

_MASK = (1 << 64) - 1


class Dice:
    """A small seeded generator (SplitMix64).

    The standard library's `random` promises the same floats for a seed, not the same shuffles, so
    texts that must be rewritten byte for byte draw from these few lines instead.

    Args:
        seed: Any integer; equal seeds give equal draws.
    """

    def __init__(self, seed: int) -> None:
        self._state = seed & _MASK

    def below(self, limit: int) -> int:
        """Returns an integer from 0 to `limit` - 1; `limit` must be positive."""
        self._state = (self._state + 0x9E3779B97F4A7C15) & _MASK
        mixed = self._state
        mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & _MASK
        return ((mixed ^ (mixed >> 31)) * limit) >> 64

    def between(self, low: int, high: int) -> int:
        """Returns an integer from `low` to `high`, both ends included."""
        return low + self.below(high - low + 1)

    def chance(self, percent: int) -> bool:
        """Says yes `percent` times in a hundred."""
        return self.below(100) < percent

    def pick(self, items: Sequence[T]) -> T:
        """Returns one of `items`, which must not be empty."""
        return items[self.below(len(items))]

    def shuffled(self, items: Sequence[T]) -> list[T]:
        """Returns the items in a new order (Fisher and Yates), leaving `items` as it is."""
        deck = list(items)
        for last in range(len(deck) - 1, 0, -1):
            other = self.below(last + 1)
            deck[last], deck[other] = deck[other], deck[last]
        return deck

    def sample(self, items: Sequence[T], count: int) -> list[T]:
        """Returns `count` different items (all of them, if there are fewer)."""
        return self.shuffled(items)[:count]
