"""Copying saved weights into a network, checked by name and shape."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["copy_weights", "require_fitting", "shapes_of"]


def shapes_of(tensors: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    """Return the shapes of a network's weights, which may be on the meta device."""
    return {name: tuple(tensor.shape) for name, tensor in tensors.items()}


def require_fitting(
    source: Mapping[str, Tensor] | Mapping[str, npt.NDArray[Any]],
    shapes: Mapping[str, tuple[int, ...]],
) -> None:
    """Hold names and shapes of weights against those that a network has.

    Raises:
        ValueError: names or shapes differ, or they are not float32.
    """
    if shapes.keys() != source.keys():
        odd = sorted(shapes.keys() ^ source.keys())
        raise ValueError(f"other tensors than the model's: {', '.join(odd[:5])}")
    for name, expected in shapes.items():
        if (given := tuple(source[name].shape)) != expected:
            raise ValueError(f"{name} has shape {given}, not {expected}")
        if (dtype := str(source[name].dtype).removeprefix("torch.")) != "float32":
            raise ValueError(f"{name} holds {dtype}, not float32")


def copy_weights(source: Mapping[str, Tensor], target: Mapping[str, Tensor]) -> None:
    """Copy every tensor of ``source`` into the one of that name in ``target``.

    Raises:
        ValueError: as :func:`require_fitting`; nothing has been copied.
    """
    import torch

    require_fitting(source, shapes_of(target))
    with torch.no_grad():
        for name, tensor in target.items():
            tensor.copy_(source[name])
