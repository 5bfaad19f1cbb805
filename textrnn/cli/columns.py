"""Tables for a terminal: in columns where they fit, else with more or less of it below each row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size

from textrnn.cli.styled import Line
from textrnn.cli.wrapping import wrapped

__all__ = ["Row", "table_lines", "width_of"]

_GAP = 2
_INDENT = "  "


@dataclass(frozen=True)
class Row:
    """A row of a table.

    Attributes:
        cells: One for each head.
        words: What may stand in a further column or below the row, broken between them.
        remark: Words below the row, with a command that is not broken.
        style: Of all cells.
        styles: Of single cells, by their place, instead.
    """

    cells: Sequence[str]
    words: Sequence[str] = ()
    remark: str = ""
    style: str = ""
    styles: tuple[tuple[int, str], ...] = ()


def width_of(heads: Sequence[str], rows: Sequence[Row]) -> int:
    """Return the columns that the cells of a table take, side by side."""
    return sum(_widths(heads, rows)) + _GAP * (len(heads) - 1)


def table_lines(
    heads: Sequence[str], rows: Sequence[Row], width: int, *, last: str = "", left: int = 1
) -> Iterator[Line]:
    """Yield the lines of a table; no cell is cut, and where no line of cells fits, each says its column.

    Args:
        heads: Of the columns.
        rows: The rows.
        width: Columns of the terminal.
        last: The head of what the words of all rows say.
        left: So many columns begin at the left, the others end at the right.
    """
    widths = _widths(heads, rows)
    has_words = any(row.words for row in rows)
    flat = max([cell_len(last), *(cell_len(" ".join(row.words)) for row in rows)])
    is_flat = has_words and width_of(heads, rows) + _GAP + flat <= width
    # Too wide even so: the first cell gets a line of its own, as do the words.
    is_stacked = width_of(heads, rows) > width
    begin = int(is_stacked)
    indent = _INDENT if is_stacked else ""
    if len(indent) + width_of(heads, rows) - begin * (widths[0] + _GAP) > width:
        yield from _listed(heads, rows, width)
        return
    shown = [_cell(head, widths[i], i < left) for i, head in enumerate(heads)]
    line: Line = [(indent + (" " * _GAP).join(shown[begin:]), "bold")]
    yield [*line, (" " * _GAP + last, "bold")] if is_flat and last else line
    for row in rows:
        styles = dict(row.styles)
        cells = [
            (_cell(cell, widths[i], i < left), styles.get(i, row.style))
            for i, cell in enumerate(row.cells)
        ]
        if is_stacked:
            yield [(row.cells[0], styles.get(0, row.style))]
        line = [(indent, "")] if indent else []
        for place, cell in enumerate(cells[begin:]):
            line += [(" " * _GAP, "")] if place else []
            line.append(cell)
        yield [*line, (" " * _GAP + " ".join(row.words), "dim")] if is_flat else line
        if not is_flat:
            yield from _below(row.words, width)
        yield from _remark(row, width)


def _listed(heads: Sequence[str], rows: Sequence[Row], width: int) -> Iterator[Line]:
    """Yield each row as its first cell and, below it, the others behind the heads of their columns."""
    for row in rows:
        styles = dict(row.styles)
        yield [(row.cells[0], styles.get(0, row.style))]
        cells = zip(heads[1:], row.cells[1:], strict=True)
        told = [f"{head} {cell}" for head, cell in cells if cell]
        yield from _below([*(f"{each}," for each in told[:-1]), *told[-1:]], width, row.style)
        yield from _below(row.words, width)
        yield from _remark(row, width)


def _remark(row: Row, width: int) -> Iterator[Line]:
    if row.remark:
        lines = wrapped(f"{_INDENT}{row.remark}", width).split("\n")
        yield from ([(each, "dim")] for each in lines)


def _below(words: Sequence[str], width: int, style: str = "dim") -> Iterator[Line]:
    """Yield words in lines that fit, none of them broken."""
    line = ""
    for word in words:
        if line and cell_len(f"{line} {word}") > width - len(_INDENT):
            yield [(_INDENT + line, style)]
            line = ""
        line = f"{line} {word}".lstrip()
    if line:
        yield [(_INDENT + line, style)]


def _widths(heads: Sequence[str], rows: Sequence[Row]) -> list[int]:
    return [
        max([cell_len(head), *(cell_len(row.cells[i]) for row in rows)])
        for i, head in enumerate(heads)
    ]


def _cell(text: str, width: int, is_left: bool) -> str:
    if is_left:
        return set_cell_size(text, width)
    return " " * (width - cell_len(text)) + text
