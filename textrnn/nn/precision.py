"""Types of numbers by device, and under autocast."""

from __future__ import annotations

import contextlib
from typing import Any

import torch
from torch import Tensor

__all__ = ["as_given", "exact_type", "product_type_of"]


def exact_type(device: torch.device) -> torch.dtype:
    """Return the longest numbers that a device has: float64, but on Apple's GPUs."""
    return torch.float32 if device.type == "mps" else torch.float64


def product_type_of(weight: Tensor) -> torch.dtype:
    """Return the type in which to multiply by a weight: autocast's where it is on, else its own."""
    kind = weight.device.type
    # Older releases of torch have none for some devices, and refuse the question whether it is on.
    if torch.amp.is_autocast_available(kind) and torch.is_autocast_enabled(kind):
        return torch.get_autocast_dtype(kind)
    return weight.dtype


def as_given(device: torch.device) -> contextlib.AbstractContextManager[Any]:
    """Return the context in which functions compute in the types of what they are given."""
    if not torch.amp.is_autocast_available(device.type):
        return contextlib.nullcontext()
    return torch.autocast(device.type, enabled=False)
