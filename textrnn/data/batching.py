"""Batches of like length over more documents than memory would like to shuffle."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

__all__ = ["padded_time", "pooled_batches", "pools"]

Int64 = npt.NDArray[np.int64]

_POOL = 1 << 15
_BLOCKS = 1 << 16


def padded_time(longest: int) -> int:
    """Return the steps of a batch to be trained on, at least as many as its longest document has.

    Each shape of a batch costs oneDNN a plan of its kernels, in time and in memory. So from 32 steps on only
    some lengths come: at most 16 between a power of two and the next, which pads by less than a sixteenth.

    Args:
        longest: Tokens of the longest document, at least 1.
    """
    step = 1 << max(0, (longest - 1).bit_length() - 5)
    return -(-longest // step) * step


def pooled_batches(
    count: int,
    lengths_of: Callable[[Int64], Int64],
    batch_size: int,
    rng: np.random.Generator,
) -> Iterator[Int64]:
    """Yield the numbers 0 to ``count - 1``, each once, in batches of like length and size, in random order.

    Within each of :func:`pools` documents are sorted into batches of like length.

    Args:
        count: Documents.
        lengths_of: Returns the lengths of the documents with the given numbers.
        batch_size: Most documents in a batch.
        rng: Draws the order.
    """
    for pool in pools(count, rng):
        order = np.argsort(lengths_of(pool), kind="stable")
        # Of like size too: a remainder would hold the longest, with the weight of a whole batch.
        batches = np.array_split(order, -(-len(order) // batch_size))
        for chosen in rng.permutation(len(batches)):
            yield pool[batches[chosen]]


def pools(count: int, rng: np.random.Generator) -> Iterator[Int64]:
    """Yield the numbers 0 to ``count - 1``, each once, in random order, many at a time.

    Documents are shuffled in blocks of neighbours, then singly within pools of ``_POOL``: memory stays
    bounded however many documents there are.

    Args:
        count: Documents.
        rng: Draws the order.
    """
    block = max(1, -(-count // _BLOCKS))
    blocks = rng.permutation(-(-count // block))
    per_pool = max(1, _POOL // block)
    for at in range(0, len(blocks), per_pool):
        members = blocks[at : at + per_pool, None] * block + np.arange(block)
        yield rng.permutation(members[members < count])
