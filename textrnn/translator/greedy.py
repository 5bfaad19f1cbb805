"""Greedy translation of a batch while training: the likeliest token at every step."""

from __future__ import annotations

import torch
from torch import Tensor

from textrnn.decoding.candidates import NEVER
from textrnn.tokenizers.base import BOS_ID, EOS_ID
from textrnn.translator.model import EncoderDecoder

__all__ = ["greedy"]


@torch.no_grad()
def greedy(model: EncoderDecoder, src: Tensor, lengths: Tensor, limits: Tensor) -> list[list[int]]:
    """Return the likeliest continuation of every source, token by token.

    Args:
        model: The network.
        src: Padded token ids, (batch, time), int64, on the model's device.
        lengths: Real tokens of each source, (batch,), int64, at least 1, likewise.
        limits: Most tokens of each translation, (batch,), int64, on the CPU.

    Returns:
        Ids of each translation, without ``<bos>`` and ``<eos>``.
    """
    state = model.start(model.encode(src, lengths))
    found: list[list[int]] = [[] for _ in lengths]
    rows = torch.arange(len(lengths))
    ids = torch.full((len(lengths),), BOS_ID)
    for step in range(int(limits.max())):
        logits, state, _ = model.step(ids.to(src.device), state)
        logits[:, list(NEVER)] = -torch.inf
        ids = logits.argmax(-1).cpu()
        goes_on = (ids != EOS_ID) & (limits[rows] > step)
        kept = goes_on.nonzero().flatten()
        if len(kept) < len(rows):
            state = model.reorder(state, kept)
            rows, ids = rows[kept], ids[kept]
        if not len(rows):
            break
        for row, token_id in zip(rows.tolist(), ids.tolist(), strict=True):
            found[row].append(token_id)
    return found
