"""Where a language model generates: on the CPU wherever torch need not be started."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["pick_generation_device"]

_GPU_PARAMETERS = 30_000_000
"""Recurrent weights from which a step on a CPU takes milliseconds, and a GPU is worth starting."""


def pick_generation_device(device: str, tensors: Mapping[str, Any]) -> str:
    """Return the device to generate on: ``cpu`` wherever torch need not be started.

    Args:
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
        tensors: The model's weights.

    Raises:
        UsageError: not the name of a device.
        DeviceError: no such device on this machine.
    """
    if device == "auto":
        recurrent = sum(t.size for name, t in tensors.items() if name.startswith("recurrent."))
        # A look at the driver instead of a question to torch, which takes seconds to start.
        is_gpu_likely = Path("/dev/nvidiactl").exists()
        if recurrent < _GPU_PARAMETERS or not is_gpu_likely:
            return "cpu"
    elif device == "cpu":
        return device
    from textrnn.training.device import pick_device

    return str(pick_device(device))
