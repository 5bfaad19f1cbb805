"""The validation losses of a run with the training losses beside them, and what can be read off."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from textrnn.experiments.journal import Evaluation, History, TrainPoint

__all__ = ["CLEAR", "ValidationCurve"]

CLEAR = 0.01
"""Least share of a loss that counts as a change."""

_WOBBLES = 5
"""So many times the wobble counts as a change: of a level curve with normal noise, about 2.5 deviations."""


@dataclass(frozen=True)
class ValidationCurve:
    """Evaluations that have a loss, in order of steps.

    Attributes:
        points: The evaluations.
        losses: Their validation losses.
        training: Mean training losses since the evaluation before each; None where nothing is known.
    """

    points: tuple[Evaluation, ...]
    losses: tuple[float, ...]
    training: tuple[float | None, ...]

    @classmethod
    def of(cls, history: History) -> ValidationCurve:
        """Return the curve of a run."""
        points = tuple(point for point in history.evaluations if "valid_loss" in point.metrics)
        losses = tuple(point.metrics["valid_loss"] for point in points)
        return cls(points, losses, _between(history, points, lambda point: point.loss))

    @property
    def on_part(self) -> str:
        """A clause that follows "validation loss" where it was measured on a part of the data; else empty."""
        is_whole = all(point.is_whole for point in self.points)
        return "" if is_whole else " (on part of the validation data)"

    @property
    def best(self) -> int:
        """Number of the evaluation with the lowest loss."""
        return self.losses.index(min(self.losses))

    @property
    def wobble(self) -> float:
        """How far the curve turns back, from its middle on.

        Of three neighbours, the lesser of the two differences where one rises and the other falls, else 0;
        the mean of these. A curve that only falls, or only rises, does not wobble.
        """
        losses = self.losses[max(0, len(self.losses) // 2 - 1) :]
        moves = [after - before for before, after in itertools.pairwise(losses)]
        turns = [
            min(abs(one), abs(other)) if one * other < 0 else 0.0
            for one, other in itertools.pairwise(moves)
        ]
        return sum(turns) / len(turns) if turns else 0.0

    @property
    def clear(self) -> float:
        """The least difference of losses that counts."""
        return max(CLEAR * abs(min(self.losses)), _WOBBLES * self.wobble)

    @property
    def rise(self) -> float:
        """How far the last two evaluations lie above the lowest; 0 where they are not both later."""
        if len(self.losses) - self.best < 3:
            return 0.0
        return (self.losses[-1] + self.losses[-2]) / 2 - self.losses[self.best]

    def halfway(self) -> int | None:
        """Return the number of the last evaluation in the first half of the steps, if there is one."""
        half = self.points[-1].step / 2
        before = [number for number, point in enumerate(self.points) if point.step <= half]
        return before[-1] if before else None

    def late_gain(self) -> float:
        """Return how much lower the lowest loss is than that halfway.

        0 where it was reached earlier than at the last evaluation but one, or nothing was evaluated before.
        """
        halfway = self.halfway()
        if halfway is None or len(self.losses) - self.best > 2:
            return 0.0
        return self.losses[halfway] - self.losses[self.best]

    def training_accuracy(self, history: History) -> float | None:
        """Return the mean accuracy on training texts between the last two evaluations."""
        figures = _between(history, self.points, lambda point: point.metrics.get("train_accuracy"))
        return figures[-1]


def _between(
    history: History,
    points: Sequence[Evaluation],
    figure: Callable[[TrainPoint], float | None],
) -> tuple[float | None, ...]:
    """Return the mean of a figure of training since the evaluation before each."""
    found: list[float | None] = []
    for low, high in itertools.pairwise([0, *(point.step for point in points)]):
        values = [figure(point) for point in history.training if low < point.step <= high]
        known = [value for value in values if value is not None]
        found.append(sum(known) / len(known) if known else None)
    return tuple(found)
