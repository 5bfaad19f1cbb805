"""What a classifier answered, for ``textrnn plot``: by a model and labelled texts, or by an evaluation."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from textrnn import bundle
from textrnn.cli.inputs import read_input
from textrnn.cli.options import given
from textrnn.cli.output import shown
from textrnn.errors import UsageError
from textrnn.experiments.answers import Answers, answers_of, parse_answers
from textrnn.training.settings import TrainingSettings

__all__ = ["BARE", "answers_for", "as_answers", "is_evaluation"]

BARE = ""
"""What stands for an option's FILE where it is given without one."""

_MOST_BYTES = 1 << 26
"""Of what ``evaluate --json`` writes: a matrix of four thousand labels has less."""


def answers_for(runs: Sequence[Path], option: str, name: str, values: Mapping[str, Any]) -> Answers:
    """Return a classifier's answers, taken now or found in what an evaluation wrote.

    Args:
        runs: The model, where one is named.
        option: What asks for them.
        name: Labelled texts or an evaluation; :data:`BARE` where no file was named.
        values: The command's other values.

    Raises:
        UsageError: there is only a model, and no texts to answer.
        DataError: it is neither.
    """
    model = next(iter(runs), None)
    if name == BARE or (Path(name) / bundle.CONFIG).is_file():
        raise UsageError(_needs_texts(option, model or (Path(name) if name else None)))
    if model is None or is_evaluation(name):
        return parse_answers("".join(read_input(name)), name)
    from textrnn.cli.aside import open_model
    from textrnn.cli.evaluate_classifier import report_on

    machine = given(TrainingSettings, values, os.environ)
    opened = open_model(model, "classifier")
    report = report_on(opened, [name], machine, values, worst=0)
    return answers_of(report.as_dict(), name)


def is_evaluation(name: str) -> bool:
    """Return whether a file is what ``textrnn evaluate --json`` wrote: one object of JSON with a matrix."""
    path = Path(name)
    try:
        if not path.is_file() or path.stat().st_size > _MOST_BYTES:
            return False
        with path.open("rb") as file:
            if not file.read(64).lstrip().startswith(b"{"):
                return False
            file.seek(0)
            record = json.load(file)
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(record, dict) and "confusion" in record


def as_answers(runs: tuple[Path, ...], values: dict[str, Any]) -> tuple[Path, ...]:
    """Take a file in the place of a run for an evaluation, and return the runs without it.

    Args:
        runs: What was named.
        values: The command's values; those of the pictures are set to the file, of both where none is named.
    """
    options = ("confusion", "reliability")
    if len(runs) != 1 or not runs[0].is_file():
        return runs
    if runs[0].suffix.lower() != ".json" and not is_evaluation(str(runs[0])):
        return runs
    if any(values[option] not in (None, BARE) for option in options):
        return runs
    wanted = [option for option in options if values[option] is not None] or options
    for option in wanted:
        values[option] = str(runs[0])
    return ()


def _needs_texts(option: str, model: Path | None) -> str:
    """Say what a model needs beside it, as the command to run."""
    if model is None:
        return (
            f"{option} needs a classifier and labelled texts, or what textrnn evaluate --json wrote: "
            f"textrnn plot MODEL {option} TEST.csv"
        )
    # Refuses what is no classifier with its own words.
    config = bundle.peek_bundle(model).config
    if config["job"] != "classifier":
        job = config["job"].replace("-", " ")
        return f"{option} draws what a classifier answers; {model} is a {job}"
    record = config.get("data")
    data = record if isinstance(record, dict) else {}
    known = [*(data.get("test_inputs") or ()), *(data.get("valid_inputs") or ())]
    texts = next((Path(each) for each in known if Path(each).exists()), Path("TEST.csv"))
    return (
        f"{option} draws what {model} answers to labelled texts, those that it was not trained on: textrnn "
        f"plot {shown(model)} {option} {shown(texts)}"
    )
