"""Ending a run on time: how many steps the time left still holds."""

from __future__ import annotations

import math
from collections.abc import Callable

from textrnn.training.plan import Plan

__all__ = ["Deadline"]

_EVALUATION_SPEED = 2.5
"""Evaluating runs forward only: about so much faster than training, until it has been measured."""
_CHECKS = 40
_TOLERANCE = 0.015
_MARGIN_S = 0.25
_LEAST = 3
"""Ends are not moved by fewer steps than this."""
_MEMORY_S, _MEMORY_SHARE = 3.0, 0.08
"""Speed is averaged over so many seconds or this share of the budget: other programs come and go."""
_NEAR_S, _MOST_IN_FLIGHT = 2.0, 50
"""So near the end, or as many steps as may be in flight before it, every step is waited for."""
_PAUSE_S, _PAUSE_RATIO = 2.0, 20.0
"""What takes longer than this, and so many times as long as usual, was a pause (Ctrl-Z, a machine that
slept): it costs the time that it took, but says nothing of the speed."""


class Deadline:
    """Watches a time budget and says when the plan's end must move.

    Args:
        ends_s: The deadline, on ``clock``.
        clock: Seconds since the command's start, monotonic.
        finish: Waits until all steps that were begun are done, on devices where they run on their own.
    """

    def __init__(
        self,
        ends_s: float,
        clock: Callable[[], float],
        finish: Callable[[], None] = lambda: None,
    ) -> None:
        self._ends_s = ends_s
        self._clock = clock
        self._finish = finish
        self._targets_per_s = 0.0
        self._eval_s: float | None = None
        self._beside_s = 0.0
        self._save_s = 0.0
        self._step_s = 0.0
        self._memory_s = max(_MEMORY_S, _MEMORY_SHARE * ends_s)
        self._mark: tuple[int, int, float] | None = None
        self._last_s = 0.0
        self._longest_s = 0.0
        self._elsewhere_s = 0.0
        self._next_check = 0

    def evaluated(self, evaluating_s: float, duration_s: float) -> None:
        """Take note of an intermediate evaluation.

        Args:
            evaluating_s: What reading the validation data took.
            duration_s: What it took with all that goes with it, such as a sample.
        """
        known = evaluating_s if self._eval_s is None else self._eval_s
        beside_s = duration_s - evaluating_s
        self._eval_s = 0.5 * (known + _without_pause(evaluating_s, known))
        self._beside_s = _without_pause(beside_s, self._beside_s)
        self._elsewhere_s += duration_s

    def saved(self, duration_s: float) -> None:
        """Take note of what a save took."""
        self._save_s = _without_pause(duration_s, self._save_s)
        self._elsewhere_s += duration_s

    def waited(self) -> None:
        """Take note that steps in flight have just been waited for: that is no pause."""
        self._last_s = self._own_s()

    def rolled_back(self) -> None:
        """Take note that the run went back to an earlier step."""
        self._mark = None

    def closing_s(self, plan: Plan) -> float:
        """Return the seconds that the end of the run will take after the last step."""
        evaluate = self._evaluation_s(plan)
        more = plan.closing_targets
        if plan.eval_targets is not None:
            more += plan.final_targets or plan.valid_targets
        known = plan.eval_targets or plan.valid_targets
        each = evaluate / known if known else self._target_s()
        return evaluate + self._beside_s + more * each + 2 * self._save_s + _MARGIN_S

    def is_over(self, plan: Plan) -> bool:
        """Return whether only the closing work still fits."""
        last_s = self._ends_s - self.closing_s(plan)
        if self._clock() < last_s - max(_NEAR_S, _MOST_IN_FLIGHT * self._step_s):
            return False
        self._finish()
        return self._clock() >= last_s

    def revised_end(self, plan: Plan, step: int, targets: int) -> int | None:
        """Return a new number of steps in all where the present one misses the deadline, else None.

        Args:
            plan: As it stands.
            step: Updates done.
            targets: Targets trained on so far.
        """
        if self._mark is None:
            self._finish()
            own_s = self._last_s = self._own_s()
            self._mark, self._longest_s = (step, targets, own_s), 0.0
            # The first steps allocate and warm caches: they would mislead.
            self._next_check = step + 10
            return None
        own_s = self._own_s()
        self._longest_s = max(self._longest_s, own_s - self._last_s)
        self._last_s = own_s
        if step < self._next_check:
            return None
        self._finish()
        own_s = self._last_s = self._own_s()
        marked_step, marked_targets, marked_at = self._mark
        steps, spent = max(1, step - marked_step), max(1e-6, own_s - marked_at)
        if steps > 1:
            usual = (spent - self._longest_s) / (steps - 1)
            spent += _without_pause(self._longest_s, usual) - self._longest_s
        found = spent / steps
        weight = 1 - math.exp(-spent / self._memory_s) if self._step_s else 1.0
        self._step_s += weight * (found - self._step_s)
        self._targets_per_s = (targets - marked_targets) / spent
        self._mark, self._longest_s = (step, targets, own_s), 0.0
        between = (self._evaluation_s(plan) + self._beside_s + self._save_s) / plan.eval_every
        available = self._ends_s - self._clock() - self.closing_s(plan)
        left = max(0, int(available / (self._step_s + between)))
        if plan.most_steps is not None:
            left = min(left, plan.most_steps - step)
        self._next_check = step + max(5, left // _CHECKS)
        planned = plan.max_steps - step
        if abs(left - planned) <= max(_LEAST, _TOLERANCE * planned):
            return None
        return step + left

    def _own_s(self) -> float:
        """Return the seconds on a clock that stands still but for steps."""
        return self._clock() - self._elsewhere_s

    def _evaluation_s(self, plan: Plan) -> float:
        if self._eval_s is not None:
            return self._eval_s
        if not self._targets_per_s:
            return 0.0
        return (plan.eval_targets or plan.valid_targets) * self._target_s()

    def _target_s(self) -> float:
        """Return the seconds that reading a target takes, guessed from training."""
        if not self._targets_per_s:
            return 0.0
        return 1 / (_EVALUATION_SPEED * self._targets_per_s)


def _without_pause(found_s: float, usual_s: float) -> float:
    """Return how long something took, or usually takes where a pause fell into it.

    Args:
        found_s: What it took now.
        usual_s: What it took before; 0 where that is not known.
    """
    is_pause = usual_s > 0 and found_s > max(_PAUSE_S, _PAUSE_RATIO * usual_s)
    return usual_s if is_pause else found_s
