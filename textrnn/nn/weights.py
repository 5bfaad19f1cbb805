"""Copying saved weights into a network, checked by name and shape."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

__all__ = ["copy_weights"]


def copy_weights(source: Mapping[str, Tensor], target: Mapping[str, Tensor]) -> None:
    """Copy every tensor of ``source`` into the one of that name in ``target``.

    Raises:
        ValueError: names or shapes differ; nothing has been copied.
    """
    if target.keys() != source.keys():
        odd = sorted(target.keys() ^ source.keys())
        raise ValueError(f"other tensors than the model's: {', '.join(odd[:5])}")
    for name, tensor in target.items():
        if tensor.shape != source[name].shape:
            given = tuple(source[name].shape)
            raise ValueError(f"{name} has shape {given}, not {tuple(tensor.shape)}")
    with torch.no_grad():
        for name, tensor in target.items():
            tensor.copy_(source[name])
