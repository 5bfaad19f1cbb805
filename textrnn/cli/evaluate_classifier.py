"""``textrnn evaluate`` for classifiers: how their answers compare with labels."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from textrnn.bundle import Bundle
from textrnn.cli.console import note, write_json
from textrnn.cli.options import given
from textrnn.config import make
from textrnn.data.settings import ExampleSettings

if TYPE_CHECKING:
    from textrnn.classifier.report import Report

__all__ = ["WORST", "evaluate_classifier", "report_on"]

WORST = 5
"""Mistakes that are shown where nobody says how many."""

READING = ("encoding", "text_column", "label_column")
"""The settings that hold for evaluation as they did for training, where no others are given."""


def evaluate_classifier(
    opened: Bundle, inputs: list[str], machine: Mapping[str, Any], values: Mapping[str, Any]
) -> None:
    """Answer labelled texts and write how good the answers are.

    Args:
        opened: The model.
        inputs: Tables, folders, data sets, ``-``.
        machine: ``device``, ``precision``, ``threads``, where given.
        values: The command's other values: ``worst``, ``as_json``, ``quiet`` and settings of examples.
    """
    worst = WORST if values["worst"] is None else values["worst"]
    report = report_on(opened, inputs, machine, values, worst=worst)
    if values["as_json"]:
        write_json(report.as_dict())
        return
    from textrnn.cli.classifier_report import write_report

    write_report(report)


def report_on(
    opened: Bundle,
    inputs: list[str],
    machine: Mapping[str, Any],
    values: Mapping[str, Any],
    *,
    worst: int,
) -> Report:
    """Answer labelled texts and return how good the answers are.

    Args:
        opened: The model.
        inputs: Tables, folders, data sets, ``-``.
        machine: ``device``, ``precision``, ``threads``, where given.
        values: The command's other values: ``quiet`` and settings of examples.
        worst: How many of the most certain wrong answers to keep.
    """
    settings = _reading(opened, given(ExampleSettings, values, os.environ))
    from textrnn.classifier.evaluation import evaluate_examples
    from textrnn.classifier.predictor import Classifier
    from textrnn.data.cache import default_cache_dir
    from textrnn.data.labelled import read_examples

    tell = (lambda message: None) if values["quiet"] else note
    classifier = Classifier(opened, **machine)
    examples = read_examples(inputs, settings, cache=default_cache_dir(), report=tell)
    return evaluate_examples(classifier, examples, worst=worst)


def _reading(opened: Bundle, overrides: Mapping[str, Any]) -> ExampleSettings:
    """Return how to read labelled texts: as in training, but for what was given."""
    recorded = {name: opened.settings.get(name) for name in READING}
    known = {name: value for name, value in recorded.items() if value is not None}
    return make(ExampleSettings, {**known, **overrides}, "evaluate")
