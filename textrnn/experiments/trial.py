"""A trial of a study, as it is remembered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO, Any

__all__ = ["Claim", "Trial"]


@dataclass(frozen=True)
class Trial:
    """One combination of settings and what came of it.

    Attributes:
        number: From 1.
        state: ``waiting`` (begun, to be gone on with), ``running``, ``done``, ``pruned`` (stopped before its
            end) or ``failed``.
        settings: The searched settings that it was given; none where it takes the defaults.
        resolved: All searched settings as its plan has them.
        value: The best figure that it reached, by which trials are compared.
        metrics: All figures of that moment.
        message: Why it failed or was stopped.
        attempts: How often it was begun or gone on with.
        steps: Updates done.
        elapsed_s: Seconds of training.
        curve: (share of the plan done, figure) of every evaluation.
    """

    number: int
    state: str
    settings: Mapping[str, Any]
    resolved: Mapping[str, Any]
    value: float | None
    metrics: Mapping[str, Any]
    message: str
    attempts: int
    steps: int
    elapsed_s: float
    curve: tuple[tuple[float, float], ...] = ()

    @property
    def values(self) -> dict[str, Any]:
        """The searched settings, as given or else as planned."""
        return {**self.resolved, **self.settings}

    @property
    def is_ended(self) -> bool:
        """Whether nothing more will come of it."""
        return self.state in ("done", "pruned", "failed")


@dataclass(frozen=True)
class Claim:
    """A trial that this process is to run.

    Attributes:
        trial: The trial.
        lock: To be handed on to what trains, and closed at the end.
        is_begun: Whether it was begun before.
    """

    trial: Trial
    lock: IO[bytes]
    is_begun: bool
