"""What a study leaves behind: the best settings as TOML, and the best model."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from textrnn import bundle
from textrnn.config import make
from textrnn.config_sources import to_toml
from textrnn.errors import ModelError, TrainingError

__all__ = [
    "BEST_MODEL",
    "BEST_SETTINGS",
    "forget_state",
    "keep_model",
    "settings_text",
    "write_settings",
]

BEST_SETTINGS, BEST_MODEL = "best.toml", "best"


def settings_text(settings: type, values: Mapping[str, Any], remarks: Sequence[str]) -> str:
    """Return settings as TOML that ``--config`` takes.

    Args:
        settings: The dataclass of the job's settings.
        values: Those to name; the others are left to defaults and planner.
        remarks: Lines of comment for the head.
    """
    lines = [f"# {remark}" for remark in remarks]
    table = ""
    # The system's own text, so that values stand in their tables and are written as they are read.
    for line in to_toml(make(settings, values)).splitlines():
        if line.startswith("["):
            table = line
        elif line.partition(" = ")[0] in values:
            lines += ["", table] if table else []
            lines.append(line)
            table = ""
    return "\n".join(lines) + "\n"


def write_settings(folder: Path, text: str) -> Path:
    """Write the best settings into a study's directory, in one go; return the file."""
    target = folder / BEST_SETTINGS
    part = folder / f".{BEST_SETTINGS}.part"
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(target)
    except OSError as error:
        raise TrainingError(f"{target}: cannot be written: {error.strerror}") from None
    return target


def forget_state(trial: Path, steps: int | None = None) -> None:
    """Delete what only a resumed run needs of a trial; the model, its log and its figures stay.

    Args:
        trial: The trial's model directory; nobody trains there.
        steps: Updates that the study knows of: a run that somebody has gone on with since is left alone.
    """
    folder = trial / bundle.RESUME
    try:
        if steps is not None and bundle.peek_bundle(trial).config["training"]["step"] != steps:
            return
    except (ModelError, KeyError, TypeError):
        return
    with contextlib.suppress(OSError):
        # First what names the others, so that what is left of a kill is no state.
        (folder / bundle.STATE).unlink(missing_ok=True)
        shutil.rmtree(folder)


def keep_model(trial: Path, folder: Path) -> Path:
    """Copy a trial's model to the study's ``best``, in place of a former one; return its directory.

    It is whole at any moment: the copy takes the name when it is done.

    Args:
        trial: The trial's model directory.
        folder: The study's.
    """
    target = folder / BEST_MODEL
    if not trial.is_dir():
        raise TrainingError(
            f"{trial}: the model of the best trial is gone; its settings are in {folder / BEST_SETTINGS}; "
            f"--final-minutes trains a model with them"
        )
    token = secrets.token_hex(4)
    part, old = folder / f".best-{token}.part", folder / f".best-{token}.old"
    try:
        for left in folder.glob(".best-*"):
            shutil.rmtree(left, ignore_errors=True)
        shutil.copytree(trial, part)
        if os.path.lexists(target):
            target.rename(old)
        part.rename(target)
        shutil.rmtree(old, ignore_errors=True)
    except (OSError, shutil.Error) as error:
        shutil.rmtree(part, ignore_errors=True)
        raise TrainingError(
            f"{target}: the best model cannot be copied there: {error}; it is in {trial}"
        ) from None
    return target
