"""How many threads a step's matrix products are best shared among."""

from __future__ import annotations

import statistics
import time
from typing import Any

import numpy as np

from textrnn.decoding.protocol import StepModel
from textrnn.tokenizers.base import NUM_SPECIAL

__all__ = ["set_threads", "tune_threads"]

_STEPS = 12


def set_threads(threads: int, *, in_torch: bool = False) -> None:
    """Set the number of threads of matrix products, in the whole process.

    Args:
        threads: At least 1.
        in_torch: The products are torch's; NumPy, left with small ones, then gets one thread, for
            the threads of the two would wait for each other's processors.
    """
    from threadpoolctl import threadpool_limits

    if in_torch:
        import torch

        torch.set_num_threads(threads)
    threadpool_limits(1 if in_torch else threads, user_api="blas")


def tune_threads(model: StepModel[Any], rows: int = 1, *, in_torch: bool = False) -> int:
    """Measure which number of threads is fastest for matrix products, and set it.

    The products of a step are small: sharing them pays on a few idle processors, and costs many
    times what it saves where the processors are many or busy.

    Args:
        model: A model that computes on the CPU.
        rows: Texts made at a time.
        in_torch: Whether its matrix products are torch's, not NumPy's.

    Returns:
        The number, set for the whole process: from what it was before down to 1.
    """
    threads = _threads(in_torch=in_torch)
    needed_s = {}
    while threads >= 1:
        set_threads(threads, in_torch=in_torch)
        needed_s[threads] = _step_s(model, rows)
        threads //= 2
    fastest = min(needed_s, key=needed_s.__getitem__)
    set_threads(fastest, in_torch=in_torch)
    return fastest


def _threads(*, in_torch: bool) -> int:
    """Return the number of threads that is set."""
    if in_torch:
        import torch

        return torch.get_num_threads()
    from threadpoolctl import ThreadpoolController

    pools = ThreadpoolController().select(user_api="blas").info()
    return max((pool["num_threads"] for pool in pools), default=1)


def _step_s(model: StepModel[Any], rows: int) -> float:
    """Return how long a step takes, in seconds: the median of some, so that one held up moves nothing."""
    ids = np.full(rows, NUM_SPECIAL, np.int64)
    _, state = model.step(ids, model.start(rows))
    needed_s = []
    for _ in range(_STEPS):
        begun = time.perf_counter()
        _, state = model.step(ids, state)
        needed_s.append(time.perf_counter() - begun)
    return statistics.median(needed_s)
