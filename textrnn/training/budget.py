"""From a budget in steps, passes or minutes to the plan that every job's planner lays out."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from textrnn.training.device import DeviceFacts
from textrnn.training.plan import Plan
from textrnn.training.settings import TrainingSettings

__all__ = ["MINUTES_SHARE", "Budget", "parts_within", "seconds_left"]

MEMORY_SHARE = 0.8
"""Share of a device's memory that a run may take."""
MINUTES_SHARE = 0.93
"""Share of a time budget that is planned to go into steps."""


@dataclass(frozen=True)
class Budget:
    """What a run may spend, in targets of its training data.

    Attributes:
        settings: With ``minutes``, ``epochs`` or ``max_steps``.
        epoch_targets: Targets of a pass over the training data.
        step_targets: Targets of a step.
        most_epochs: Passes after which a budget in minutes alone stops.
    """

    settings: TrainingSettings
    epoch_targets: int
    step_targets: int
    most_epochs: float

    @property
    def planned_targets(self) -> float | None:
        """Targets that a budget in epochs or steps holds; None for one in minutes alone."""
        limits = []
        if self.settings.epochs is not None:
            limits.append(self.settings.epochs * self.epoch_targets)
        if self.settings.max_steps is not None:
            limits.append(float(self.settings.max_steps * self.step_targets))
        return min(limits) if limits else None

    def steps(self, step_s: float | None, seconds: float | None) -> tuple[int, int | None]:
        """Return the steps of the plan and, for a time budget, the most that it may be stretched to.

        Args:
            step_s: Seconds of a step; None without a time budget.
            seconds: Seconds left of a time budget, or None.
        """
        settings, per_step = self.settings, self.step_targets
        limits = []
        if settings.epochs is not None:
            limits.append(max(1, math.ceil(settings.epochs * self.epoch_targets / per_step)))
        if settings.max_steps is not None:
            limits.append(settings.max_steps)
        if seconds is None or step_s is None:
            return min(limits), None
        if not limits:
            limits.append(max(1, math.ceil(self.most_epochs * self.epoch_targets / per_step)))
        most_steps = min(limits)
        return min(most_steps, max(1, int(MINUTES_SHARE * seconds / step_s))), most_steps

    def plan(
        self,
        max_steps: int,
        most_steps: int | None,
        *,
        evaluations: int,
        valid_targets: int,
        eval_targets: int | None,
        final_targets: int | None,
        warmup_share: float,
        patience: int,
        closing_targets: int = 0,
    ) -> Plan:
        """Return the plan, with what the settings say before what the planner thinks.

        Args:
            max_steps: As :meth:`steps` returned it.
            most_steps: Likewise.
            evaluations: How often to look at the validation data.
            valid_targets: Targets of all of the validation data.
            eval_targets: See ``Plan``.
            final_targets: See ``Plan``.
            warmup_share: Share of the run over which the rate rises.
            patience: Evaluations without a new best after which a run without a time budget stops.
            closing_targets: See ``Plan``.
        """
        s = self.settings
        eval_every = s.eval_every or max(1, math.ceil(max_steps / evaluations))
        warmup = s.warmup_steps
        if warmup is None:
            # A share of 20 steps is 20 steps, whatever the last bit of its quotient says.
            warmup = min(2000, max(1, int(max_steps * warmup_share + 1e-9)))
        if s.patience is not None:
            patience = s.patience
        elif s.minutes is not None:
            patience = 0
        return Plan(
            max_steps=max_steps,
            warmup_steps=min(warmup, max_steps),
            eval_every=eval_every,
            save_every=s.save_every or eval_every,
            valid_targets=valid_targets,
            eval_targets=eval_targets,
            final_targets=final_targets,
            closing_targets=closing_targets,
            patience=patience,
            budget_s=None if s.minutes is None else s.minutes * 60,
            most_steps=most_steps,
            fixed_intervals=s.eval_every is not None or s.save_every is not None,
        )


def seconds_left(settings: TrainingSettings, elapsed_s: float) -> float | None:
    """Return what is left of a time budget, at least a second; None without one.

    Args:
        settings: With ``minutes`` or without.
        elapsed_s: Seconds that are gone.
    """
    return None if settings.minutes is None else max(1.0, settings.minutes * 60 - elapsed_s)


def parts_within(
    device: DeviceFacts, needed: Callable[[int], int], parts: int, batch_size: int
) -> int | None:
    """Return in how many parts batches are to be worked off to fit a device's memory.

    Args:
        device: What trains.
        needed: Returns the bytes that training takes with batches in so many parts.
        parts: The fewest.
        batch_size: Rows of a batch, which has no more parts than rows.

    Returns:
        ``parts``, doubled as often as need be; None where not even single rows fit.
    """
    most = int(MEMORY_SHARE * device.memory_bytes)
    while needed(parts) > most:
        if parts >= batch_size:
            return None
        parts *= 2
    return parts
