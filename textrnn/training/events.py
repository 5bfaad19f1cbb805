"""What the loop tells the world, in order of happening.

The command line draws events, ``log.jsonl`` records them, tests list them. Durations are in seconds,
losses in nats per target.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

__all__ = [
    "BatchReduced",
    "Done",
    "Evaluated",
    "Event",
    "Planned",
    "Progressed",
    "Replanned",
    "Resumed",
    "RolledBack",
    "Sampled",
    "SaveFailed",
    "Saved",
    "Stopped",
]


@dataclass(frozen=True)
class Event:
    """Base of all events; ``name`` stands under ``event`` in the JSON form."""

    name: ClassVar[str]

    def as_json(self) -> dict[str, Any]:
        """Return the event for one line of JSON; numbers that are not finite become null."""
        return {"event": self.name, **_finite(_fields(self))}


@dataclass(frozen=True)
class Planned(Event):
    """All that was decided before the first step.

    Attributes:
        job: ``language-model`` and so on.
        settings: Every setting, resolved.
        plan: Steps, evaluations and times (``textrnn.training.plan.Plan``).
        facts: Corpus, device and model in figures.
        reasons: Why the planner chose so, a sentence each.
    """

    name: ClassVar[str] = "planned"
    job: str
    settings: Mapping[str, Any]
    plan: Mapping[str, Any]
    facts: Mapping[str, Any]
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class Resumed(Event):
    """A saved state was taken up."""

    name: ClassVar[str] = "resumed"
    step: int
    max_steps: int
    epoch: float
    elapsed_s: float


@dataclass(frozen=True)
class Progressed(Event):
    """Steps were done since the last such event; ``loss`` is their mean over targets."""

    name: ClassVar[str] = "progress"
    step: int
    max_steps: int
    epoch: float
    loss: float
    metrics: Mapping[str, float]
    grad_norm: float
    learning_rate: float
    tokens_per_s: float
    elapsed_s: float
    remaining_s: float


@dataclass(frozen=True)
class Evaluated(Event):
    """The validation data were evaluated; ``metrics`` holds the task's figures."""

    name: ClassVar[str] = "evaluated"
    step: int
    epoch: float
    metrics: Mapping[str, float | None]
    train_loss: float | None
    is_best: bool
    is_whole: bool
    elapsed_s: float


@dataclass(frozen=True)
class Sampled(Event):
    """A sample of what the model now makes."""

    name: ClassVar[str] = "sample"
    step: int
    text: str


@dataclass(frozen=True)
class Saved(Event):
    """The state to resume from, and the best weights, lie on disk; so many tries had failed before."""

    name: ClassVar[str] = "saved"
    step: int
    path: str
    duration_s: float
    failed_before: int = 0


@dataclass(frozen=True)
class SaveFailed(Event):
    """A save could not be written; the one of ``saved_step`` is whole, and training goes on.

    It is tried again after ``retry_s``; ``tries`` have failed in a row.
    """

    name: ClassVar[str] = "save_failed"
    step: int
    path: str
    reason: str
    saved_step: int | None
    retry_s: float
    tries: int


@dataclass(frozen=True)
class Replanned(Event):
    """The time left holds more or fewer steps than planned; the schedule was stretched to the new end."""

    name: ClassVar[str] = "replanned"
    step: int
    max_steps: int
    previous_max_steps: int
    reason: str


@dataclass(frozen=True)
class RolledBack(Event):
    """The loss was not finite or exploded; training went back to the last good state."""

    name: ClassVar[str] = "rolled_back"
    step: int
    to_step: int
    rate_scale: float
    reason: str


@dataclass(frozen=True)
class BatchReduced(Event):
    """Memory ran out; batches are now worked off in more parts, with the same result."""

    name: ClassVar[str] = "batch_reduced"
    step: int
    accumulation: int


@dataclass(frozen=True)
class Stopped(Event):
    """The loop ended: ``finished``, ``deadline``, ``patience``, ``interrupted`` or ``diverged``."""

    name: ClassVar[str] = "stopped"
    step: int
    reason: str


@dataclass(frozen=True)
class Done(Event):
    """The last event: the best model's figures and what the run took."""

    name: ClassVar[str] = "done"
    model: str
    steps: int
    best_step: int
    elapsed_s: float
    tokens_per_s: float
    reason: str
    metrics: Mapping[str, float | None] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return the event with its metrics (``valid_loss`` and so on) beside the other fields."""
        flat = super().as_json()
        return {**flat, **flat.pop("metrics")}


def _fields(event: Event) -> dict[str, Any]:
    return {f.name: getattr(event, f.name) for f in dataclasses.fields(event)}


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(inner) for inner in value]
    return value
