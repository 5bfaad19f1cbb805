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
from torch.autograd.function import once_differentiable
from torch.nn import functional

from textrnn.nn.precision import as_given, product_type_of

__all__ = ["each_nats", "smoothed_nats"]

_CPU_NUMBERS, _GPU_NUMBERS = 1 << 18, 1 << 26
"""Logits that are worked on at a time."""
_WORDS = 1024
"""Words of a block, where logits are not kept."""


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
        dtype = product_type_of(weight)
        with as_given(weight.device):
            x, w = features.to(dtype), weight.to(dtype)
            logits = functional.linear(x, w, bias.to(dtype))
            wants_gradient = any(ctx.needs_input_grad[:3])
            total = _sum_and_gradient(logits, targets, smoothing, ignored, wants_gradient)
            if wants_gradient:
                # What were the logits is now their gradient.
                ctx.save_for_backward(
                    logits @ w,
                    logits.t() @ x,
                    # A product: a sum over rows walks through memory against its order.
                    (logits.new_ones(1, len(logits)) @ logits)[0],
                )
                ctx.dtypes = features.dtype, weight.dtype, bias.dtype
        return total

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Any) -> Any:
        scale = gradients[0]
        pairs = zip(ctx.saved_tensors, ctx.dtypes, strict=True)
        return (*(_scaled(saved, dtype, scale) for saved, dtype in pairs), None, None, None)


def _scaled(saved: Tensor, dtype: torch.dtype, scale: Tensor) -> Tensor:
    """Return a gradient in its parameter's type, times a number; what was saved stays."""
    return saved * scale if saved.dtype == dtype else saved.to(dtype).mul_(scale)


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
            shares.mul_(weights / sums)
            if smoothing:
                shares.sub_(weights * (smoothing / vocab))
            shares.scatter_add_(1, target, weights * (smoothing - 1))
            part.copy_(shares)
    return total


def each_nats(features: Tensor, weight: Tensor, bias: Tensor, targets: Tensor) -> Tensor:
    """Return the surprise of each target in nats, without a gradient.

    The logits of a block of rows and words are made, summed up and forgotten, so that memory does not grow
    with the vocabulary. Types are those of :func:`smoothed_nats`.

    Args:
        features: What the output layer reads, (rows, dim).
        weight: Its weights, (vocab, dim).
        bias: Its bias, (vocab,).
        targets: Right ids, (rows,), int64.

    Returns:
        (rows,), float32.
    """
    dtype = product_type_of(weight)
    numbers = _CPU_NUMBERS if weight.device.type == "cpu" else _GPU_NUMBERS
    words = min(len(weight), max(_WORDS, numbers // max(1, len(features))))
    size = max(1, numbers // words)
    with torch.no_grad(), as_given(weight.device):
        x = features.to(dtype)
        right = x.new_empty(len(x), dtype=torch.float32)
        total = torch.full_like(right, -torch.inf)
        for low in range(0, len(weight), words):
            block = slice(low, low + words)
            w, b = weight[block].to(dtype), bias[block].to(dtype)
            for at in range(0, len(x), size):
                rows = slice(at, at + size)
                scores = functional.linear(x[rows], w, b).float()
                place = targets[rows] - low
                is_here = (place >= 0) & (place < len(b))
                found = scores.gather(1, place.clamp(0, len(b) - 1).unsqueeze(1)).squeeze(1)
                right[rows] = torch.where(is_here, found, right[rows])
                greatest = scores.amax(1)
                sums = scores.sub_(greatest.unsqueeze(1)).exp_().sum(1)
                total[rows] = torch.logaddexp(total[rows], greatest + sums.log())
    return total - right
