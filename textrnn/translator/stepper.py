"""The translator as decoding knows it: rows that grow token by token, on any torch device."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from textrnn.decoding.candidates import NEVER, best_candidates
from textrnn.decoding.protocol import Banned, Candidates, Ids64, Logits
from textrnn.tokenizers.base import EOS_ID
from textrnn.translator.decoder import DecoderState
from textrnn.translator.model import EncoderDecoder

__all__ = ["TranslatorStepper", "largest"]

_BLOCK = 64
"""Neighbouring logits whose largest is looked for together."""


class TranslatorStepper:
    """A ``textrnn.decoding.protocol.RowModel`` for sampling and a ``BeamModel`` for beam search.

    A row is a translation in the making; its state holds what it attends to. Candidates are found on the
    device, so that no more than they travel.

    Args:
        model: The network, on its device.
        never: Ids that are never said.
    """

    def __init__(self, model: EncoderDecoder, never: Sequence[int] = NEVER) -> None:
        self._model = model
        self._never = tuple(never)
        self._device = next(model.parameters()).device
        self._out = torch.tensor([EOS_ID, *self._never], device=self._device)

    def step(self, ids: Ids64, state: DecoderState) -> tuple[Logits, DecoderState]:
        """Read one token per row and say what may follow; see ``RowModel``."""
        logits, state = self._stepped(ids, state)
        return logits.cpu().numpy(), state

    def extend(
        self, ids: Ids64, state: DecoderState, count: int, banned: Banned | None
    ) -> tuple[Candidates, DecoderState]:
        """Read one token per row and name the likeliest that may follow; see ``BeamModel``."""
        logits, state = self._stepped(ids, state)
        whole = logits.logsumexp(-1)
        ends = logits[:, EOS_ID] - whole
        if count >= logits.shape[1] - len(self._out):
            return best_candidates(logits.cpu().numpy(), count, banned, self._never), state
        allowed = logits.index_fill(1, self._out, -torch.inf)
        if banned is not None:
            rows, tokens = (torch.from_numpy(part).to(self._device) for part in banned)
            allowed[rows, tokens] = -torch.inf
        values, places = _in_order(allowed, *largest(allowed, count + 1))
        log_probs = values - whole.unsqueeze(1)
        found = torch.cat([log_probs, ends.unsqueeze(1)], 1).cpu().numpy()
        return Candidates(places.cpu().numpy(), found[:, :-1], found[:, -1]), state

    def reorder(self, state: DecoderState, index: Ids64) -> DecoderState:
        """Return the state of the rows ``index``; see ``RowModel``."""
        return self._model.reorder(state, torch.from_numpy(np.ascontiguousarray(index)))

    def _stepped(self, ids: Ids64, state: DecoderState) -> tuple[Tensor, DecoderState]:
        there = torch.from_numpy(np.ascontiguousarray(ids)).to(self._device)
        logits, state, _ = self._model.step(there, state)
        return logits, state


def largest(values: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Return each row's largest values, in falling order, and their places, as ``topk`` does, but faster.

    The largest lie in the blocks with the largest maxima, and a maximum takes one pass that needs no order.

    Args:
        values: (rows, vocab).
        count: How many, at most ``vocab``.

    Returns:
        Values and places, (rows, count) each; which of equals is taken is not said.
    """
    blocks = values.shape[1] // _BLOCK
    if blocks <= count:
        largest, places = values.topk(count)
        return largest, places
    whole = blocks * _BLOCK
    best = values[:, :whole].reshape(-1, blocks, _BLOCK).amax(-1).topk(count).indices
    inside = torch.arange(_BLOCK, device=values.device)
    rest = torch.arange(whole, values.shape[1], device=values.device).expand(len(values), -1)
    candidates = torch.cat([(best.unsqueeze(-1) * _BLOCK + inside).flatten(1), rest], 1)
    largest, chosen = values.gather(1, candidates).topk(count)
    return largest, candidates.gather(1, chosen)


def _in_order(values: Tensor, found: Tensor, places: Tensor) -> tuple[Tensor, Tensor]:
    """Return the largest values but one, in falling order, and their places, the lowest of equals first.

    In bfloat16 most rows have equals among their largest; where none of them is left out, putting those
    in order is all there is to do.

    Args:
        values: (rows, vocab).
        found: Each row's largest, one more than is asked for, (rows, count + 1), in falling order.
        places: Their places, likewise.
    """
    count = found.shape[1] - 1
    # Which of equals were taken is not said; it matters where one of them was left out.
    doubtful = (found[:, count] == found[:, count - 1]).nonzero().flatten()
    found, places = found[:, :count], places[:, :count]
    if len(doubtful):
        rows, least = values[doubtful], found[doubtful, count - 1 :]
        vocab = rows.shape[1]
        # Above all others what is larger, then the lowest places; whole numbers below 2 ** 24 are exact.
        rank = torch.arange(vocab, 0, -1, device=rows.device, dtype=torch.float32)
        wanted = torch.where(rows == least, rank, 0.0).masked_fill(rows > least, vocab + 1.0)
        chosen = largest(wanted, count)[1]
        places = places.index_copy(0, doubtful, chosen)
        found = found.index_copy(0, doubtful, rows.gather(1, chosen))
    places, order = places.sort(1)
    found, order = found.gather(1, order).sort(dim=1, descending=True, stable=True)
    return found, places.gather(1, order)
