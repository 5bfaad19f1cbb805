"""What a study tells the world, in order of happening. Durations are in seconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from textrnn.training.events import Event

__all__ = ["StudyStopped", "TrialBegan", "TrialEnded", "TrialMeasured", "TrialMoved"]


@dataclass(frozen=True)
class TrialBegan(Event):
    """A trial was begun, or gone on with.

    Attributes:
        trial: Its number; 0 is the last training with the best settings.
        settings: What it was given of the searched settings; none where it takes the defaults.
        resumed: Whether it was begun before.
        model: Its model directory.
    """

    name: ClassVar[str] = "trial_began"
    trial: int
    settings: Mapping[str, Any]
    resumed: bool
    model: str


@dataclass(frozen=True)
class TrialMoved(Event):
    """A trial has come on."""

    name: ClassVar[str] = "trial_moved"
    trial: int
    step: int
    max_steps: int
    elapsed_s: float
    remaining_s: float | None


@dataclass(frozen=True)
class TrialMeasured(Event):
    """A trial was evaluated on its way; ``value`` is the figure that trials are compared by."""

    name: ClassVar[str] = "trial_measured"
    trial: int
    step: int
    share: float
    value: float


@dataclass(frozen=True)
class TrialEnded(Event):
    """A trial ended, for now or for good.

    Attributes:
        trial: Its number.
        state: ``done``, ``pruned``, ``failed`` or ``waiting`` (interrupted, to be gone on with).
        settings: The searched settings, as given or as planned.
        value: The figure that trials are compared by, if it came to one.
        metrics: All figures of that evaluation.
        message: Why it failed or was stopped.
        steps: Updates done.
        elapsed_s: Seconds of training.
        is_best: Whether it is the best of those that are done so far.
    """

    name: ClassVar[str] = "trial_ended"
    trial: int
    state: str
    settings: Mapping[str, Any]
    value: float | None
    metrics: Mapping[str, Any]
    message: str
    steps: int
    elapsed_s: float
    is_best: bool


@dataclass(frozen=True)
class StudyStopped(Event):
    """No more trials: ``trials`` (all of them are done), ``exhausted``, ``minutes`` or ``interrupted``."""

    name: ClassVar[str] = "study_stopped"
    reason: str
