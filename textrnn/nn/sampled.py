"""The loss over a large vocabulary by a sample of it, so that training need not score every word."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

from textrnn.nn.dropout import MaskSource
from textrnn.nn.lookup import looked_up
from textrnn.nn.precision import as_given, exact_type, product_type_of

__all__ = ["expected_counts", "log_uniform", "sampled_nats"]

_CPU_NUMBERS, _GPU_NUMBERS = 1 << 18, 1 << 26
"""Scores that are worked on at a time."""


def log_uniform(uniform: Tensor, vocab_size: int) -> Tensor:
    """Return ids drawn with probability log((id + 2) / (id + 1)) / log(vocab_size + 1).

    That is Zipf's law, which fits where ids stand in the order of frequency, as those of words do.

    Args:
        uniform: Numbers from 0 to below 1, (samples,), as exact as the device has them.
        vocab_size: Number of ids.

    Returns:
        (samples,), int64.
    """
    drawn = torch.exp(uniform * math.log(vocab_size + 1)) - 1
    return drawn.long().clamp_(0, vocab_size - 1)


def expected_counts(ids: Tensor, samples: int, vocab_size: int) -> Tensor:
    """Return how often each id is expected among the samples of :func:`log_uniform`, float32."""
    share = torch.log1p(1 / (ids.to(exact_type(ids.device)) + 1)) / math.log(vocab_size + 1)
    return (samples * share).float()


def sampled_nats(
    features: Tensor,
    targets: Tensor,
    weight: Tensor,
    bias: Tensor,
    samples: int,
    masks: MaskSource,
    counted: Tensor | None = None,
) -> Tensor:
    """Return an estimate of the targets' surprise, summed, against a sample of the vocabulary.

    The softmax's denominator is the target's own part and an importance-sampled estimate of the others'
    (Bengio and Senécal 2008; Jean et al. 2015, section 3.1): every sampled score is lowered by the logarithm
    of how often its word is expected in the sample, which all targets share; a target's own copies in it do
    not count. A word that was drawn several times is scored once, its copies count by their number.
    Where autocast is on, products are taken in its type; the softmax is taken in float32.

    Args:
        features: What the output layer reads, (rows, dim).
        targets: Right ids, (rows,), int64.
        weight: The output layer's matrix, (vocab, dim).
        bias: Its bias, (vocab,).
        samples: Words drawn.
        masks: Where they are drawn from.
        counted: What each target counts, (rows,), float32; None counts each once.

    Returns:
        Nats, float32; near the whole softmax's where the sample is large.
    """
    vocab_size = len(weight)
    drawn = log_uniform(masks.uniform(samples), vocab_size)
    counting = _distinct if drawn.device.type == "cpu" else _with_copies
    words, copies = counting(drawn)
    correction = copies.log() - expected_counts(words, samples, vocab_size).log()
    if counted is None:
        counted = torch.ones(len(targets), device=targets.device)
    ids = torch.cat([words, targets])
    table, places = looked_up(weight, ids)
    if table is not weight:
        # Rows stand in the order of ids, so that words are still sorted.
        bias = bias[ids.new_empty(len(table)).index_copy_(0, places, ids)]
        words, targets = places[: len(words)], places[len(words) :]
    nats: Tensor = _SampledNats.apply(features, table, bias, targets, counted, words, correction)  # type: ignore[no-untyped-call]
    return nats


def _distinct(drawn: Tensor) -> tuple[Tensor, Tensor]:
    """Return each drawn word with the number of its copies, float32, in order of ids."""
    words, copies = torch.unique(drawn, return_counts=True)
    return words, copies.float()


def _with_copies(drawn: Tensor) -> tuple[Tensor, Tensor]:
    """Return the same for GPUs, which would have to stop to tell how many distinct words there are.

    All drawn words stay, each copy but the first with the number 0.
    """
    words = drawn.sort().values
    first = torch.searchsorted(words, words)
    copies = torch.searchsorted(words, words, right=True) - first
    is_first = first == torch.arange(len(words), device=words.device)
    return words, (copies * is_first).float()


class _SampledNats(torch.autograd.Function):
    """The sum, whose gradient is made in the forward pass: of the weights, only the rows that were scored."""

    @staticmethod
    def forward(
        ctx: Any,
        features: Tensor,
        weight: Tensor,
        bias: Tensor,
        targets: Tensor,
        counted: Tensor,
        words: Tensor,
        correction: Tensor,
    ) -> Tensor:
        dtype = product_type_of(weight)
        with as_given(weight.device):
            x, w = features.to(dtype), functional.embedding(words, weight).to(dtype)
            scores = x @ w.t()
            offset = bias[words] + correction
            total, slopes, onward = _sum_and_gradient(
                scores, x, weight, bias, targets, counted, words, offset
            )
            if any(ctx.needs_input_grad[:3]):
                # What were the scores is now their gradient.
                others = (scores.t() @ x).to(weight.dtype)
                others_bias = (scores.new_ones(1, len(scores)) @ scores)[0].to(bias.dtype)
                onward += scores @ w
                ctx.save_for_backward(
                    x, onward.to(features.dtype), targets, slopes, words, others, others_bias
                )
                ctx.vocab_size = len(weight)
        return total

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Any) -> Any:
        scale = gradients[0]
        x, onward, targets, slopes, words, others, others_bias = ctx.saved_tensors
        slopes = slopes * scale
        # The one large tensor: as large as the matrix, all zeros but for what was scored.
        whole = others.new_zeros(ctx.vocab_size, others.shape[1])
        whole.index_add_(0, targets, x.to(others.dtype) * slopes.unsqueeze(1))
        whole.index_add_(0, words, others * scale)
        whole_bias = others_bias.new_zeros(ctx.vocab_size)
        whole_bias.index_add_(0, targets, slopes)
        whole_bias.index_add_(0, words, others_bias * scale)
        return onward * scale, whole, whole_bias, None, None, None, None


def _sum_and_gradient(
    scores: Tensor,
    x: Tensor,
    weight: Tensor,
    bias: Tensor,
    targets: Tensor,
    counted: Tensor,
    words: Tensor,
    offset: Tensor,
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the sum of the surprises, and the gradient's part that goes through the targets' own scores.

    Args:
        scores: Products with the words' rows, (rows, words); replaced by their gradient.
        x: What the output layer reads, (rows, dim).
        weight: Its matrix.
        bias: Its bias.
        targets: Right ids, (rows,).
        counted: What each counts, (rows,).
        words: Ids that were drawn, in their order.
        offset: What is added to the words' scores, (words,).

    Returns:
        The sum; the gradient by each target's own score, (rows,), and by what the layer reads, (rows, dim).
    """
    place = torch.searchsorted(words, targets).clamp_(max=len(words) - 1)
    # A target's own copies do not count: each stands at one place.
    taken = torch.where(words[place] == targets, -torch.inf, 0.0).unsqueeze(1)
    slopes = torch.empty_like(counted)
    onward = torch.empty(x.shape, dtype=weight.dtype, device=x.device)
    total = torch.zeros((), device=x.device)
    numbers = _CPU_NUMBERS if x.device.type == "cpu" else _GPU_NUMBERS
    size = max(1, numbers // max(scores.shape[1], x.shape[1]))
    for low in range(0, len(scores), size):
        rows = slice(low, low + size)
        counts = counted[rows]
        own = functional.embedding(targets[rows], weight)
        right = (x[rows] * own).sum(-1) + bias[targets[rows]]
        part = scores[rows] + offset
        part.scatter_add_(1, place[rows].unsqueeze(1), taken[rows])
        greatest = torch.maximum(part.amax(-1), right)
        shares = part.sub_(greatest.unsqueeze(1)).exp_()
        right = right - greatest
        sums = shares.sum(-1) + right.exp()
        total = total + ((sums.log() - right) * counts).sum()
        slopes[rows] = counts * (right.exp() / sums - 1)
        onward[rows] = own.mul_(slopes[rows].unsqueeze(1))
        scores[rows] = shares.mul_((counts / sums).unsqueeze(1))
    return total, slopes, onward
