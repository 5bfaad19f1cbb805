"""The hash that turns n-grams of token ids into rows of an embedding table.

One definition serves training (torch), generation (NumPy) and a single step (Python integers): it
uses nothing but ``+``, ``*`` and ``%`` on integers below 2**63, so that all three give the same
rows and none overflows. Each prefix of the hash is the hash of a shorter n-gram, so that all orders
cost one pass.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

__all__ = ["BAG_SCALE", "ngram_rows", "rows_of_ngrams"]

BAG_SCALE = 5.0
"""What the sum of a bag of n-grams is multiplied by: it lets the weights of single n-grams, of which each is
met seldom, move as fast as they should at the rate that suits a recurrent network."""

_PRIME = 2_147_483_647
_BASE = 1_000_003
_MIX = 48_271
"""Multiplier of a last round (Park and Miller's generator), which spreads neighbours apart."""


def rows_of_ngrams(newest_first: Sequence[Any], rows: int) -> list[Any]:
    """Return the table rows of the n-grams of orders 2, 3, … that end at one place.

    Args:
        newest_first: The ids x[t], x[t-1], …: Python integers, or int64 arrays or tensors of one
            shape.
        rows: Rows of an order's block in the table.

    Returns:
        For each order from 2 to ``len(newest_first)``, its row, counted from the first block's
        start.
    """
    accumulated = newest_first[0] + 1
    found = []
    for block, ids in enumerate(newest_first[1:]):
        accumulated = (accumulated * _BASE + ids + 1) % _PRIME
        found.append((accumulated * _MIX) % _PRIME % rows + block * rows)
    return found


def ngram_rows(ids: Any, order: int, rows: int) -> Any:
    """Return the table rows of all n-grams that end at each place of a sequence.

    Args:
        ids: (order - 1 + time, ...), int64, a NumPy array or a torch tensor: the ids before the
            sequence (0 before a document's start), then the sequence itself.
        order: Longest n-gram, at least 2.
        rows: Rows of an order's block in the table.

    Returns:
        (time, ..., order - 1), int64, of the same library and device.
    """
    time = len(ids) - (order - 1)
    newest_first = [ids[order - 1 - back : order - 1 - back + time] for back in range(order)]
    # The library is the argument's own, so that neither has to be imported for the other's sake.
    library = sys.modules[type(ids).__module__.partition(".")[0]]
    return library.stack(rows_of_ngrams(newest_first, rows), -1)
