"""Forced decoding: how probable given targets are, and what they look at, all steps at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from textrnn.tokenizers.base import BOS_ID, EOS_ID
from textrnn.translator.batches import padded
from textrnn.translator.model import EncoderDecoder
from textrnn.translator.protocol import Forced, Ids

__all__ = ["forced"]


def forced(
    model: EncoderDecoder, pairs: Sequence[tuple[Ids, Ids]], *, attention: bool = False
) -> list[Forced]:
    """Read targets beside their sources.

    Args:
        model: The network, on its device.
        pairs: Sources, ``<eos>`` last, and targets without ``<bos>`` and ``<eos>``; at least one pair.
        attention: Whether to return what was looked at.
    """
    device = next(model.parameters()).device
    src, src_lengths = padded([pair[0] for pair in pairs])
    tgt_in, tgt_lengths = padded([np.concatenate(([BOS_ID], pair[1])) for pair in pairs])
    tgt_out, _ = padded([np.concatenate((pair[1], [EOS_ID])) for pair in pairs])
    encoded = model.encode(src.to(device), src_lengths.to(device))
    logits, weights = model.decode(tgt_in.to(device), encoded)
    totals = _log_probs(logits, tgt_out.to(device), tgt_lengths.to(device)).tolist()
    if not attention:
        return [Forced(total, None) for total in totals]
    looked = weights.transpose(0, 1).float().cpu().numpy()
    sizes = zip(tgt_lengths.tolist(), src_lengths.tolist(), strict=True)
    return [
        Forced(total, looked[row, :height, :width])
        for row, (total, (height, width)) in enumerate(zip(totals, sizes, strict=True))
    ]


def _log_probs(logits: Tensor, targets: Tensor, lengths: Tensor) -> Tensor:
    """Return each target's log-probability, (batch,), float64, on the CPU.

    Args:
        logits: (time, batch, vocab).
        targets: (batch, time).
        lengths: (batch,).
    """
    time, batch, _ = logits.shape
    losses = functional.cross_entropy(
        logits.flatten(0, 1).float(), targets.t().flatten(), reduction="none"
    ).view(time, batch)
    inside = torch.arange(time, device=lengths.device).unsqueeze(1) < lengths
    # Summed in float64 on the CPU: not every device has it.
    return -losses.masked_fill(~inside, 0).cpu().double().sum(0)
