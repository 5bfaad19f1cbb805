"""TensorBoard files of a training run, in ``tensorboard/`` inside the model directory."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from textrnn.cli.aside import TENSORBOARD
from textrnn.errors import UsageError
from textrnn.training.events import Evaluated, Event, Progressed, Resumed, Sampled

__all__ = ["TensorBoard", "require_tensorboard"]


def require_tensorboard() -> None:
    """Refuse early where TensorBoard is not installed.

    Raises:
        UsageError: it is not.
    """
    if importlib.util.find_spec("tensorboard") is None:
        raise UsageError(
            "--tensorboard needs a package that is not installed; install it with "
            "pip install 'textrnn[tensorboard]'"
        )


class TensorBoard:
    """Writes figures and samples as TensorBoard reads them.

    Args:
        model: The model directory, which must exist when the first event comes that is written.
    """

    def __init__(self, model: Path) -> None:
        self._folder = model / TENSORBOARD
        self._resumed_at: int | None = None
        self._writer: Any = None

    def record(self, event: Event) -> None:
        """Write an event's figures."""
        if isinstance(event, Resumed):
            # Steps after the state that was taken up are done again: the former ones are hidden.
            self._resumed_at = event.step
        elif isinstance(event, Progressed):
            figures = {
                "train/loss": event.loss,
                "train/gradient_norm": event.grad_norm,
                "train/learning_rate": event.learning_rate,
                "train/tokens_per_s": event.tokens_per_s,
                **{f"train/{name.removeprefix('train_')}": v for name, v in event.metrics.items()},
            }
            self._scalars(figures, event.step)
        elif isinstance(event, Evaluated):
            named = {f"valid/{name.removeprefix('valid_')}": v for name, v in event.metrics.items()}
            self._scalars(named, event.step)
        elif isinstance(event, Sampled):
            # As a code block, so that it is shown as it is.
            lines = "\n".join("    " + line for line in event.text.split("\n"))
            self._open().add_text("sample", lines, event.step)

    def close(self) -> None:
        """Write what is still waiting."""
        if self._writer is not None:
            self._writer.close()

    def _scalars(self, figures: Mapping[str, float | None], step: int) -> None:
        for name, value in figures.items():
            if value is not None:
                self._open().add_scalar(name, value, step)

    def _open(self) -> Any:
        if self._writer is None:
            from torch.utils.tensorboard import SummaryWriter

            self._writer = SummaryWriter(self._folder, purge_step=self._resumed_at)
        return self._writer
