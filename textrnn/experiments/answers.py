"""What a classifier answered, ready to be drawn: a confusion matrix and a reliability diagram."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from textrnn.errors import DataError

__all__ = ["Answers", "ReliabilityBin", "answers_of", "parse_answers"]


@dataclass(frozen=True)
class ReliabilityBin:
    """Answers of about the same probability.

    Attributes:
        low: Least probability of the bin; its answers lie above it.
        high: Greatest.
        rows: How many answers.
        confidence: Their mean probability.
        accuracy: Share of them that is right.
    """

    low: float
    high: float
    rows: int
    confidence: float
    accuracy: float


@dataclass(frozen=True)
class Answers:
    """A classifier's answers to labelled texts.

    Attributes:
        labels: The labels, in the model's order.
        confusion: A row for each true label, in it the number of answers by label.
        bins: The bins that hold answers, the least probable first.
        accuracy: Share answered rightly.
        ece: Expected calibration error (Guo et al. 2017).
    """

    labels: tuple[str, ...]
    confusion: tuple[tuple[int, ...], ...]
    bins: tuple[ReliabilityBin, ...]
    accuracy: float
    ece: float

    @property
    def rows(self) -> int:
        """How many texts were answered."""
        return sum(map(sum, self.confusion))

    def shares(self) -> list[list[float]]:
        """Return the matrix with each row's counts as shares of it; rows without texts are 0."""
        return [[count / max(1, sum(row)) for count in row] for row in self.confusion]


def answers_of(record: Mapping[str, Any], where: str) -> Answers:
    """Return what ``textrnn evaluate --json`` says of a classifier's answers.

    Args:
        record: The object.
        where: Where it comes from, for the message.

    Raises:
        DataError: it is none.
    """
    try:
        confusion = record["confusion"]
        labels = tuple(str(label) for label in confusion["labels"])
        matrix = tuple(tuple(int(count) for count in row) for row in confusion["matrix"])
        bins = tuple(_bin(each) for each in record["calibration"])
        answers = Answers(labels, matrix, bins, float(record["accuracy"]), float(record["ece"]))
    except (KeyError, TypeError, ValueError):
        raise DataError(_refusal(where)) from None
    if not labels or any(len(row) != len(labels) for row in (labels, *matrix)):
        raise DataError(_refusal(where))
    if len(matrix) != len(labels) or answers.rows < 1 or any(min(row) < 0 for row in matrix):
        raise DataError(_refusal(where))
    return answers


def parse_answers(text: str, where: str) -> Answers:
    """Return the answers in the output of ``textrnn evaluate --json``.

    Args:
        text: One object of JSON.
        where: The file's name, for the message.

    Raises:
        DataError: it is none of a classifier.
    """
    try:
        record = json.loads(text)
    except (ValueError, RecursionError):
        raise DataError(_refusal(where)) from None
    return answers_of(record if isinstance(record, dict) else {}, where)


def _bin(record: Mapping[str, Any]) -> ReliabilityBin:
    found = ReliabilityBin(
        float(record["low"]),
        float(record["high"]),
        int(record["rows"]),
        float(record["confidence"]),
        float(record["accuracy"]),
    )
    if not 0 <= found.low < found.high <= 1 or not 0 <= found.accuracy <= 1 or found.rows < 1:
        raise ValueError("no bin")
    return found


def _refusal(where: str) -> str:
    return (
        f"{where}: not what textrnn evaluate --json prints for a classifier; write it with: textrnn evaluate "
        f"MODEL FILE --json > result.json, or name the MODEL and give labelled texts"
    )
