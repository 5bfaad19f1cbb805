"""How good a classifier's answers are: figures with intervals, a confusion matrix, the worst mistakes."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from textrnn.classifier.calibration import BINS, confidence_bins, error_of_bins
from textrnn.errors import DataError

__all__ = [
    "Bin",
    "ClassFigures",
    "Interval",
    "Mistake",
    "Report",
    "ReportBuilder",
    "bootstrap_intervals",
]

RESAMPLES = 2000
"""Resamples of a bootstrap."""

_CONFIDENCE = 0.95
_MOST_CELLS = 1 << 21

Integers = npt.NDArray[np.integer[Any]]
Interval = tuple[float, float]


class ClassFigures(NamedTuple):
    """The figures of one label; 0 where there is nothing to divide by.

    Attributes:
        precision: Share of the rows answered with the label that have it.
        recall: Share of the rows with the label that are answered with it.
        f1: Their harmonic mean.
        support: Rows with the label.
    """

    precision: float
    recall: float
    f1: float
    support: int


class Bin(NamedTuple):
    """The rows whose answers have a probability above ``low`` and up to ``high``.

    Attributes:
        low: Lower edge.
        high: Upper edge.
        rows: How many, at least one.
        confidence: Their mean probability.
        accuracy: Share of them that is right.
    """

    low: float
    high: float
    rows: int
    confidence: float
    accuracy: float


class Mistake(NamedTuple):
    """A row that was answered wrongly.

    Attributes:
        text: The text as it was given.
        true: Its label.
        predicted: The answer.
        probability: The probability of the answer.
        where: Where the row stands, ``reviews.csv:17``.
    """

    text: str
    true: str
    predicted: str
    probability: float
    where: str


@dataclasses.dataclass(frozen=True)
class Report:
    """What there is to know of a classifier's answers to labelled rows.

    Attributes:
        rows: How many were answered.
        blank: How many more had a blank text, which gets no answer; they count nowhere else.
        accuracy: Share answered rightly.
        accuracy_interval: Where it lies in 95% of the resamples (percentile bootstrap over rows). Of rows
            that are all right, or all wrong, every resample is too: then it is a point.
        majority_label: The label that most rows have; of several, the first.
        majority_accuracy: What always answering it would reach.
        macro_precision: Mean over the labels that occur among rows or answers.
        macro_recall: Likewise.
        macro_f1: Likewise.
        macro_f1_interval: As that of the accuracy.
        nll: Mean negative logarithm of the right label's probability, in nats; a probability of 0 counts as
            the smallest of float32.
        ece: Expected calibration error (Guo et al. 2017), 15 bins of equal width.
        calibration: Those of the bins that hold rows.
        labels: All labels of the model.
        per_class: Figures by label, in the same order.
        confusion: (labels, labels) counts: rows by their label, columns by the answer.
        worst: The most certain of the wrong answers, the most certain first.
    """

    rows: int
    blank: int
    accuracy: float
    accuracy_interval: Interval
    majority_label: str
    majority_accuracy: float
    macro_precision: float
    macro_recall: float
    macro_f1: float
    macro_f1_interval: Interval
    nll: float
    ece: float
    calibration: tuple[Bin, ...]
    labels: tuple[str, ...]
    per_class: dict[str, ClassFigures]
    confusion: npt.NDArray[np.int64]
    worst: tuple[Mistake, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return all of it as JSON can hold it."""
        return {
            "rows": self.rows,
            "blank": self.blank,
            "accuracy": self.accuracy,
            "accuracy_interval": list(self.accuracy_interval),
            "majority_baseline": {"label": self.majority_label, "accuracy": self.majority_accuracy},
            "macro_precision": self.macro_precision,
            "macro_recall": self.macro_recall,
            "macro_f1": self.macro_f1,
            "macro_f1_interval": list(self.macro_f1_interval),
            "nll": self.nll,
            "ece": self.ece,
            "calibration": [each._asdict() for each in self.calibration],
            "per_class": {label: each._asdict() for label, each in self.per_class.items()},
            "confusion": {"labels": list(self.labels), "matrix": self.confusion.tolist()},
            "worst": [mistake._asdict() for mistake in self.worst],
        }


class ReportBuilder:
    """Takes probabilities batch by batch; keeps a few bytes a row, and of the texts only the worst.

    Args:
        labels: The model's labels.
        worst: How many of the most certain wrong answers to keep.
    """

    def __init__(self, labels: Sequence[str], worst: int = 0) -> None:
        self._labels = tuple(labels)
        self._most = worst
        self._true: list[npt.NDArray[np.int32]] = []
        self._answered: list[npt.NDArray[np.int32]] = []
        self._bins = np.zeros((3, BINS))
        self._nats = 0.0
        self._worst: list[Mistake] = []

    def add(
        self,
        probabilities: npt.NDArray[np.float32],
        true: Integers,
        texts: Sequence[str] = (),
        places: Sequence[str] = (),
    ) -> None:
        """Take in a batch.

        Args:
            probabilities: (rows, labels).
            true: (rows,), the number of each row's label.
            texts: The rows' texts; may be left out where no mistakes are to be kept.
            places: Where the rows stand; likewise.
        """
        if len(true) == 0:
            return
        answered = probabilities.argmax(axis=1)
        confidence = probabilities.max(axis=1)
        is_right = answered == true
        self._true.append(np.asarray(true, np.int32))
        self._answered.append(answered.astype(np.int32))
        self._bins += confidence_bins(confidence, is_right)
        least = np.finfo(np.float32).tiny
        own = probabilities[np.arange(len(true)), true].astype(np.float64)
        self._nats -= float(np.log(np.maximum(own, least)).sum())
        if self._most:
            wrong = np.flatnonzero(~is_right)
            found = wrong[np.argsort(-confidence[wrong], kind="stable")[: self._most]]
            label = self._labels
            mistakes = [
                Mistake(
                    texts[i], label[true[i]], label[answered[i]], float(confidence[i]), places[i]
                )
                for i in found
            ]
            # Sorting is stable: of equally certain ones the earlier comes first.
            both = sorted([*self._worst, *mistakes], key=lambda each: -each.probability)
            self._worst = both[: self._most]

    def report(self, *, blank: int = 0, seed: int = 0) -> Report:
        """Return the report of all batches.

        Args:
            blank: Rows that were left out because their text is blank.
            seed: Of the resamples.

        Raises:
            DataError: there was no row.
        """
        if not self._true:
            what = f"all {blank:,} texts are blank" if blank else "there are no labelled texts"
            raise DataError(f"nothing to evaluate: {what}")
        from sklearn.metrics import precision_recall_fscore_support

        true, answered = np.concatenate(self._true), np.concatenate(self._answered)
        every = np.arange(len(self._labels))
        # scikit-learn's own matrix warns of models with a single label.
        cells = true.astype(np.int64) * len(every) + answered
        confusion = np.bincount(cells, minlength=len(every) ** 2).reshape(len(every), len(every))
        figures = np.stack(
            precision_recall_fscore_support(
                true, answered, labels=every, average=None, zero_division=0
            ),
            axis=1,
        )
        support = confusion.sum(axis=1)
        precision, recall, f1 = figures[(support + confusion.sum(axis=0)) > 0, :3].mean(axis=0)
        accuracy_interval, f1_interval = bootstrap_intervals(confusion, np.random.default_rng(seed))
        return Report(
            rows=len(true),
            blank=blank,
            accuracy=float(np.trace(confusion) / len(true)),
            accuracy_interval=accuracy_interval,
            majority_label=self._labels[int(support.argmax())],
            majority_accuracy=float(support.max() / len(true)),
            macro_precision=float(precision),
            macro_recall=float(recall),
            macro_f1=float(f1),
            macro_f1_interval=f1_interval,
            nll=self._nats / len(true),
            ece=error_of_bins(self._bins),
            calibration=_filled_bins(self._bins),
            labels=self._labels,
            per_class=dict(zip(self._labels, map(_class_figures, figures), strict=True)),
            confusion=confusion,
            worst=tuple(self._worst),
        )


def _filled_bins(sums: npt.NDArray[np.float64]) -> tuple[Bin, ...]:
    """Return the bins that hold rows, of what ``confidence_bins`` has summed up."""
    count = sums.shape[1]
    return tuple(
        Bin(place / count, (place + 1) / count, int(rows), confidence / rows, right / rows)
        for place, (rows, confidence, right) in enumerate(sums.T.tolist())
        if rows
    )


def _class_figures(row: npt.NDArray[np.float64]) -> ClassFigures:
    precision, recall, f1, support = row.tolist()
    return ClassFigures(precision, recall, f1, int(support))


def bootstrap_intervals(
    confusion: Integers, generator: np.random.Generator, resamples: int = RESAMPLES
) -> tuple[Interval, Interval]:
    """Return between which bounds accuracy and macro F1 lie in 95% of the resamples of the rows.

    Rows of one cell of the confusion matrix are alike, so a resample is a draw of the cells' counts
    (multinomial) and costs no time by the row. Where all answers are right, or none, the bounds are those of
    the accuracy by Wilson (1927).

    Args:
        confusion: (labels, labels) counts, at least one row in all.
        generator: Where the resamples come from.
        resamples: How many.
    """
    true, answered = np.nonzero(confusion)
    counts = confusion[true, answered]
    rows = int(counts.sum())
    shares = counts / rows
    accuracies, scores = [], []
    at_once = max(1, _MOST_CELLS // max(len(counts), len(confusion)))
    for begin in range(0, resamples, at_once):
        draws = generator.multinomial(rows, shares, size=min(at_once, resamples - begin))
        right = _summed(draws, np.where(true == answered, true, -1), len(confusion))
        both = _summed(draws, true, len(confusion)) + _summed(draws, answered, len(confusion))
        # F1 is twice the right ones over those with the label and those answered with it.
        f1 = 2 * right / np.maximum(both, 1)
        accuracies.append(right.sum(axis=1) / rows)
        scores.append(f1.sum(axis=1) / (both > 0).sum(axis=1))
    right_rows = int(np.trace(confusion))
    if right_rows in (0, rows):
        # Resamples of rows that are all alike are all alike: they would claim certainty.
        bounds = _wilson(right_rows, rows)
        return bounds, bounds
    return _percentiles(np.concatenate(accuracies)), _percentiles(np.concatenate(scores))


def _wilson(right: int, rows: int) -> Interval:
    """Return the 95% interval of a share of 0 or 1 by its score test."""
    least = 1 / (1 + 1.96**2 / rows)
    return (least, 1.0) if right else (0.0, 1 - least)


def _summed(
    draws: npt.NDArray[np.int64], groups: npt.NDArray[np.int64], size: int
) -> npt.NDArray[np.int64]:
    """Return the sums of each draw's counts by group, (draws, size); group -1 does not count."""
    order = np.argsort(groups, kind="stable")
    order = order[groups[order] >= 0]
    sums = np.zeros((len(draws), size), np.int64)
    if len(order):
        present, starts = np.unique(groups[order], return_index=True)
        sums[:, present] = np.add.reduceat(draws[:, order], starts, axis=1)
    return sums


def _percentiles(values: npt.NDArray[np.float64]) -> Interval:
    tail = 100 * (1 - _CONFIDENCE) / 2
    low, high = np.percentile(values, [tail, 100 - tail])
    return float(low), float(high)
