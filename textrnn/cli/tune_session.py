"""One session of a study: signals, what is shown, and what is left when it ends."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textrnn.cli.clock import seconds_since_start
from textrnn.cli.console import duration, is_terminal, note, warn, write_json
from textrnn.cli.jobs import Job, job_named
from textrnn.cli.output import shown
from textrnn.cli.signals import StopSignals
from textrnn.cli.tune_display import QuietTuneDisplay, TuneDisplay, pick_tune_display
from textrnn.cli.tune_report import (
    Findings,
    best_lines,
    figure,
    findings_of,
    importance_lines,
    write_table,
)
from textrnn.errors import TrainingError, TrainingInterrupted
from textrnn.experiments.keeping import BEST_MODEL, keep_model, settings_text, write_settings
from textrnn.experiments.locks import hold
from textrnn.experiments.space import Space
from textrnn.experiments.strategies import make_strategy
from textrnn.experiments.study import Study
from textrnn.experiments.study_events import StudyStopped, TrialEnded
from textrnn.experiments.trials import Objective, Recipe
from textrnn.experiments.tuning import Limits, Tuning
from textrnn.training.events import Event

__all__ = ["Searched", "plan_lines", "run_study", "searched_of"]

_PIPE_CLOSED = int(getattr(signal, "SIGPIPE", 13))


@dataclass(frozen=True)
class Searched:
    """A study's record, read.

    Attributes:
        job: What is tuned.
        record: All of it.
        space: What is searched.
        objective: What trials are compared by.
    """

    job: Job
    record: Mapping[str, Any]
    space: Space
    objective: Objective


def searched_of(record: Mapping[str, Any]) -> Searched:
    """Read a study's record."""
    job = job_named(record["job"])
    space = Space.parse(record["search"], job.settings())
    return Searched(job, record, space, Objective(**record["objective"]))


def plan_lines(searched: Searched, folder: Path) -> list[tuple[str, str]]:
    """Return what a study will do, as labelled lines."""
    record, fixed = searched.record, dict(searched.record["fixed"])
    trials, workers, minutes = record["trials"], record["workers"], fixed.pop("minutes", None)
    many = f"{trials} trials" if trials is not None else "trials"
    size = searched.space.size
    of = f" of {size:,} combinations" if size is not None else ""
    budget = [f"{fixed[name]:g} {name}" for name in ("epochs", "max_steps") if name in fixed]
    if minutes is not None:
        budget.insert(0, f"{60 * minutes:.3g} s" if minutes < 1 else f"{minutes:.3g} minutes")
    each = " and ".join(budget)
    parts = [f"{many}{of} by {record['strategy']}"]
    parts.append(f"each of {each}" if each else "each as long as a run of its own would be")
    if workers > 1:
        parts.append(f"{workers} at a time")
    if record["minutes"] is not None:
        parts.append(f"{duration(60 * record['minutes'])} in all")
    if record["prune"]:
        parts.append("hopeless ones stopped early")
    lines = [("study", f"{shown(folder)}: {', '.join(parts)}")]
    lines.append(("search", ", ".join(searched.space.texts)))
    told = {name: value for name, value in fixed.items() if name not in ("select",)}
    if told:
        lines.append(("fixed", ", ".join(f"{name}={value}" for name, value in told.items())))
    first = "; the first trial takes the defaults" if record["baseline"] else ""
    lines.append(("compare", f"by {searched.objective.name} on the validation data{first}"))
    return lines


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
            if is_new and not any(
                trial.is_ended and trial.state != "failed" for trial in study.trials()
            ):
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
        limits = _limits(record)
        recipe = self._recipe(fixed)
        tuning = self._tuning(recipe, limits)
        if self._json:
            write_json({"event": "study_planned", "study": str(self._study.folder), **record})
        elif not self._quiet:
            for label, text in plan_lines(self._searched, self._study.folder):
                note(f"{label:<9}{text}")
        signals.arm()
        reason = self._follow(tuning.run(), limits)
        findings = self._findings()
        if findings.best is None and reason != "interrupted":
            raise TrainingError(_nothing(findings, self._study.folder))
        settings = self._write_settings(findings)
        model = None
        if reason != "interrupted" and findings.best is not None:
            model, reason = self._keep(tuning, findings, limits, reason)
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
            stop_signal=self._stop_signal,
            clock=seconds_since_start,
        )

    def _recipe(self, fixed: dict[str, Any]) -> Recipe:
        record, job = self._searched.record, self._searched.job
        workers = record["workers"]
        if workers > 1:
            fixed["threads"] = max(1, (fixed.get("threads") or _processors()) // workers)
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

    # What is left

    def _best_values(self, findings: Findings) -> dict[str, Any]:
        """Return the settings of the best trial, but for its budget."""
        assert findings.best is not None  # noqa: S101  (whoever asks has looked)
        fixed = {
            name: value
            for name, value in self._searched.record["fixed"].items()
            if name not in ("minutes", "epochs", "max_steps", "threads", "device")
        }
        values = {name: value for name, value in findings.best.values.items() if value is not None}
        return {**fixed, **values}

    def _write_settings(self, findings: Findings) -> Path | None:
        if findings.best is None:
            return None
        best, objective = findings.best, self._searched.objective
        remarks = [
            f"The best of {len(findings.trials)} trials: trial {best.number}, "
            f"{figure(objective.metric, best.value, name=True)} after {best.steps:,} steps.",
            "What is not named here was left to the defaults.",
        ]
        text = settings_text(self._searched.job.settings(), self._best_values(findings), remarks)
        return write_settings(self._study.folder, text)

    def _keep(
        self, tuning: Tuning, findings: Findings, limits: Limits, reason: str
    ) -> tuple[Path | None, str]:
        """Leave the best model: the best trial's own, or one trained with its settings."""
        assert findings.best is not None  # noqa: S101  (the caller has looked)
        lock = hold(self._study.folder / ".best.lock")
        if lock is None or self._study.has_strangers():
            self._note("another process is working on this study; it will leave the best model")
            return None, reason
        minutes, number = self._searched.record["final_minutes"], findings.best.number
        record = self._study.record
        folder = self._study.folder / BEST_MODEL
        with lock:
            kept = record.get("kept")
            if kept == [number, minutes] and folder.is_dir():
                return folder, reason
            if minutes is None:
                keep_model(self._study.trial_folder(number), self._study.folder)
            else:
                if record.get("keeping") != [number, minutes]:
                    shutil.rmtree(folder, ignore_errors=True)
                    self._study.put(keeping=[number, minutes])
                self._note(f"training with the settings of trial {number} for {minutes:g} minutes")
                state = self._train(tuning, findings, minutes, limits)
                if state != "done":
                    return None, state
            self._study.put(kept=[number, minutes])
        return folder, reason

    def _train(self, tuning: Tuning, findings: Findings, minutes: float, limits: Limits) -> str:
        assert findings.best is not None  # noqa: S101  (the caller has looked)
        best, objective = findings.best, self._searched.objective
        last: TrialEnded | None = None

        def watched() -> Iterator[Event]:
            nonlocal last
            for event in tuning.train_best(best, self._best_values(findings), minutes):
                last = event if isinstance(event, TrialEnded) else last
                yield event

        self._follow(watched(), limits)
        if last is None or last.state == "waiting":
            return "interrupted"
        if last.state != "done" or last.value is None:
            raise TrainingError(
                f"the last training failed: {last.message}; trial {best.number} is kept"
            )
        if best.value is not None and objective.is_better(best.value, last.value):
            warn(
                f"the last training gave {figure(objective.metric, last.value)}, trial {best.number} "
                f"{figure(objective.metric, best.value)}: its model is in "
                f"{shown(self._study.trial_folder(best.number))}"
            )
        return "done"

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
        self._note(f"  {'search more':<12}textrnn tune --resume {shown(folder)} --trials 10")
        if model is not None:
            self._note(
                "it was chosen by these validation data, on which it looks a little better than it is; "
                "measure it on others with textrnn evaluate"
            )

    def _raise_interrupted(self, folder: Path) -> None:
        number = (
            signal.SIGINT if self._signals is None else self._signals.pending() or signal.SIGINT
        )
        if number == _PIPE_CLOSED:
            raise BrokenPipeError
        raise TrainingInterrupted(
            f"Stopped, all trials saved; go on with: textrnn tune --resume {shown(folder)}", number
        )

    def _note(self, message: str) -> None:
        if not self._quiet:
            note(message)


def _limits(record: Mapping[str, Any]) -> Limits:
    minutes, each = record["minutes"], record["fixed"].get("minutes")
    return Limits(
        record["trials"],
        None if minutes is None else 60 * minutes,
        None if each is None else 60 * each,
        record["workers"],
    )


def _processors() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _nothing(findings: Findings, folder: Path) -> str:
    failed = [trial for trial in findings.trials if trial.state == "failed"]
    why = f"; the last one failed: {failed[-1].message}" if failed else ""
    return (
        f"no trial came to its end{why}; give them more time (--minutes, --trial-minutes): textrnn tune "
        f"--resume {shown(folder)}"
    )
