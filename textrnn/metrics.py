"""Figures derived from sums and counts."""

from __future__ import annotations

import math

__all__ = ["bits_per_char", "perplexity"]


def perplexity(loss: float) -> float:
    """Return the exponential of a loss in nats per target; infinity where it overflows."""
    return math.exp(loss) if loss < 700 else math.inf


def bits_per_char(nats: float, characters: int) -> float | None:
    """Return the bits that a text's characters cost on average.

    Args:
        nats: Summed surprise of all its targets.
        characters: Its characters (Unicode code points); 0 gives None.
    """
    return nats / math.log(2) / characters if characters else None
