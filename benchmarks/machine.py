"""The machine and the versions that a figure belongs to."""

from __future__ import annotations

import os
import platform
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
        "system": platform.platform(),
        "python": platform.python_version(),
        "versions": versions,
    }


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:  # noqa: PTH123
            return next(line.partition(":")[2].strip() for line in lines if "model name" in line)
    except (OSError, StopIteration):
        return platform.processor()
