"""How many threads a step's matrix products are best shared among."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from textrnn.decoding.protocol import StepModel
from textrnn.tokenizers.base import NUM_SPECIAL

__all__ = ["set_threads", "tune_threads"]

_STEPS = 6


def set_threads(threads: int) -> None:
    """Set the number of threads of NumPy's matrix products, in the whole process.

    Args:
        threads: At least 1.
    """
    from threadpoolctl import threadpool_limits

    threadpool_limits(threads, user_api="blas")


def tune_threads(model: StepModel[Any], rows: int = 1) -> int:
    """Measure which number of threads is fastest for NumPy's matrix products, and set it.

    The products of a step are small: sharing them pays on a few idle processors, and costs many
    times what it saves where the processors are many or busy.

    Args:
        model: A model that computes with NumPy.
        rows: Texts made at a time.

    Returns:
        The number, set for the whole process: from what it was before down to 1.
    """
    from threadpoolctl import ThreadpoolController

    pools = ThreadpoolController().select(user_api="blas").info()
    threads = max((pool["num_threads"] for pool in pools), default=1)
    needed_s = {}
    while threads >= 1:
        set_threads(threads)
        needed_s[threads] = _steps_s(model, rows)
        threads //= 2
    fastest = min(needed_s, key=needed_s.__getitem__)
    set_threads(fastest)
    return fastest


def _steps_s(model: StepModel[Any], rows: int) -> float:
    """Return how long a few steps take, in seconds, after one that warms up."""
    ids = np.full(rows, NUM_SPECIAL, np.int64)
    _, state = model.step(ids, model.start(rows))
    begun = time.perf_counter()
    for _ in range(_STEPS):
        _, state = model.step(ids, state)
    return time.perf_counter() - begun
