"""Random numbers that depend on what they are for, not on when they are drawn.

Each number is a hash of (seed, prompt, sample, position). So a text is the same whether it is made
alone or in a batch, whatever its neighbours are and whenever they finish, and any part of a stream
can be recomputed without what came before it (counter-based generation: Salmon et al. 2011).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

__all__ = ["Keys", "row_key", "uniforms"]

Keys = npt.NDArray[np.uint64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)


def row_key(seed: int, prompt: str, sample: int) -> Sequence[int]:
    """Return the key of one text's random numbers: two integers below 2**64."""
    content = f"{seed}\0{sample}\0{prompt}".encode("utf-8", "surrogatepass")
    digest = hashlib.blake2b(content, digest_size=16).digest()
    return (int.from_bytes(digest[:8], "little"), int.from_bytes(digest[8:], "little"))


def uniforms(keys: Keys, first: int, count: int) -> npt.NDArray[np.float64]:
    """Return random numbers from [0, 1).

    Args:
        keys: (batch, 2), uint64, from :func:`row_key`.
        first: Position of the first number, at least 0.
        count: How many positions.

    Returns:
        (count, batch), multiples of 2**-53.
    """
    positions = np.arange(count, dtype=np.uint64) + np.uint64(first % 2**64)
    mixed = _mix(positions[:, None] * _GOLDEN + keys[:, 0])
    mixed = _mix(mixed ^ keys[:, 1])
    scaled: npt.NDArray[np.float64] = (mixed >> np.uint64(11)) * 2.0**-53
    return scaled


def _mix(x: Keys) -> Keys:
    """Return SplitMix64's finaliser (Steele, Lea and Flood 2014): each bit depends on all bits."""
    x = (x ^ (x >> np.uint64(30))) * _MIX_1
    x = (x ^ (x >> np.uint64(27))) * _MIX_2
    mixed: Keys = x ^ (x >> np.uint64(31))
    return mixed
