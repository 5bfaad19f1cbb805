"""Working through a study: taking trials, running them side by side, stopping hopeless ones."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from textrnn.errors import TrainingError
from textrnn.experiments.keeping import forget_state
from textrnn.experiments.outcomes import (
    HOPELESS,
    INTERRUPTED,
    OUT_OF_TIME,
    Objective,
    best_trial,
    common_fault,
    verdict,
)
from textrnn.experiments.pruning import is_hopeless
from textrnn.experiments.strategies import Strategy
from textrnn.experiments.study import MOST_ATTEMPTS, Study
from textrnn.experiments.study_events import (
    StudyStopped,
    TrialBegan,
    TrialEnded,
    TrialMeasured,
    TrialMoved,
)
from textrnn.experiments.trial import Claim, Trial
from textrnn.experiments.trials import Crew, Recipe, TrialProcess
from textrnn.training.events import Event

__all__ = ["Limits", "Tuning"]

_LISTEN_S = 0.2
_RECORD_EVERY_S = 5.0
_FITTING_SHARE = 0.9
"""A trial is begun only where this share of its time is left, so that its end is not cut off."""


@dataclass(frozen=True)
class Limits:
    """What a session may do.

    Attributes:
        trials: Trials in all, those of former sessions among them; None for no bound.
        seconds: Seconds of the study in all, those of former sessions among them; None for no bound.
        trial_s: Seconds that a trial is given; None where its budget is another.
        workers: Trials at a time.
    """

    trials: int | None
    seconds: float | None
    trial_s: float | None
    workers: int


class Tuning:
    """Runs a study's trials.

    Args:
        study: Where everything is remembered.
        recipe: What all trials have in common.
        strategy: Chooses settings.
        searched: Names of the searched settings.
        objective: What trials are compared by.
        limits: How much to do.
        prune: Whether hopeless trials are stopped.
        baseline: Whether the first trial takes the defaults.
        keep_states: Whether trials that came to their end keep what it takes to go on with them; else only
            the best one does.
        stop_signal: Returns the number of a signal that asks for the end, or None.
        clock: Seconds since the command's start.
    """

    def __init__(
        self,
        study: Study,
        recipe: Recipe,
        strategy: Strategy,
        searched: Sequence[str],
        objective: Objective,
        limits: Limits,
        *,
        prune: bool,
        baseline: bool,
        keep_states: bool,
        stop_signal: Callable[[], int | None],
        clock: Callable[[], float],
    ) -> None:
        self._study = study
        self._recipe = recipe
        self._strategy = strategy
        self._searched = tuple(searched)
        self._objective = objective
        self._limits = limits
        self._prune = prune
        self._baseline = baseline
        self._keep_states = keep_states
        self._stop_signal = stop_signal
        self._clock = clock
        self._spent_before_s = float(study.record.get("spent_s", 0.0))
        self._recorded_s = 0.0
        self._end: str | None = None
        self._is_prepared = False

    def run(self) -> Iterator[Event]:
        """Run trials until a limit is reached or a signal comes; the last event is ``StudyStopped``.

        Raises:
            TrainingError: the first trial could not even begin, or none of the first ones came to anything.
        """
        with Crew() as crew:
            try:
                while True:
                    self._watch(crew)
                    while self._end is None and len(crew.processes) < self._places():
                        claim = self._claim()
                        if claim is None:
                            break
                        yield self._begin(crew, claim)
                    if not crew.processes:
                        break
                    news = crew.next_event(_LISTEN_S)
                    if news is not None:
                        yield from self._take(*news)
            finally:
                for number in crew.processes:
                    self._study.end(number, "waiting")
                self._record_time()
        yield StudyStopped(self._end or "trials")

    def train_best(
        self, trial: Trial, recipe: Recipe, values: Mapping[str, Any], minutes: float
    ) -> Iterator[Event]:
        """Train a model of its own with the best settings, or go on with it; it is the study's ``best``.

        Args:
            trial: The best one.
            recipe: Data and machine, without a budget.
            values: Its settings.
            minutes: For the training.
        """
        folder = self._study.folder / "best"
        values = {**values, "minutes": minutes}
        with Crew() as crew:
            crew.begin(0, recipe, folder, values)
            yield TrialBegan(0, trial.settings, resumed=False, model=str(folder))
            while crew.processes:
                if self._stop_signal() is not None:
                    crew.ask(INTERRUPTED)
                news = crew.next_event(_LISTEN_S)
                if news is None:
                    continue
                process, event = news
                if event is None:
                    yield self._final(process, trial)
                else:
                    yield from self._told(process, event)

    # Beginning

    def _places(self) -> int:
        """Return how many trials may run: one until its data are prepared, which all others then find."""
        return self._limits.workers if self._is_prepared else 1

    def _claim(self) -> Claim | None:
        """Take a trial, where there is time for one."""
        if not self._has_time():
            self._end = "minutes"
            return None
        claim = self._study.claim(self._limits.trials, self._suggest)
        if claim is None and len(self._study.trials()) < (self._limits.trials or 1 << 62):
            self._end = "exhausted"
        return claim

    def _suggest(self, history: Sequence[Trial], number: int) -> Mapping[str, Any] | None:
        if self._baseline and number == 1:
            return {}
        return self._strategy.suggest(history, number)

    def _has_time(self) -> bool:
        """Return whether the time left holds a trial as long as the others."""
        left_s = self._left_s()
        if left_s is None:
            return True
        needed_s = self._limits.trial_s
        if needed_s is None:
            took = [trial.elapsed_s for trial in self._study.trials() if trial.state == "done"]
            needed_s = statistics.median(took) if took else 0.0
        return left_s > 0 and left_s >= _FITTING_SHARE * needed_s

    def _begin(self, crew: Crew, claim: Claim) -> Event:
        trial = claim.trial
        folder = self._study.trial_folder(trial.number)
        crew.begin(trial.number, self._recipe, folder, trial.settings, claim.lock)
        outcome = crew.processes[trial.number].outcome
        for _, value in trial.curve:  # what a former session measured
            if self._objective.is_better(value, outcome.value):
                outcome.value = value
        return TrialBegan(trial.number, trial.settings, claim.is_begun, str(folder))

    # Listening

    def _take(self, process: TrialProcess, event: dict[str, Any] | None) -> Iterator[Event]:
        """Take news of a trial in."""
        if event is None:
            yield self._ended(process)
            return
        told = list(self._told(process, event))
        if event["event"] == "planned":
            self._is_prepared = True
            settings = event["settings"]
            resolved = {name: settings.get(name) for name in self._searched}
            self._study.planned(process.number, resolved)
        for measured in told:
            if isinstance(measured, TrialMeasured):
                self._study.evaluated(process.number, measured.step, measured.share, measured.value)
                self._consider(process)
        yield from told

    def _told(self, process: TrialProcess, event: Mapping[str, Any]) -> Iterator[Event]:
        """Yield what an event of a run means for the study."""
        outcome = process.outcome
        value = outcome.take(event, self._objective)
        if value is not None:
            yield TrialMeasured(process.number, outcome.step, outcome.share, value)
        elif event.get("event") in ("planned", "progress", "resumed"):
            yield TrialMoved(
                process.number,
                outcome.step,
                outcome.max_steps,
                outcome.elapsed_s,
                outcome.remaining_s,
            )

    def _consider(self, process: TrialProcess) -> None:
        """Stop a trial that is worse than most others were at that point."""
        if not self._prune or process.asked is not None:
            return
        trials = self._study.trials()
        trial = next(t for t in trials if t.number == process.number)
        if trial.settings and is_hopeless(trial, trials, maximize=self._objective.maximize):
            process.ask(HOPELESS)

    def _ended(self, process: TrialProcess) -> Event:
        """Record what came of a trial whose process is gone."""
        code = process.close()
        outcome, number = process.outcome, process.number
        said = process.message(code)
        state, message = verdict(outcome, self._objective, process.asked, code, said)
        if state == "waiting" and process.asked is None:
            # Somebody else asked it to end: it is gone on with at once, but not for ever.
            is_last = self._study.trial(number).attempts >= MOST_ATTEMPTS
            state, message = ("failed", said) if is_last else (state, message)
        keeps = state in ("done", "pruned")
        before = best_trial(self._study.trials(), self._objective)
        self._study.end(
            number,
            state,
            value=outcome.value if keeps else None,
            metrics=outcome.metrics if keeps else {},
            message=message,
            steps=outcome.step,
            elapsed_s=outcome.elapsed_s,
        )
        trials = self._study.trials()
        trial = next(t for t in trials if t.number == number)
        fault = common_fault(trials, trial, self._limits.workers)
        if fault is not None:
            raise TrainingError(fault)
        best = best_trial(trials, self._objective)
        is_best = best is not None and best.number == number and best != before
        if not self._keep_states:
            self._forget_states(trial, before, is_best=is_best)
        return _event_of(trial, is_best=is_best)

    def _forget_states(self, ended: Trial, before: Trial | None, *, is_best: bool) -> None:
        """Delete what it takes to go on with trials that have lost; the best one keeps it."""
        if ended.state in ("done", "pruned") and not is_best:
            forget_state(self._study.trial_folder(ended.number))
        elif is_best and before is not None:
            forget_state(self._study.trial_folder(before.number), before.steps)

    def _final(self, process: TrialProcess, trial: Trial) -> Event:
        code, outcome = process.close(), process.outcome
        said = process.message(code)
        state, message = verdict(outcome, self._objective, process.asked, code, said)
        return TrialEnded(
            0,
            state,
            trial.values,
            outcome.value,
            outcome.metrics,
            message,
            outcome.step,
            outcome.elapsed_s,
            is_best=False,
        )

    # Time

    def _watch(self, crew: Crew) -> None:
        """Ask trials to end where a signal came or the time is over; note the time that is gone."""
        if self._stop_signal() is not None:
            self._end = "interrupted"
            crew.ask(INTERRUPTED)
        left_s = self._left_s()
        if left_s is not None and left_s <= 0:
            self._end = self._end or "minutes"
            crew.ask(OUT_OF_TIME)
        if self._clock() - self._recorded_s >= _RECORD_EVERY_S:
            self._record_time()

    def _left_s(self) -> float | None:
        if self._limits.seconds is None:
            return None
        return self._limits.seconds - self._spent_before_s - self._clock()

    def _record_time(self) -> None:
        self._recorded_s = self._clock()
        self._study.put(spent_s=self._spent_before_s + self._recorded_s)


def _event_of(trial: Trial, *, is_best: bool) -> TrialEnded:
    return TrialEnded(
        trial.number,
        trial.state,
        trial.values,
        trial.value,
        trial.metrics,
        trial.message,
        trial.steps,
        trial.elapsed_s,
        is_best,
    )
