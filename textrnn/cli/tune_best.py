"""What a study leaves: the best settings as a file, the best model as a directory."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textrnn.cli.console import duration, warn
from textrnn.cli.output import shown
from textrnn.cli.tune_plan import Searched
from textrnn.cli.tune_report import figure
from textrnn.errors import TrainingError
from textrnn.experiments.keeping import BEST_MODEL, keep_model, settings_text, write_settings
from textrnn.experiments.locks import hold
from textrnn.experiments.study import Study
from textrnn.experiments.study_events import TrialEnded
from textrnn.experiments.trial import Trial

__all__ = ["Keeper", "Train"]

Train = Callable[[Trial, Mapping[str, Any], float], TrialEnded | None]
"""Trains a model with the best trial's settings, for minutes; returns what came of it, if it was begun."""

_NOT_KEPT = ("minutes", "epochs", "max_steps", "threads", "device")
"""Fixed settings that say how trials were run, not what was found."""


@dataclass(frozen=True)
class Keeper:
    """Keeps the best of a study.

    Attributes:
        study: The study.
        searched: Its record, read.
        note: Shows a line.
    """

    study: Study
    searched: Searched
    note: Callable[[str], None]

    def settings(self, best: Trial) -> dict[str, Any]:
        """Return the settings of the best trial, but for its budget."""
        fixed = self.searched.record["fixed"]
        kept = {name: value for name, value in fixed.items() if name not in _NOT_KEPT}
        values = {name: value for name, value in best.values.items() if value is not None}
        return {**kept, **values}

    def write_settings(self, best: Trial, trials: int) -> Path:
        """Write the best settings; return the file.

        Args:
            best: The best trial.
            trials: How many there were.
        """
        told = figure(self.searched.objective.metric, best.value, name=True)
        remarks = [
            f"The best of {trials} trials: trial {best.number}, {told} after {best.steps:,} steps.",
            "What is not named here was left to the defaults.",
        ]
        text = settings_text(self.searched.job.settings(), self.settings(best), remarks)
        return write_settings(self.study.folder, text)

    def keep_model(self, best: Trial, train: Train) -> Path | None:
        """Leave the best model: the best trial's own, or one that is trained with its settings.

        Args:
            best: The best trial.
            train: Trains the latter.

        Returns:
            The model directory; None where another process leaves it, or a signal came.

        Raises:
            TrainingError: the training failed.
        """
        lock = hold(self.study.folder / ".best.lock")
        if lock is None or self.study.has_strangers():
            self.note("another process is working on this study; it will leave the best model")
            return None
        with lock:
            record, minutes = self.study.record, self.searched.record["final_minutes"]
            folder, wanted = self.study.folder / BEST_MODEL, [best.number, minutes]
            if record.get("kept") == wanted and folder.is_dir():
                return folder
            if minutes is None:
                keep_model(self.study.trial_folder(best.number), self.study.folder)
            else:
                if record.get("keeping") != wanted:
                    shutil.rmtree(folder, ignore_errors=True)
                    self.study.put(keeping=wanted)
                if not self._trained(best, minutes, train):
                    return None
            self.study.put(kept=wanted)
        return folder

    def _trained(self, best: Trial, minutes: float, train: Train) -> bool:
        """Train the model; return whether it came to its end."""
        objective = self.searched.objective
        self.note(f"training with the settings of trial {best.number} for {duration(60 * minutes)}")
        ended = train(best, self.settings(best), minutes)
        if ended is None or ended.state == "waiting":
            return False
        place = shown(self.study.trial_folder(best.number))
        if ended.state != "done" or ended.value is None:
            raise TrainingError(
                f"the last training failed: {ended.message}; the model of trial {best.number} is in {place}"
            )
        if best.value is not None and objective.is_better(best.value, ended.value):
            warn(
                f"the last training gave {figure(objective.metric, ended.value)}, trial {best.number} "
                f"{figure(objective.metric, best.value)}: its model is in {place}"
            )
        return True
