"""The plan of a run: everything that depends on machine, clock or corpus, decided before step 1.

From the plan on, the loop knows steps. The schedule runs over *progress*, a number from 0 to 1 that is
piecewise linear in steps: where a deadline calls for more or fewer steps than planned, a knot is added
at the present step and the rest of the schedule is stretched or squeezed to the new end. Knots are part
of the recorded plan, so a resumed run follows the same curve.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from textrnn.training.settings import TrainingSettings

__all__ = ["Plan", "PlannerAnswer", "learning_rate"]

S = TypeVar("S", bound=TrainingSettings)


@dataclass(frozen=True)
class Plan:
    """What the loop will do.

    Attributes:
        max_steps: Optimiser updates in all.
        warmup_steps: Updates over which the rate rises.
        eval_every: Updates between two evaluations.
        save_every: Updates between two saves; every evaluation saves too.
        valid_targets: Targets of all of the validation data.
        eval_targets: Targets of an intermediate evaluation; None evaluates all of the validation data.
        final_targets: Likewise for the evaluation of the best weights at the end.
        closing_targets: Targets that are read once more at the end of the run, for a last test.
        patience: Evaluations without a new best after which the run stops; 0 never.
        budget_s: Seconds from the command's start to its last save; None without a time budget.
        most_steps: Updates beyond which a time budget adds none; None without such a bound.
        knots: (step, progress) pairs before which the schedule is settled; the last segment runs from
            the last knot to (max_steps, 1).
        begins_at: The step at which the schedule began, later than 0 where a finished run went on.
        fixed_intervals: Whether the user chose the intervals, so that they never move.
    """

    max_steps: int
    warmup_steps: int
    eval_every: int
    save_every: int
    valid_targets: int
    eval_targets: int | None = None
    final_targets: int | None = None
    closing_targets: int = 0
    patience: int = 0
    budget_s: float | None = None
    most_steps: int | None = None
    knots: tuple[tuple[int, float], ...] = ((0, 0.0),)
    begins_at: int = 0
    fixed_intervals: bool = False

    def progress(self, step: int) -> float:
        """Return how much of the schedule lies behind ``step`` updates, from 0 to 1."""
        ends = [*self.knots, (self.max_steps, 1.0)]
        for (low, start), (high, end) in itertools.pairwise(ends):
            if step < high:
                return start + (end - start) * max(0, step - low) / (high - low)
        return 1.0

    def with_end(self, step: int, max_steps: int) -> Plan:
        """Return the plan that, from ``step`` on, ends at ``max_steps`` instead.

        Where the planned intervals have not begun to pass, they and the warm-up move with the end: a
        first look at the real speed may find the plan far too long or too short.
        """
        settled = tuple(knot for knot in self.knots if knot[0] < step)
        moved = dataclasses.replace(
            self,
            max_steps=max(max_steps, step),
            knots=(*settled, (step, self.progress(step))),
        )
        passed = step - self.begins_at
        if passed >= min(self.eval_every, self.save_every):
            return moved
        ratio = max(1, moved.max_steps - self.begins_at) / max(1, self.max_steps - self.begins_at)
        kept = 1.0 if self.fixed_intervals else ratio
        warmup = self.warmup_steps
        if passed < warmup:
            warmup = max(passed, round(warmup * ratio))
        return dataclasses.replace(
            moved,
            eval_every=max(1, math.ceil(self.eval_every * kept)),
            save_every=max(1, math.ceil(self.save_every * kept)),
            warmup_steps=warmup,
        )

    def extended(self, step: int, more_steps: int, budget_s: float | None) -> Plan:
        """Return the plan that starts a schedule of its own at ``step``, rate warmed again."""
        evaluations = max(1, round((self.max_steps - self.begins_at) / self.eval_every))
        every = max(1, math.ceil(more_steps / evaluations))
        eval_every = self.eval_every if self.fixed_intervals else every
        save_every = self.save_every if self.fixed_intervals else every
        return dataclasses.replace(
            self,
            max_steps=step + more_steps,
            warmup_steps=min(self.warmup_steps, max(1, more_steps // 20)),
            eval_every=eval_every,
            save_every=save_every,
            budget_s=budget_s,
            most_steps=None,
            knots=((step, 0.0),),
            begins_at=step,
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the plan for JSON."""
        return {**dataclasses.asdict(self), "knots": [list(knot) for knot in self.knots]}

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Plan:
        """Return the plan that :meth:`as_dict` recorded."""
        knots = tuple((int(step), float(progress)) for step, progress in record["knots"])
        return cls(**{**record, "knots": knots})


@dataclass(frozen=True)
class PlannerAnswer(Generic[S]):
    """What a job's planner makes of settings that leave something open.

    Attributes:
        settings: With every None replaced.
        plan: For the loop.
        reasons: Why, a sentence each.
    """

    settings: S
    plan: Plan
    reasons: tuple[str, ...]


def learning_rate(settings: TrainingSettings, plan: Plan, step: int) -> float:
    """Return the rate of the update that follows ``step`` updates.

    The warm-up is linear (Goyal et al. 2017); cosine as in Loshchilov and Hutter 2017, without restarts.
    What the plateau schedule and roll-backs multiply the rate with is not part of this function.
    """
    peak = settings.learning_rate
    if peak is None:
        raise ValueError("the learning rate is not resolved")
    since = step - plan.begins_at
    if since < plan.warmup_steps:
        return peak * (since + 1) / plan.warmup_steps
    if settings.schedule == "step":
        return peak * settings.decay_factor ** (since // settings.decay_every)
    if settings.schedule in ("constant", "plateau"):
        return peak
    warm_end = plan.progress(plan.begins_at + plan.warmup_steps)
    done = (plan.progress(step) - warm_end) / max(1e-12, 1 - warm_end)
    if settings.schedule == "cosine":
        return peak * 0.5 * (1 + math.cos(math.pi * done))
    return peak * (1 - done)
