"""What words are spelt with: rows of an embedding table for the character n-grams of each word."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

__all__ = ["MOST_NGRAMS", "spelling_rows"]

SHORTEST, LONGEST = 3, 5
MOST_NGRAMS = 24
"""N-grams of a word that count; of a longer word they are taken evenly."""

_OFFSET, _PRIME = np.uint64(14695981039346656037), np.uint64(1099511628211)


def spelling_rows(pieces: Sequence[str], rows: int) -> npt.NDArray[np.int32]:
    """Return the table rows of the character n-grams of each piece.

    As in fastText (Bojanowski et al. 2017, section 3.2) a word is put between ``<`` and ``>``, so that
    beginnings and endings are told from middles, and its n-grams of 3 to 5 characters are hashed, the
    whole word not among them. It departs from there in the hash, which reads code points instead of
    bytes, and in the bound on the number of n-grams.

    Args:
        pieces: The words.
        rows: Rows of the table, at least 2; row 0 means no n-gram.

    Returns:
        (pieces, 24), int32, filled up with 0.
    """
    if rows < 2:
        raise ValueError(f"{rows} rows of spellings; it takes at least 2")
    joined = "".join(f"<{piece}>" for piece in pieces)
    points = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), "<u4").astype(np.uint64)
    lengths = np.fromiter((len(piece) + 2 for piece in pieces), np.int64, len(pieces))
    word = np.repeat(np.arange(len(pieces)), lengths)
    # Characters from each place to its word's end.
    left = np.repeat(np.cumsum(lengths), lengths) - np.arange(len(points))
    hashes, words = [], []
    for size in range(SHORTEST, LONGEST + 1):
        at = np.flatnonzero((left >= size) & (size < lengths[word]))
        hashed = np.full(len(at), _OFFSET)
        for step in range(size):
            hashed = (hashed ^ points[at + step]) * _PRIME
        hashes.append(hashed)
        words.append(word[at])
    owner = np.concatenate(words)
    # By word; within one the shorter n-grams first, from left to right.
    order = np.argsort(owner, kind="stable")
    found = np.concatenate(hashes)[order]
    counts = np.bincount(owner, minlength=len(pieces))
    return _table(found, counts, rows)


def _table(
    hashes: npt.NDArray[np.uint64], counts: npt.NDArray[np.int64], rows: int
) -> npt.NDArray[np.int32]:
    """Return each word's rows, evenly chosen where there are too many."""
    number = np.arange(MOST_NGRAMS)
    spread = number * np.maximum(counts - 1, 0)[:, None] // (MOST_NGRAMS - 1)
    chosen = np.where(counts[:, None] > MOST_NGRAMS, spread, number)
    places = (np.cumsum(counts) - counts)[:, None] + chosen
    there = number < counts[:, None]
    if not len(hashes):
        return np.zeros(there.shape, np.int32)
    # The upper bits of a product are mixed better than the lower ones.
    bucket = (hashes >> np.uint64(20)) % np.uint64(rows - 1) + np.uint64(1)
    return np.where(there, bucket[np.minimum(places, len(hashes) - 1)], 0).astype(np.int32)
