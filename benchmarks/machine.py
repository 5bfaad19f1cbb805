"""The machine and the versions that a figure belongs to."""

from __future__ import annotations

import os
import platform
import sys
from importlib import metadata

__all__ = ["machine"]


def machine() -> dict[str, object]:
    """Return processor, cores, system and versions for the record."""
    names = ("textrnn", "torch", "numpy", "sentencepiece")
    installed = {distribution.name for distribution in metadata.distributions()}
    versions = {name: metadata.version(name) for name in names if name in installed}
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "gpus": _gpus(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "versions": versions,
    }


def _gpus() -> list[str]:
    """Return the names of the GPUs, where torch is loaded that would compute on them."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available():
        return []
    return [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:  # noqa: PTH123
            return next(line.partition(":")[2].strip() for line in lines if "model name" in line)
    except (OSError, StopIteration):
        return platform.processor()
