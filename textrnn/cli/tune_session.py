"""One session of a study: signals, what is shown, and what is left when it ends."""

from __future__ import annotations

import contextlib
import functools
import shutil
import signal
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from textrnn.cli.clock import seconds_since_start
from textrnn.cli.console import byte_size, is_terminal, note, write_json
from textrnn.cli.output import shown
from textrnn.cli.signals import StopSignals
from textrnn.cli.tune_best import Keeper
from textrnn.cli.tune_display import QuietTuneDisplay, TuneDisplay, pick_tune_display
from textrnn.cli.tune_plan import limits_of, plan_lines, searched_of
from textrnn.cli.tune_report import (
    Findings,
    best_lines,
    findings_of,
    importance_lines,
    write_table,
)
from textrnn.errors import TrainingError, TrainingInterrupted
from textrnn.experiments.strategies import make_strategy
from textrnn.experiments.study import Study
from textrnn.experiments.study_events import StudyStopped, TrialEnded
from textrnn.experiments.trial import Trial
from textrnn.experiments.trials import Recipe
from textrnn.experiments.tuning import Limits, Tuning
from textrnn.processors import available_processors
from textrnn.training.events import Event

__all__ = ["run_study"]

_PIPE_CLOSED = int(getattr(signal, "SIGPIPE", 13))


def run_study(study: Study, *, json: bool, quiet: bool, is_new: bool) -> None:
    """Work through a study, and leave the best settings and model.

    Args:
        study: The study; closed at the end.
        json: Whether events go to stdout as JSON instead of the table.
        quiet: Whether stderr gets warnings and errors only.
        is_new: Whether it was made by this command: where not even the first trial can begin, nothing of it
            is left.

    Raises:
        TrainingError: no trial came to anything.
        TrainingInterrupted: a signal ended it; all is saved.
    """
    session = _Session(study, json=json, quiet=quiet)
    with contextlib.closing(study), StopSignals() as signals:
        try:
            session.work(signals)
        except TrainingError:
            trials = study.trials()
            if is_new and len(trials) == 1 and trials[0].state == "failed":
                study.close()
                shutil.rmtree(study.folder, ignore_errors=True)
            raise


class _Session:
    def __init__(self, study: Study, *, json: bool, quiet: bool) -> None:
        self._study = study
        self._searched = searched_of(study.record)
        self._json = json
        # On one terminal, the lines of JSON and a display would run into each other.
        self._quiet = quiet or (json and is_terminal(sys.stdout))
        self._display: TuneDisplay = QuietTuneDisplay()
        self._signals: StopSignals | None = None
        self._told_stopping = False

    def work(self, signals: StopSignals) -> None:
        """Run trials, then tell and keep what was found."""
        self._signals = signals
        record, fixed = self._searched.record, dict(self._searched.record["fixed"])
        limits = limits_of(record)
        recipe = self._recipe(fixed, record["workers"])
        tuning = self._tuning(recipe, limits)
        if self._json:
            write_json({"event": "study_planned", "study": str(self._study.folder), **record})
        elif not self._quiet:
            for label, text in plan_lines(self._searched, self._study.folder):
                note(f"{label:<9}{text}")
        signals.arm()
        reason = self._follow(tuning.run(), limits)
        findings = self._findings()
        best, settings, model = findings.best, None, None
        if best is None and reason != "interrupted" and not self._study.has_strangers():
            raise TrainingError(_nothing(findings, self._study.folder))
        keeper = Keeper(self._study, self._searched, self._note)
        if best is not None:
            settings = keeper.write_settings(best, len(findings.trials))
        if best is not None and reason != "interrupted":
            model = keeper.keep_model(best, functools.partial(self._train, tuning, limits))
            reason = reason if signals.pending() is None or model is not None else "interrupted"
        signals.settle()
        self._conclude(findings, settings, model, reason)

    def _tuning(self, recipe: Recipe, limits: Limits) -> Tuning:
        searched, record = self._searched, self._searched.record
        strategy = make_strategy(
            record["strategy"],
            searched.space,
            record["seed"],
            maximize=searched.objective.maximize,
            trials=record["trials"],
        )
        return Tuning(
            self._study,
            recipe,
            strategy,
            searched.space.names,
            searched.objective,
            limits,
            prune=record["prune"],
            baseline=record["baseline"],
            # Studies of versions that did not say so kept everything.
            keep_states=record.get("keep_states", True),
            stop_signal=self._stop_signal,
            clock=seconds_since_start,
        )

    def _recipe(self, fixed: dict[str, Any], workers: int) -> Recipe:
        """Return what all trials have in common, the threads shared by so many at a time."""
        record, job = self._searched.record, self._searched.job
        if workers > 1:
            fixed["threads"] = max(1, (fixed.get("threads") or available_processors()) // workers)
        return Recipe(
            job.command, job.settings(), tuple(record["options"]), tuple(record["inputs"]), fixed
        )

    def _follow(self, events: Iterator[Event], limits: Limits) -> str:
        """Show events until the last; return why it ended."""
        left_s = None
        if limits.seconds is not None:
            left_s = limits.seconds - self._searched.record["spent_s"] - seconds_since_start()
        self._display = pick_tune_display(
            self._searched.objective, quiet=self._quiet, trials=limits.trials, seconds=left_s
        )
        reason = "trials"
        with self._display, contextlib.closing(events):  # type: ignore[type-var]
            for event in events:
                if isinstance(event, StudyStopped):
                    reason = event.reason
                self._show(event)
        return reason

    def _show(self, event: Event) -> None:
        try:
            if self._json:
                write_json(event.as_json())
            self._display.show(event)
        except BrokenPipeError:
            # Nobody listens any more: the trials save, and the command ends.
            self._json, self._display = False, QuietTuneDisplay()
            if self._signals is not None:
                self._signals.ask(_PIPE_CLOSED)
        except OSError:
            self._display = QuietTuneDisplay()

    def _stop_signal(self) -> int | None:
        number = None if self._signals is None else self._signals.pending()
        if number is not None and not self._told_stopping:
            self._told_stopping = True
            with contextlib.suppress(OSError):
                self._display.stopping()
        return number

    def _findings(self) -> Findings:
        return findings_of(self._study.trials(), self._searched.space, self._searched.objective)

    def _train(
        self,
        tuning: Tuning,
        limits: Limits,
        best: Trial,
        values: Mapping[str, Any],
        minutes: float,
    ) -> TrialEnded | None:
        """Train a model with the best settings, shown as trials are; return what came of it."""
        machine = ("device", "threads")
        fixed = {k: v for k, v in self._searched.record["fixed"].items() if k in machine}
        recipe = self._recipe(fixed, workers=1)
        ended: list[TrialEnded] = []

        def watched() -> Iterator[Event]:
            for event in tuning.train_best(best, recipe, values, minutes):
                if isinstance(event, TrialEnded):
                    ended.append(event)
                yield event

        self._follow(watched(), limits)
        return ended[0] if ended else None

    def _conclude(
        self, findings: Findings, settings: Path | None, model: Path | None, reason: str
    ) -> None:
        """Show all that was found, and say what comes next."""
        folder, searched = self._study.folder, self._searched
        if self._json:
            write_json(
                {
                    "event": "study_done",
                    "study": str(folder),
                    "reason": reason,
                    "model": None if model is None else str(model),
                    "settings": None if settings is None else str(settings),
                    **findings.as_json(),
                }
            )
        elif self._signals is not None and self._signals.pending() != _PIPE_CLOSED:
            write_table(findings, searched.space.names, searched.objective)
        for line in best_lines(findings, searched.space, searched.objective):
            self._note(line)
        for line in importance_lines(findings):
            self._note(line)
        if reason == "interrupted":
            self._raise_interrupted(folder)
        if reason == "exhausted":
            self._note("every combination has been tried")
        if settings is not None:
            self._note(f"the best settings are in {shown(settings)}")
            self._note(
                f"  {'use them':<12}textrnn train {searched.job.command} … --config {shown(settings)}"
            )
        if model is not None:
            use, command = searched.job.how_to_use(model)
            self._note(f"the model is in {shown(model)}")
            self._note(f"  {use:<12}{command}")
            trials = folder / "trials"
            with contextlib.suppress(OSError):  # somebody may be deleting them
                size = sum(path.stat().st_size for path in trials.rglob("*") if path.is_file())
                if size:
                    self._note(
                        f"the trials take {byte_size(size)} in {shown(trials)}; "
                        f"neither the model nor more trials need them"
                    )
        if not self._has_tried_all(findings):
            self._note(f"  {'search more':<12}textrnn tune --resume {shown(folder)} --trials 10")
        if model is not None:
            self._note(
                "the model was chosen by these validation data, on which it looks a little better than it "
                "is; measure it on others with textrnn evaluate"
            )

    def _has_tried_all(self, findings: Findings) -> bool:
        """Return whether no combination is left; that of the defaults is none of those searched."""
        size = self._searched.space.size
        return size is not None and sum(bool(t.settings) for t in findings.trials) >= size

    def _raise_interrupted(self, folder: Path) -> None:
        number = (
            signal.SIGINT if self._signals is None else self._signals.pending() or signal.SIGINT
        )
        goes_on = f"all trials saved; go on with: textrnn tune --resume {shown(folder)}"
        if number == _PIPE_CLOSED:
            note(f"stdout was closed. Stopped, {goes_on}")
            raise BrokenPipeError
        raise TrainingInterrupted(f"Stopped, {goes_on}", number)

    def _note(self, message: str) -> None:
        if not self._quiet:
            note(message)


def _nothing(findings: Findings, folder: Path) -> str:
    failed = [trial for trial in findings.trials if trial.state == "failed"]
    why = f"; the last one failed: {failed[-1].message}" if failed else ""
    return (
        f"no trial came to its end{why}; give them more time (--minutes, --trial-minutes): textrnn tune "
        f"--resume {shown(folder)}"
    )
