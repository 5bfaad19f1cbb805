"""What decides, beside plan and threads, whether two runs agree bit for bit."""

from __future__ import annotations

import platform

import numpy as np
import torch

from textrnn._version import __version__

__all__ = ["versions"]


def versions() -> dict[str, str]:
    """Return the versions that decide whether two runs agree bit for bit."""
    return {
        "textrnn": __version__,
        "torch": torch.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
    }
