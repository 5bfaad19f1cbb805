"""Clipping gradients by their norm (Pascanu et al. 2013, section 3.2)."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

__all__ = ["clip_gradients"]


def clip_gradients(parameters: Iterable[Tensor], most: float) -> Tensor:
    """Scale gradients so that their norm is at most a number; return the norm that they had.

    The same bits as ``torch.nn.utils.clip_grad_norm_``, which multiplies by 1 where nothing is to be done: a
    pass over all tables of embeddings in every step.

    Args:
        parameters: What has gradients.
        most: The number, above 0.
    """
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    if not gradients:
        return torch.zeros(())
    norm: Tensor = torch.linalg.vector_norm(torch.stack(list(torch._foreach_norm(gradients))))
    share = (most / (norm + 1e-6)).clamp(max=1.0)
    # On a GPU a look would wait for it. What is not a number spreads, as everywhere.
    if share.device.type != "cpu" or share != 1:
        torch._foreach_mul_(gradients, share)
    return norm
