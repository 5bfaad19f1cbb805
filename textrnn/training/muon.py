"""Muon: updates of hidden layers' matrices that move in all directions alike."""

from __future__ import annotations

import torch
from torch import Tensor

from textrnn.training.costs import MUON_ITERATIONS
from textrnn.training.rules import Kept, Rule

__all__ = ["MuonRule", "orthogonalized"]

MOMENTUM = 0.95
_COEFFICIENTS = (3.4445, -4.7750, 2.0315)
_EPS = 1e-7
_RMS = 0.2
"""Root mean square of an AdamW update, in learning rates, as Liu et al. measured it."""


def orthogonalized(matrices: Tensor, dtype: torch.dtype) -> Tensor:
    """Return matrices with the same singular vectors, and singular values of about 1.

    Those that are not far below the greatest come out between 0.6 and 1.2, the least stay small.

    The quintic Newton-Schulz iteration of Jordan et al. (2024), with their coefficients; it starts from the
    matrix over its Schatten 4-norm, which the first iteration's product gives.

    Args:
        matrices: (number, rows, columns), float32.
        dtype: Type of the products; bfloat16 does, where the machine is fast in it.

    Returns:
        Of the same shape, float32.
    """
    a, b, c = _COEFFICIENTS
    is_tall = matrices.shape[1] > matrices.shape[2]
    x = matrices.mT if is_tall else matrices
    x = (x / x.norm(dim=(1, 2), keepdim=True).clamp(min=_EPS)).to(dtype).contiguous()
    for iteration in range(MUON_ITERATIONS):
        gram = torch.bmm(x, x.mT)
        if iteration == 0:
            # No singular value is above this norm either, which is nearer to the greatest one than Frobenius
            # is: it saves an iteration.
            square = gram.norm(dim=(1, 2), keepdim=True).clamp(min=_EPS)
            x, gram = x / square.sqrt(), gram / square
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return (x.mT if is_tall else x).to(matrices.dtype)


class MuonRule(Rule):
    """Muon (Jordan et al. 2024, https://kellerjordan.github.io/posts/muon/) for matrices of hidden layers.

    The momentum is orthogonalised, each gate's part of a matrix on its own, and scaled as Liu et al. (2025,
    "Muon is scalable for LLM training", section 2.2) do, so that learning rates and weight decay of AdamW
    serve; the decay is decoupled.

    Args:
        blocks: How many matrices each parameter is a pile of.
        dtype: Type of the products of the orthogonalisation.
    """

    like = ("momentum_buffer",)
    counts = False

    def __init__(self, blocks: int, dtype: torch.dtype) -> None:
        self._blocks = blocks
        self._dtype = dtype

    def apply(
        self,
        parameters: list[Tensor],
        gradients: list[Tensor],
        kept: list[Kept],
        rate: float,
        decay: float,
    ) -> None:
        """Update parameters, as :meth:`Rule.apply` says."""
        for parameter, gradient, state in zip(parameters, gradients, kept, strict=True):
            momentum = state["momentum_buffer"].lerp_(gradient, 1 - MOMENTUM)
            # Nesterov's: a step ahead of the average.
            ahead = gradient.lerp(momentum, MOMENTUM).view(self._blocks, -1, gradient.shape[1])
            update = orthogonalized(ahead, self._dtype).reshape(parameter.shape)
            size = _RMS * max(ahead.shape[1:]) ** 0.5
            parameter.mul_(1 - rate * decay).add_(update, alpha=-rate * size)
