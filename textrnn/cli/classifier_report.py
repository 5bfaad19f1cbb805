"""A classifier's report as aligned text: figures, labels, confusion, worst mistakes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from rich.cells import cell_len

from textrnn.classifier.report import ClassFigures, Interval, Mistake, Report
from textrnn.cli.styled import Line, one_line, write_lines

__all__ = ["report_lines", "write_report"]

WIDEST = 100
"""Columns of a terminal up to which a confusion matrix is shown as one."""

MOST_CONFUSIONS = 10
"""Pairs of labels that are listed where the matrix is too wide."""

_HEADING, _GOOD, _BAD, _FAINT = "bold", "green", "red", "dim"
_MOST_LABEL, _MOST_TEXT = 32, 200


def write_report(report: Report) -> None:
    """Write a report to stdout; colours come on terminals that have them."""
    write_lines(list(report_lines(report)))


def report_lines(report: Report) -> Iterator[Line]:
    """Yield a report line by line."""
    for name, value in _figures(report).items():
        style = _verdict(report) if name == "accuracy" else ""
        yield [(f"{name:<20}", _HEADING), (value, style)]
    yield []
    yield from _labels(report)
    yield []
    yield from _confusion(report)
    if report.worst:
        yield []
        yield [("surest of the wrong answers", _HEADING)]
        for mistake in report.worst:
            yield from _mistake(mistake)


def _figures(report: Report) -> dict[str, str]:
    left_out = f"; {report.blank:,} more are blank and left out" if report.blank else ""
    label = one_line(report.majority_label, _MOST_LABEL)
    return {
        "texts": f"{report.rows:,}{left_out}",
        "accuracy": f"{report.accuracy:.2%}, {_interval(report.accuracy_interval, '.2%')}",
        "majority label": f"{report.majority_accuracy:.2%} is what always answering {label} reaches",
        "macro F1": f"{report.macro_f1:.4f}, {_interval(report.macro_f1_interval, '.4f')}",
        "macro precision": f"{report.macro_precision:.4f}",
        "macro recall": f"{report.macro_recall:.4f}",
        "loss": f"{report.nll:.4f} nats per text",
        "calibration error": f"{report.ece:.4f}, how far certainty and accuracy lie apart",
    }


def _interval(bounds: Interval, form: str) -> str:
    low, high = bounds
    return f"95% interval {low:{form}} to {high:{form}}"


def _verdict(report: Report) -> str:
    """Return the colour of the accuracy: good or bad where it surely differs from the baseline."""
    low, high = report.accuracy_interval
    if low > report.majority_accuracy:
        return _GOOD
    return _BAD if high < report.majority_accuracy else ""


def _labels(report: Report) -> Iterator[Line]:
    """Yield a line for each label; a figure that divides by nothing is a dash."""
    answered = report.confusion.sum(axis=0)
    names = [one_line(label, _MOST_LABEL) for label in report.labels]
    width = max(map(_width, [*names, "label"]))
    heads = "".join(f"{head:>11}" for head in ("precision", "recall", "F1", "texts"))
    yield [(_padded("label", width) + heads, _HEADING)]
    for name, label, answers in zip(names, report.labels, answered.tolist(), strict=True):
        each = report.per_class[label]
        yield [(f"{_padded(name, width)}{_row(each, answers)}", "")]


def _row(each: ClassFigures, answers: int) -> str:
    figures = (
        (each.precision, answers),
        (each.recall, each.support),
        (each.f1, answers + each.support),
    )
    shown = "".join(f"{value:>11.4f}" if rows else f"{'-':>11}" for value, rows in figures)
    return f"{shown}{each.support:>11,}"


def _confusion(report: Report) -> Iterator[Line]:
    """Yield the matrix, or, where it is too wide, the pairs that are confused most often."""
    names = [one_line(label, _MOST_LABEL) for label in report.labels]
    largest = len(f"{report.confusion.max():,}")
    first = max(map(_width, names))
    widths = [2 + max(_width(name), largest) for name in names]
    if first + sum(widths) > WIDEST:
        yield from _confusions(report)
        return
    yield [("confusion: a line for each true label, a column for each answer", _HEADING)]
    heads = "".join(_padded(name, -width) for name, width in zip(names, widths, strict=True))
    yield [(" " * first + heads, _HEADING)]
    for number, (name, counts) in enumerate(zip(names, report.confusion.tolist(), strict=True)):
        line: Line = [(_padded(name, first), "")]
        for place, (count, width) in enumerate(zip(counts, widths, strict=True)):
            style = _GOOD if place == number else _BAD
            line.append((f"{count:>{width},}", style if count else _FAINT))
        yield line


def _confusions(report: Report) -> Iterator[Line]:
    wrong = report.confusion.copy()
    np.fill_diagonal(wrong, 0)
    true, answered = np.nonzero(wrong)
    counts = wrong[true, answered]
    chosen = np.argsort(-counts, kind="stable")[:MOST_CONFUSIONS]
    if len(chosen) == 0:
        yield [("confusion: none, every answer is right", _HEADING)]
        return
    more = (
        f" ({len(chosen)} of {len(counts):,} pairs; --json has all)"
        if len(counts) > len(chosen)
        else ""
    )
    yield [(f"most frequent confusions{more}", _HEADING)]
    for i in chosen.tolist():
        one, other = (one_line(report.labels[j], _MOST_LABEL) for j in (true[i], answered[i]))
        yield [(f"{counts[i]:>8,}", _BAD), (f"  {one} answered as {other}", "")]


def _mistake(mistake: Mistake) -> Iterator[Line]:
    true, predicted = (one_line(x, _MOST_LABEL) for x in (mistake.true, mistake.predicted))
    answer = f"{predicted} at {mistake.probability:.2%}"
    yield [(f"  {mistake.where}: ", ""), (answer, _BAD), (f", true is {true}", "")]
    yield [(f"    {one_line(mistake.text, _MOST_TEXT)}", _FAINT)]


def _width(text: str) -> int:
    """Return the columns that a text takes on a terminal."""
    return cell_len(text)


def _padded(text: str, width: int) -> str:
    """Return a text filled up to a width with blanks behind it, with a negative width before it."""
    blanks = " " * (abs(width) - _width(text))
    return text + blanks if width > 0 else blanks + text
