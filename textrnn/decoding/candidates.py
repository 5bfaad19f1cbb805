"""From logits to the likeliest next tokens, by NumPy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from textrnn.decoding.protocol import Banned, Candidates
from textrnn.errors import ModelError
from textrnn.tokenizers.base import BOS_ID, EOS_ID, PAD_ID

__all__ = ["NEVER", "best_candidates"]

NEVER = (PAD_ID, BOS_ID)
"""Ids that never follow."""


def best_candidates(
    logits: npt.NDArray[np.floating],
    count: int,
    banned: Banned | None = None,
    never: Sequence[int] = NEVER,
) -> Candidates:
    """Return the likeliest next tokens of every row.

    Args:
        logits: (rows, vocab); they are left as they are.
        count: As for ``BeamModel.extend``.
        banned: Likewise.
        never: Ids that may follow nowhere.

    Raises:
        ModelError: logits are no numbers.
    """
    log_probs = np.asarray(logits, np.float64)
    log_probs = log_probs - log_probs.max(axis=1, keepdims=True)
    log_probs -= np.log(np.exp(log_probs).sum(axis=1, keepdims=True))
    ends = log_probs[:, EOS_ID].copy()
    if np.isnan(ends).any():
        raise ModelError("the model's weights make no number of a text; train it again")
    log_probs[:, [EOS_ID, *never]] = -np.inf
    if banned is not None:
        log_probs[banned] = -np.inf
    # What may follow nowhere, and <eos>, are candidates only where there is nothing else.
    count = max(1, min(count, log_probs.shape[1] - len({EOS_ID, *never})))
    ids = _largest(log_probs, count)
    return Candidates(ids, np.take_along_axis(log_probs, ids, axis=1), ends)


def _largest(values: npt.NDArray[np.float64], count: int) -> npt.NDArray[np.int64]:
    """Return the places of each row's ``count`` largest values, of equals the first; (rows, count)."""
    if count == 1:
        first: npt.NDArray[np.int64] = values.argmax(axis=1)[:, None]
        return first
    vocab = values.shape[1]
    least = np.partition(values, vocab - count, axis=1)[:, vocab - count]
    # Several may equal the least of them: of those the first ones are taken.
    above = values > least[:, None]
    equal = values == least[:, None]
    missing = count - above.sum(axis=1)
    taken = above | (equal & (equal.cumsum(axis=1) <= missing[:, None]))
    places = np.nonzero(taken)[1].reshape(len(values), count)
    order = np.argsort(-np.take_along_axis(values, places, axis=1), axis=1, kind="stable")
    ordered: npt.NDArray[np.int64] = np.take_along_axis(places, order, axis=1)
    return ordered
