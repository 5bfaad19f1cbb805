"""The loss over a large vocabulary by a sample of it, so that training need not score every word."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from textrnn.nn.dropout import MaskSource

__all__ = ["expected_counts", "log_uniform", "sampled_nats"]


def log_uniform(uniform: Tensor, vocab_size: int) -> Tensor:
    """Return ids drawn with probability log((id + 2) / (id + 1)) / log(vocab_size + 1).

    That is Zipf's law, which fits where ids stand in the order of frequency, as those of words do.

    Args:
        uniform: Numbers from 0 to below 1, (samples,), float64.
        vocab_size: Number of ids.

    Returns:
        (samples,), int64.
    """
    drawn = torch.exp(uniform * math.log(vocab_size + 1)) - 1
    return drawn.long().clamp_(0, vocab_size - 1)


def expected_counts(ids: Tensor, samples: int, vocab_size: int) -> Tensor:
    """Return how often each id is expected among the samples of :func:`log_uniform`, float32."""
    place = ids.double()
    share = ((place + 2) / (place + 1)).log() / math.log(vocab_size + 1)
    return (samples * share).float()


def sampled_nats(
    hidden: Tensor,
    targets: Tensor,
    weight: Tensor,
    bias: Tensor,
    samples: int,
    masks: MaskSource,
) -> Tensor:
    """Return an estimate of each target's surprise, against a sample of the vocabulary.

    The softmax's denominator is the target's own part and an importance-sampled estimate of the others'
    (Bengio and Senécal 2008; Jean et al. 2015, section 3.1): every sampled score is lowered by the logarithm
    of how often its word is expected in the sample, which all targets share; a target's own copies in it do
    not count.

    Args:
        hidden: (targets, features).
        targets: (targets,), int64.
        weight: The output layer's matrix, (vocab, features).
        bias: (vocab,).
        samples: Words drawn.
        masks: Where they are drawn from.

    Returns:
        Nats, (targets,), float32; near the whole softmax's where the sample is large.
    """
    vocab_size = len(weight)
    drawn = log_uniform(masks.uniform(samples), vocab_size)
    wanted = functional.embedding(targets, weight).to(hidden.dtype)
    right = (hidden * wanted).sum(-1).float() + bias[targets]
    others = functional.linear(hidden, functional.embedding(drawn, weight)).float() + bias[drawn]
    others = others - expected_counts(drawn, samples, vocab_size).log()
    others = others.masked_fill(targets.unsqueeze(-1) == drawn, -torch.inf)
    return torch.logaddexp(right, others.logsumexp(-1)) - right
