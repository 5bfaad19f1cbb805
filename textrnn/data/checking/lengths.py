"""How long texts are: exact percentiles in constant memory."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["LengthTally"]

_MOST = 1 << 16
"""Lengths are told apart up to this."""
_SHARES = (0.5, 0.9, 0.95, 0.99)


class LengthTally:
    """Counts lengths."""

    def __init__(self) -> None:
        self._counts = np.zeros(_MOST + 1, np.int64)
        self.longest = 0
        self.total = 0

    def add(self, lengths: npt.NDArray[np.int64]) -> None:
        """Add lengths, shape (texts,)."""
        if len(lengths):
            self._counts += np.bincount(np.minimum(lengths, _MOST), minlength=_MOST + 1)
            self.longest = max(self.longest, int(lengths.max()))
            self.total += int(lengths.sum())

    @property
    def count(self) -> int:
        """How many texts there are."""
        return int(self._counts.sum())

    @property
    def mean(self) -> float:
        """Their mean length."""
        return self.total / max(1, self.count)

    def longer_than(self, length: int) -> int:
        """Return how many are longer than ``length``, at most 65,535."""
        return int(self._counts[min(length, _MOST - 1) + 1 :].sum())

    def at_most(self, length: int) -> int:
        """Return how many are no longer than ``length``."""
        return self.count - self.longer_than(length)

    def percentile(self, share: float) -> int:
        """Return the least length that this share of the texts does not exceed."""
        if not self.count:
            return 0
        at = int(np.searchsorted(np.cumsum(self._counts), share * self.count))
        return self.longest if at >= _MOST else at

    def words(self, unit: str) -> str:
        """Return the percentiles for a person."""
        median, *others = (self.percentile(share) for share in _SHARES)
        names = zip(_SHARES[1:], others, strict=True)
        told = ", ".join(f"{share:.0%} up to {length:,}" for share, length in names)
        return f"median {median:,} {unit}, {told}, longest {self.longest:,}"

    def as_dict(self) -> dict[str, Any]:
        """Return them as JSON can hold it."""
        named = {f"p{round(100 * share)}": self.percentile(share) for share in _SHARES}
        return {"count": self.count, "mean": round(self.mean, 2), **named, "longest": self.longest}
