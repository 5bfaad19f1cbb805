"""Copying saved weights into a network, checked by name and shape."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy.typing as npt
import torch
from torch import Tensor

__all__ = ["copy_weights", "require_fitting"]


def require_fitting(
    source: Mapping[str, Tensor] | Mapping[str, npt.NDArray[Any]], target: Mapping[str, Tensor]
) -> None:
    """Hold names and shapes of weights against a network's, which may be on the meta device.

    Raises:
        ValueError: names or shapes differ, or they are not float32.
    """
    if target.keys() != source.keys():
        odd = sorted(target.keys() ^ source.keys())
        raise ValueError(f"other tensors than the model's: {', '.join(odd[:5])}")
    for name, tensor in target.items():
        expected, given = tuple(tensor.shape), tuple(source[name].shape)
        if given != expected:
            raise ValueError(f"{name} has shape {given}, not {expected}")
        if (dtype := str(source[name].dtype).removeprefix("torch.")) != "float32":
            raise ValueError(f"{name} holds {dtype}, not float32")


def copy_weights(source: Mapping[str, Tensor], target: Mapping[str, Tensor]) -> None:
    """Copy every tensor of ``source`` into the one of that name in ``target``.

    Raises:
        ValueError: as :func:`require_fitting`; nothing has been copied.
    """
    require_fitting(source, target)
    with torch.no_grad():
        for name, tensor in target.items():
            tensor.copy_(source[name])
