"""Curves in a terminal: braille dots and colours, or ASCII letters where there are none."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size

from textrnn.cli.console import printable
from textrnn.cli.plot_scale import bounds, compact, nice_ticks
from textrnn.cli.styled import Line
from textrnn.experiments.curves import TRAINING, Curve, Drawing, Panel, thinned

__all__ = ["COLOURS", "plot_lines"]

COLOURS = ("#56b4e9", "#e69f00", "#009e73", "#cc79a7", "#f0e442", "#d55e00", "#0072b2", "#999999")
"""Colours that the colour-blind can tell apart (Okabe and Ito 2008), the light ones first."""

_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""The bits of a braille character by row and column."""

_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_MARGIN = 9
_TALL, _LOW = 14, 8
_LEAST_WIDTH, _LEAST_PAIR = 30, 90
_FAINT, _BOLD = "dim", "bold"


@dataclass(frozen=True)
class _Look:
    """How curves look: with colours as dots, without as letters."""

    is_coloured: bool
    is_single: bool

    def letter(self, curve: Curve) -> str:
        """Return what a curve is drawn with where there are no dots."""
        if self.is_single:
            return "." if curve.kind == TRAINING else "o"
        letter = _LETTERS[curve.run % len(_LETTERS)]
        return letter if curve.kind == TRAINING else letter.upper()

    def style(self, curve: Curve) -> str:
        """Return a curve's colour; training is faint where it is not alone."""
        if not self.is_coloured:
            return ""
        colour = COLOURS[curve.run % len(COLOURS)]
        return f"{_FAINT} {colour}" if curve.kind == TRAINING else colour


def plot_lines(drawing: Drawing, width: int, *, coloured: bool) -> list[Line]:
    """Return a drawing as lines of text with styles.

    Args:
        drawing: What to draw.
        width: Columns of the terminal.
        coloured: Whether there are colours and braille characters; else all is ASCII.
    """
    look = _Look(coloured, len(drawing.labels) == 1)
    width = max(_LEAST_WIDTH, width)
    first, *others = drawing.panels
    lines = [*_legend(drawing, look, width), []]
    lines += _panel(first, drawing, look, width, _TALL)
    columns = 2 if width >= _LEAST_PAIR else 1
    each = (width - 2 * (columns - 1)) // columns
    for begin in range(0, len(others), columns):
        blocks = [
            _panel(panel, drawing, look, each, _LOW) for panel in others[begin : begin + columns]
        ]
        lines += [[], *_beside(blocks, each)]
    notes = [f"{drawing.labels[mark.run]}: {mark.text}" for mark in drawing.marks]
    return lines + [[(_cut(note, width), _FAINT)] for note in notes]


def _legend(drawing: Drawing, look: _Look, width: int) -> Iterator[Line]:
    """Yield what stands for which run, and for training and validation."""
    kinds = {curve.kind: curve for panel in drawing.panels for curve in panel.curves}
    if look.is_single:
        line: Line = [(_cut(drawing.labels[0], width), _BOLD)]
        yield line
        keys: Line = []
        for kind, curve in sorted(kinds.items(), reverse=True):
            keys += [(_key(look, curve), look.style(curve)), (f" {kind}   ", "")]
        yield keys
        return
    for number, label in enumerate(drawing.labels):
        curve = Curve(number, "", (), (), ())
        keys = [(_key(look, curve), look.style(curve)), (f" {_cut(label, width - 4)}", "")]
        yield keys
    if look.is_coloured:
        yield [("bright: validation, faint: training", _FAINT)]
    else:
        yield [("capital letters: validation, small ones: training", _FAINT)]


def _key(look: _Look, curve: Curve) -> str:
    return "⣿⣿" if look.is_coloured else look.letter(curve)


def _panel(panel: Panel, drawing: Drawing, look: _Look, width: int, height: int) -> list[Line]:
    """Return a panel: title, curves with their axis, the axis below."""
    columns = width - _MARGIN - 1
    curves = [thinned(curve, 4 * columns) for curve in panel.curves]
    low, high = bounds(y for curve in curves for y in curve.y)
    # All panels share the axis.
    left, right = _extent(drawing)
    canvas = _Canvas(columns, height, (left, right), (low, high))
    for curve in sorted(curves, key=lambda curve: curve.kind):
        if look.is_coloured:
            canvas.trace(curve, look.style(curve))
        else:
            canvas.write(curve, look.letter(curve))
    lines: list[Line] = [[(_cut(f"{panel.title} ({panel.unit})", width), _BOLD)]]
    bar = "│" if look.is_coloured else "|"
    labels = _labels(low, high, height, share=panel.share)
    lines += [
        [(f"{labels.get(row, ''):>{_MARGIN - 1}} {bar}", _FAINT), *canvas.row(row)]
        for row in range(height)
    ]
    corner, stroke = ("└", "─") if look.is_coloured else ("+", "-")
    lines.append([(" " * _MARGIN + corner + stroke * columns, _FAINT)])
    lines.append([(" " * (_MARGIN + 1) + _below(left, right, drawing.x_label, columns), _FAINT)])
    return lines


def _extent(drawing: Drawing) -> tuple[float, float]:
    return bounds(x for panel in drawing.panels for curve in panel.curves for x in curve.x)


def _labels(low: float, high: float, height: int, *, share: bool) -> dict[int, str]:
    """Return what is written beside which row."""
    found = {}
    for tick in nice_ticks(low, high, max(2, height // 3)):
        row = round((high - tick) / (high - low) * (height - 1))
        found[row] = compact(tick, share=share)
    return found


def _below(left: float, right: float, label: str, columns: int) -> str:
    """Return the line below the axis: its ends, its middle, what it is."""
    start, end = (compact(float(f"{value:.3g}")) for value in (left, right))
    middle = _cut(label, max(1, columns - len(start) - len(end) - 4))
    room = columns - len(start) - len(end)
    return start + middle.center(max(0, room)) + end


class _Canvas:
    """A field of characters that curves are drawn on.

    Args:
        columns: Its width in characters.
        rows: Its height.
        x: The numbers at its left and right edge.
        y: Those at its lower and upper edge.
    """

    def __init__(
        self, columns: int, rows: int, x: tuple[float, float], y: tuple[float, float]
    ) -> None:
        self._columns, self._rows = columns, rows
        self._x, self._y = x, y
        self._dots = [[0] * columns for _ in range(rows)]
        self._letters = [[" "] * columns for _ in range(rows)]
        self._styles = [[""] * columns for _ in range(rows)]

    def trace(self, curve: Curve, style: str) -> None:
        """Draw a curve in dots, joined by straight lines."""
        for column, row in self._pixels(curve, 2 * self._columns, 4 * self._rows):
            cell = row // 4, column // 2
            self._dots[cell[0]][cell[1]] |= _DOTS[row % 4][column % 2]
            self._styles[cell[0]][cell[1]] = style

    def write(self, curve: Curve, letter: str) -> None:
        """Draw a curve in letters."""
        for column, row in self._pixels(curve, self._columns, self._rows):
            self._letters[row][column] = letter

    def row(self, number: int) -> Line:
        """Return a row as text with styles."""
        line: Line = []
        cells = zip(self._dots[number], self._letters[number], self._styles[number], strict=True)
        for style, group in itertools.groupby(cells, key=lambda cell: cell[2]):
            text = "".join(chr(0x2800 + dots) if dots else letter for dots, letter, _ in group)
            line.append((text, style))
        return line

    def _pixels(self, curve: Curve, across: int, down: int) -> Iterator[tuple[int, int]]:
        """Yield the places of a curve's points, and of the straight lines between them."""
        points = [
            (_place(x, self._x, across), down - 1 - _place(y, self._y, down))
            for x, y in zip(curve.x, curve.y, strict=True)
        ]
        yield points[0]
        for (x0, y0), (x1, y1) in itertools.pairwise(points):
            steps = max(abs(x1 - x0), abs(y1 - y0))
            for step in range(1, steps + 1):
                yield round(x0 + (x1 - x0) * step / steps), round(y0 + (y1 - y0) * step / steps)


def _place(value: float, ends: tuple[float, float], cells: int) -> int:
    low, high = ends
    return min(cells - 1, max(0, round((value - low) / (high - low) * (cells - 1))))


def _beside(blocks: Sequence[list[Line]], width: int) -> list[Line]:
    """Return blocks of lines side by side."""
    if len(blocks) == 1:
        return blocks[0]
    lines: list[Line] = []
    for left, right in zip(*blocks, strict=True):
        taken = sum(cell_len(text) for text, _ in left)
        lines.append([*left, (" " * (width - taken + 2), ""), *right])
    return lines


def _cut(text: str, width: int) -> str:
    line = printable(text)
    return line if cell_len(line) <= width else set_cell_size(line, max(0, width - 3)) + "..."
