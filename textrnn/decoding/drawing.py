"""Whole texts drawn at random, those of a batch at once."""

from __future__ import annotations

from typing import TypeVar

import numpy as np

from textrnn.decoding.batch import SampledBatch
from textrnn.decoding.protocol import Ids64, RowModel
from textrnn.decoding.randomness import Keys
from textrnn.decoding.sampling import Sampler
from textrnn.tokenizers.base import BOS_ID, EOS_ID

__all__ = ["draw"]

StateT = TypeVar("StateT")


def draw(
    model: RowModel[StateT], state: StateT, limits: Ids64, sampler: Sampler, keys: Keys
) -> list[Ids64]:
    """Return one text for each row.

    Args:
        model: What says which tokens may follow.
        state: Its state before ``<bos>``.
        limits: Greatest number of tokens of each row, (rows,), int64.
        sampler: What chooses; it may choose ``<eos>``.
        keys: Keys of the rows' random numbers, (rows, 2).

    Returns:
        Each row's tokens, without ``<bos>`` and ``<eos>``.
    """
    said: list[list[int]] = [[] for _ in limits]
    most = limits.tolist()
    rows = list(range(len(most)))
    start = np.array([BOS_ID], np.int64)
    batch = SampledBatch(model, sampler, state, [start] * len(rows), keys)
    while rows:
        kept = []
        for place, (row, token) in enumerate(zip(rows, batch.next_ids().tolist(), strict=True)):
            if token != EOS_ID and len(said[row]) < most[row]:
                said[row].append(token)
                kept.append(place)
        if len(kept) < len(rows):
            rows = [rows[place] for place in kept]
            if rows:
                batch.keep(kept)
    return [np.array(ids, np.int64) for ids in said]
