"""The contract between the one loop and a job.

The loop asks a task for batches, for the loss of one, and for an evaluation. What crosses the border are
sums and counts: means are taken once, at the end, so that padding, ragged last batches, accumulation
and several ranks change nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from torch import Tensor

from textrnn.nn.dropout import MaskSource

__all__ = ["Batch", "Model", "State", "StepOutput", "Task"]

State = Mapping[str, Tensor]
"""Recurrent state carried from batch to batch; the loop saves it and hands it back unread."""


class Batch(Protocol):
    """What one step works on."""

    @property
    def num_targets(self) -> int:
        """How many targets count in the loss."""

    @property
    def num_tokens(self) -> int:
        """How many tokens are read, padding not counted: the measure of speed."""

    @property
    def fresh(self) -> bool:
        """Whether the state starts anew with this batch."""


@dataclass(frozen=True)
class StepOutput:
    """The outcome of one forward pass.

    Attributes:
        loss: Sum over the targets of what is to become small, in nats, a scalar with a graph.
        state: The state to carry on, without a graph; empty where nothing is carried.
        totals: Further sums over the targets that are worth showing, without a graph.
    """

    loss: Tensor
    state: State = field(default_factory=dict)
    totals: Mapping[str, Tensor] = field(default_factory=dict)


class Model(Protocol):
    """What the loop asks of a model besides being a ``torch.nn.Module``."""

    def tensors(self) -> Mapping[str, Tensor]:
        """Return the weights by name, as they are saved; they share memory with the model."""

    def load_tensors(self, tensors: Mapping[str, Tensor]) -> None:
        """Copy saved weights in; raises ValueError where names or shapes differ."""

    def named_parameters(self) -> Iterator[tuple[str, Any]]:
        """As ``torch.nn.Module`` has it."""

    def named_modules(self) -> Iterator[tuple[str, Any]]:
        """Likewise; see ``textrnn.nn.parts`` for what they may tell of themselves."""


class Task(Protocol):
    """A job to be trained.

    Attributes:
        job: ``language-model``, ``classifier``, …
        model: The network, on its device.
        metric: The key of :meth:`evaluate`'s result by which the best weights are chosen.
        maximize: Whether more of it is better.
        most_loss: Loss per target from which on training counts as exploded.
    """

    job: str
    metric: str
    maximize: bool
    most_loss: float

    @property
    def model(self) -> Model:
        """The network, on its device."""

    def batches(self, epoch: int, start: int) -> Iterator[Batch]:
        """Yield the batches of an epoch from number ``start`` on.

        The same for the same epoch whenever it is asked: random choices are keyed by seed and epoch.
        """

    def batches_per_epoch(self) -> int:
        """Return how many batches an epoch has, at least 1."""

    def start(self, rows: int) -> State:
        """Return the state at the start of so many sequences; empty where nothing is carried."""

    def step(self, batch: Any, state: State | None, masks: MaskSource) -> StepOutput:
        """Run forward in training; ``state`` is None where the batch is fresh."""

    def split(self, batch: Any, state: State | None, parts: int) -> list[tuple[Any, State | None]]:
        """Cut a batch and its state along the batch dimension into at most ``parts`` parts."""

    def join(self, states: list[State]) -> State:
        """Undo :meth:`split` for the states that came out of the parts."""

    def evaluate(self, most_targets: int | None) -> dict[str, float | None]:
        """Return the metrics on the validation data, or on a fixed share of them.

        Args:
            most_targets: About how many targets to evaluate; None for all.
        """

    def fault(self, metrics: Mapping[str, float | None]) -> str | None:
        """Return what is so wrong with an evaluation that its weights must not be kept, or None."""

    def train_metrics(self, means: Mapping[str, float]) -> dict[str, float]:
        """Return figures of training that are worth showing beside its loss.

        Args:
            means: ``loss`` and the further totals of :class:`StepOutput`, per target.
        """

    def group(self, name: str) -> str:
        """Return the name of the group of parameters that a parameter learns with."""

    def rate_share(self, group: str, progress: float) -> float:
        """Return the learning rate of a group in units of the run's.

        Args:
            group: One that :meth:`group` returned.
            progress: How much of the schedule is done, from 0 to 1.
        """

    def conclude(self, metrics: Mapping[str, float | None]) -> dict[str, float | None]:
        """Return figures of the best weights, which the model now holds, on data not looked at before.

        Called when a run has come to its end; they stand beside the best evaluation's. The targets that
        it reads are the plan's ``closing_targets``.

        Args:
            metrics: Those of the best evaluation.
        """

    def sample(self, step: int) -> str | None:
        """Return something that shows what the model has learned, or None."""
