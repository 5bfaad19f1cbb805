"""What an evaluation asks of a task, in the run's precision, and what counts as better."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch

from textrnn.errors import ModelError
from textrnn.training.device import autocast
from textrnn.training.memory import give_back_memory
from textrnn.training.state import Best
from textrnn.training.task import Task

__all__ = ["Evaluator", "finite_figures"]


class Evaluator:
    """Evaluates the weights that a task's model holds.

    Args:
        task: What is trained.
        device: Where the model lies.
        precision: ``float32`` or ``bf16``.
    """

    def __init__(self, task: Task, device: torch.device, precision: str) -> None:
        self._task = task
        self._device = device
        self._precision = precision

    def metrics(self, most_targets: int | None) -> dict[str, float | None]:
        """Return the figures on the validation data, or on a fixed share of them."""
        with torch.no_grad(), autocast(self._device, self._precision):
            metrics = self._task.evaluate(most_targets)
        if self._device.type == "cpu":
            # Now and then, since its tensors have other sizes than those of steps.
            give_back_memory()
        return metrics

    def conclusion(self, metrics: Mapping[str, float | None]) -> dict[str, float | None]:
        """Return figures on data that were not looked at before; see ``Task.conclude``."""
        with torch.no_grad(), autocast(self._device, self._precision):
            return self._task.conclude(metrics)

    def sample(self, step: int) -> str | None:
        """Return what the model makes now; None where that leaves the range of numbers."""
        try:
            return self._task.sample(step)
        except ModelError:
            # A free run may go where no text led; what the texts say of the weights counts.
            return None

    def is_better(self, value: float | None, best: Best | None) -> bool:
        """Return whether a metric beats the best so far."""
        if value is None:
            # Without validation data the last weights are the best there are.
            return True
        if not math.isfinite(value):
            return False
        if best is None or best.value is None:
            return True
        return value > best.value if self._task.maximize else value < best.value


def finite_figures(metrics: Mapping[str, float | None]) -> dict[str, float | None]:
    """Return metrics for the record, which holds numbers: None for those that are not finite."""
    return {n: None if v is None or not math.isfinite(v) else v for n, v in metrics.items()}
