"""A classifier's answers as SVG for a page, and as text for a terminal."""

from __future__ import annotations

import html
from collections.abc import Iterator

from rich.cells import cell_len, set_cell_size

from textrnn.cli.console import printable
from textrnn.cli.styled import Line
from textrnn.experiments.answers import Answers

__all__ = ["confusion_lines", "confusion_svg", "reliability_lines", "reliability_svg"]

_CELL, _SIDE = 46, 420
_LONGEST_LABEL = 24
_SHADES = " .:-=+*#%@"
_BAR = 40


def confusion_svg(answers: Answers) -> str:
    """Return the confusion matrix; each cell tells its figures under the pointer."""
    count = len(answers.labels)
    left, top = 180, 60
    width, height = left + _CELL * count + 20, top + _CELL * count + 150
    labels = [html.escape(_short(label)) for label in answers.labels]
    parts = [
        f'<text x="{left}" y="20" font-weight="600">Confusion: {answers.accuracy:.1%} of '
        f"{answers.rows:,} right</text>",
        f'<text x="{left}" y="42">a row for each true label, a column for each answer</text>',
    ]
    for i, row in enumerate(answers.shares()):
        middle = top + _CELL * (i + 0.5)
        parts.append(f'<text x="{left - 8}" y="{middle + 4}" text-anchor="end">{labels[i]}</text>')
        x, y = left + _CELL * (i + 0.5), top + _CELL * count + 12
        parts.append(
            f'<text x="{x}" y="{y}" text-anchor="end" transform="rotate(-45 {x} {y})">{labels[i]}</text>'
        )
        for j, share in enumerate(row):
            parts.append(_cell(answers, i, j, share, (left + _CELL * j, top + _CELL * i)))
    return _svg(width, height, parts)


def _cell(answers: Answers, i: int, j: int, share: float, place: tuple[int, int]) -> str:
    x, y = place
    number = answers.confusion[i][j]
    true, answered = (html.escape(answers.labels[k]) for k in (i, j))
    ink = "#fff" if share > 0.5 else "#222"
    title = f"{number:,} of {true} ({share:.1%}) answered as {answered}"
    text = (
        f'<text x="{x + _CELL / 2}" y="{y + _CELL / 2 + 4}" text-anchor="middle" '
        f'style="fill:{ink}">{number:,}</text>'
        if number
        else ""
    )
    return (
        f'<g><title>{title}</title><rect x="{x}" y="{y}" width="{_CELL - 1}" height="{_CELL - 1}" '
        f'fill="{_blue(share)}"/>{text}</g>'
    )


def reliability_svg(answers: Answers) -> str:
    """Return the reliability diagram; each bar tells its figures under the pointer."""
    left, top = 60, 40
    bottom = top + _SIDE
    parts = [
        f'<text x="{left}" y="20" font-weight="600">Reliability: calibration error {answers.ece:.3f}</text>'
    ]
    for tick in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0):
        x, y = left + tick * _SIDE, bottom - tick * _SIDE
        parts += [
            f'<line class="grid" x1="{left}" x2="{left + _SIDE}" y1="{y}" y2="{y}"/>',
            f'<text x="{left - 6}" y="{y + 4}" text-anchor="end">{tick:.0%}</text>',
            f'<text x="{x}" y="{bottom + 16}" text-anchor="middle">{tick:.0%}</text>',
        ]
    most = max(each.rows for each in answers.bins) if answers.bins else 1
    for each in answers.bins:
        title = (
            f"{each.rows:,} answers of {each.low:.0%} to {each.high:.0%}: {each.confidence:.1%} on average, "
            f"{each.accuracy:.1%} right"
        )
        parts.append(
            f'<rect x="{left + each.low * _SIDE:.1f}" y="{bottom - each.accuracy * _SIDE:.1f}" '
            f'width="{(each.high - each.low) * _SIDE - 1:.1f}" height="{each.accuracy * _SIDE:.1f}" '
            f'fill="#0072b2" fill-opacity="{0.25 + 0.7 * each.rows / most:.2f}"><title>{title}</title></rect>'
        )
        parts.append(
            f'<circle cx="{left + each.confidence * _SIDE:.1f}" cy="{bottom - each.accuracy * _SIDE:.1f}" '
            f'r="4" fill="#d55e00"><title>{title}</title></circle>'
        )
    parts += [
        f'<line class="cursor" stroke-dasharray="5 4" x1="{left}" y1="{bottom}" x2="{left + _SIDE}" '
        f'y2="{top}"/>',
        f'<text x="{left + _SIDE / 2}" y="{bottom + 36}" text-anchor="middle">probability of the '
        f"answer</text>",
        f'<text x="16" y="{top + _SIDE / 2}" text-anchor="middle" transform="rotate(-90 16 '
        f'{top + _SIDE / 2})">answers that are right</text>',
    ]
    return _svg(left + _SIDE + 30, bottom + 50, parts)


def confusion_lines(answers: Answers, width: int) -> Iterator[Line]:
    """Yield the matrix as lines; where it is too wide, shades stand for the counts.

    Args:
        answers: The answers.
        width: Columns of the terminal.
    """
    labels = [_short(label) for label in answers.labels]
    first = max(map(cell_len, labels)) + 2
    largest = max(len(f"{number:,}") for row in answers.confusion for number in row)
    each = max(largest, max(map(cell_len, labels))) + 2
    yield [(f"Confusion: {answers.accuracy:.1%} of {answers.rows:,} right", "bold")]
    yield [("a row for each true label, a column for each answer", "dim")]
    is_wide = first + each * len(labels) > width
    if not is_wide:
        yield [(" " * first + "".join(_right(label, each) for label in labels), "bold")]
    for i, (label, row) in enumerate(zip(labels, answers.shares(), strict=True)):
        line: Line = [(_left(label, first), "")]
        for j, share in enumerate(row):
            number = answers.confusion[i][j]
            style = "dim" if not number else "green" if i == j else "red"
            shade = _SHADES[min(len(_SHADES) - 1, round(share * (len(_SHADES) - 1)))]
            line.append((shade if is_wide else f"{number:>{each},}", style))
        yield line
    if is_wide:
        yield [("columns in the order of the rows; darker: more of the row", "dim")]


def reliability_lines(answers: Answers) -> Iterator[Line]:
    """Yield the reliability diagram as bars, with a mark where each should end."""
    yield [(f"Reliability: calibration error {answers.ece:.3f}", "bold")]
    yield [("the bar is the share of right answers; | is where it should end", "dim")]
    yield [(f"{'probability':>13} {'texts':>8} {'right':>7}", "bold")]
    for each in answers.bins:
        bar = list(("#" * round(each.accuracy * _BAR)).ljust(_BAR + 1))
        bar[round(each.confidence * _BAR)] = "|"
        name = f"{each.low:.0%} to {each.high:.0%}"
        yield [
            (f"{name:>13} {each.rows:>8,} {each.accuracy:>7.1%}  ", ""),
            ("".join(bar).rstrip(), "cyan"),
        ]


def _svg(width: float, height: float, parts: list[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        f'style="max-width:{width}px">{"".join(parts)}</svg>'
    )


def _blue(share: float) -> str:
    """Return a shade from nearly white to dark blue."""
    ends = ((0xF2, 0xF6, 0xFA), (0x08, 0x30, 0x6B))
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in zip(*ends, strict=True))


def _short(label: str) -> str:
    return label if len(label) <= _LONGEST_LABEL else label[: _LONGEST_LABEL - 3] + "..."


def _left(label: str, width: int) -> str:
    return set_cell_size(printable(label), width)


def _right(label: str, width: int) -> str:
    shown = printable(label)
    return " " * max(0, width - cell_len(shown)) + shown
