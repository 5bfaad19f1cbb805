"""Cross-entropy over a large vocabulary with label smoothing, output layer included.

The logits of a batch are the largest thing in its graph: a thousand tokens of six thousand ids fill 23 MB,
and torch's own operations walk through them some ten times, forwards and backwards. Here each part of the
rows goes through all of it while it lies in the cache, the gradient is made on the spot and takes the
logits' place.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["smoothed_nats"]

_CPU_NUMBERS, _GPU_NUMBERS = 1 << 18, 1 << 26
"""Logits that are worked on at a time."""


def smoothed_nats(
    features: Tensor,
    weight: Tensor,
    bias: Tensor,
    targets: Tensor,
    *,
    smoothing: float = 0.0,
    ignored: int = -100,
) -> Tensor:
    """Return the surprise of all targets, summed, in nats.

    The same as ``cross_entropy`` of ``features @ weight.T + bias`` with ``reduction="sum"``: with smoothing a
    share of certainty is taken from the target and spread over all ids (Szegedy et al. 2016, section 7).
    Where autocast is on, products are taken in its type; the softmax is taken in float32.

    Args:
        features: What the output layer reads, (rows, dim).
        weight: Its weights, (vocab, dim).
        bias: Its bias, (vocab,).
        targets: Right ids, (rows,), int64.
        smoothing: Share spread, from 0 to below 1.
        ignored: A target that counts for nothing.
    """
    nats: Tensor = _SmoothedNats.apply(features, weight, bias, targets, smoothing, ignored)  # type: ignore[no-untyped-call]
    return nats


class _SmoothedNats(torch.autograd.Function):
    """The sum, whose gradient is made in the forward pass."""

    @staticmethod
    def forward(
        ctx: Any,
        features: Tensor,
        weight: Tensor,
        bias: Tensor,
        targets: Tensor,
        smoothing: float,
        ignored: int,
    ) -> Tensor:
        kind = features.device.type
        dtype = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else weight.dtype
        with torch.autocast(kind, enabled=False):
            x, w = features.to(dtype), weight.to(dtype)
            logits = functional.linear(x, w, bias.to(dtype))
            wants_gradient = any(ctx.needs_input_grad[:3])
            total = _sum_and_gradient(logits, targets, smoothing, ignored, wants_gradient)
            if wants_gradient:
                # What were the logits is now their gradient.
                ctx.save_for_backward(
                    (logits @ w).to(features.dtype),
                    (logits.t() @ x).to(weight.dtype),
                    # A product: a sum over rows walks through memory against its order.
                    (logits.new_ones(1, len(logits)) @ logits)[0].to(bias.dtype),
                )
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        scale = gradients[0]
        return (*(saved * scale for saved in ctx.saved_tensors), None, None, None)


def _sum_and_gradient(
    logits: Tensor, targets: Tensor, smoothing: float, ignored: int, wants_gradient: bool
) -> Tensor:
    """Return the sum of the surprises; with ``wants_gradient``, its gradient replaces the logits."""
    rows, vocab = logits.shape
    numbers = _CPU_NUMBERS if logits.device.type == "cpu" else _GPU_NUMBERS
    size = max(1, numbers // vocab)
    total = torch.zeros((), device=logits.device)
    for low in range(0, rows, size):
        part = logits[low : low + size]
        target = targets[low : low + size].unsqueeze(1)
        is_ignored = target == ignored
        target = target.masked_fill(is_ignored, 0)
        # Nothing for what does not count.
        weights = (~is_ignored).float()
        scores = part.float()
        greatest = scores.amax(-1, keepdim=True)
        right = scores.gather(1, target)
        mean = scores.mean(-1, keepdim=True) if smoothing else right
        # In place from here on: every pass over the vocabulary counts.
        shares = scores.sub_(greatest).exp_()
        sums = shares.sum(-1, keepdim=True)
        nats = greatest + sums.log() - (1 - smoothing) * right - smoothing * mean
        total = total + (nats * weights).sum()
        if wants_gradient:
            shares.mul_(weights / sums).sub_(weights * (smoothing / vocab))
            shares.scatter_add_(1, target, weights * (smoothing - 1))
            part.copy_(shares)
    return total
