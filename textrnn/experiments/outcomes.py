"""What came of a trial: its figures while events come in, and the verdict at its end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from textrnn.experiments.trial import Trial

__all__ = [
    "HOPELESS",
    "INTERRUPTED",
    "OUT_OF_TIME",
    "Objective",
    "Outcome",
    "best_trial",
    "common_fault",
    "verdict",
]

HOPELESS, OUT_OF_TIME, INTERRUPTED = "hopeless", "out of time", "interrupted"
"""Why a trial may be asked to end."""
_SIGNALLED = (129, 130, 143)
"""Exit statuses of a run that was asked to end by SIGHUP, SIGINT or SIGTERM, and has saved."""
_FIRST_FAILURES = 3
"""So many trials that fail before any is done are the fault of something that all have in common."""


@dataclass(frozen=True)
class Objective:
    """What trials are compared by.

    Attributes:
        name: As ``--select`` has it.
        metric: Its key among the figures of an evaluation.
        maximize: Whether greater figures are better.
    """

    name: str
    metric: str
    maximize: bool

    def is_better(self, value: float, than: float | None) -> bool:
        """Return whether a figure beats another, or is the first."""
        if than is None:
            return True
        return value > than if self.maximize else value < than


@dataclass
class Outcome:
    """What is known of a trial while its events come in.

    Attributes:
        step: Updates done.
        max_steps: Updates planned.
        value: The best figure so far.
        metrics: All figures of that evaluation.
        settings: Every setting, resolved; None until the run was planned.
        elapsed_s: Seconds of training.
        remaining_s: About how many more; None where not known yet.
        is_done: Whether the run came to its end.
    """

    step: int = 0
    max_steps: int = 1
    value: float | None = None
    metrics: dict[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] | None = None
    elapsed_s: float = 0.0
    remaining_s: float | None = None
    is_done: bool = False

    @property
    def share(self) -> float:
        """How much of the plan is done, from 0 to 1."""
        return min(1.0, self.step / max(1, self.max_steps))

    def take(self, event: Mapping[str, Any], objective: Objective) -> float | None:
        """Take an event in; return the figure where it is an evaluation that gave one."""
        kind = event.get("event")
        if kind == "planned":
            self.settings, self.max_steps = event["settings"], event["plan"]["max_steps"]
        elif kind in ("resumed", "replanned", "progress"):
            self.step, self.max_steps = event["step"], event["max_steps"]
            self.remaining_s = event.get("remaining_s", self.remaining_s)
        elif kind == "evaluated":
            self.step = event["step"]
            value = event["metrics"].get(objective.metric)
            if value is not None and objective.is_better(value, self.value):
                self.value, self.metrics = value, dict(event["metrics"])
            self.elapsed_s = event["elapsed_s"]
            return value if value is None else float(value)
        elif kind == "done":
            self.is_done, self.step = True, event["steps"]
            known = {"event", "model", "steps", "best_step", "elapsed_s", "tokens_per_s", "reason"}
            self.metrics = {name: value for name, value in event.items() if name not in known}
            self.value = event.get(objective.metric)
        self.elapsed_s = event.get("elapsed_s", self.elapsed_s)
        return None


def best_trial(trials: Sequence[Trial], objective: Objective) -> Trial | None:
    """Return the best of the trials that came to their end, the first of equals; None without any."""
    best: Trial | None = None
    for trial in trials:
        if trial.state == "done" and trial.value is not None:
            than = None if best is None else best.value
            if objective.is_better(trial.value, than):
                best = trial
    return best


def verdict(
    outcome: Outcome, objective: Objective, asked: str | None, code: int, said: str
) -> tuple[str, str]:
    """Return a trial's state when its process is gone, and why.

    Args:
        outcome: What its events told.
        objective: What trials are compared by.
        asked: Why it was asked to end; None where it was not.
        code: The exit status of its process.
        said: What the process said when it failed.
    """
    if code == 0 and outcome.is_done:
        if outcome.value is None:
            return "failed", f"no {objective.name} was measured on validation data"
        return "done", ""
    if asked == HOPELESS:
        share = f"{outcome.share:.0%} of its steps"
        return "pruned", f"worse than the median of the others after {share}"
    if asked == OUT_OF_TIME:
        return "waiting", "the study's time was over"
    if asked is not None or code in _SIGNALLED:
        return "waiting", ""
    return "failed", said


def common_fault(trials: Sequence[Trial], ended: Trial, workers: int) -> str | None:
    """Return why a study cannot work, where that is what all of its trials have in common; else None.

    Args:
        trials: All so far.
        ended: The one that ended last.
        workers: Trials at a time.
    """
    if ended.state != "failed" or any(trial.state in ("done", "pruned") for trial in trials):
        return None
    # Without a plan, it was the data or an option; without a figure, there are no validation data.
    if ended.number == 1 and (not ended.resolved or "validation data" in ended.message):
        return ended.message
    failed = sum(trial.state == "failed" for trial in trials)
    if failed >= max(_FIRST_FAILURES, workers + 1):
        return f"the first {failed} trials all failed; the last one: {ended.message}"
    return None
