"""Lines of a report: text with styles, which terminals show and files do not."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from rich.cells import cell_len, set_cell_size

from textrnn.cli.console import may_colour, printable, write

__all__ = ["Line", "one_line", "write_lines"]

Line = list[tuple[str, str]]
"""Parts of a line, each with its style; an empty style is none."""


def write_lines(lines: Sequence[Line]) -> None:
    """Write lines to stdout; colours come on terminals that have them."""
    if may_colour(sys.stdout):
        _write_coloured(lines)
    else:
        write("".join("".join(text for text, _ in line) + "\n" for line in lines))


def one_line(text: str, most: int) -> str:
    """Return a text as a part of one line, at most so many columns wide."""
    line = printable(" ".join(text.split())) or repr(text)
    return line if cell_len(line) <= most else set_cell_size(line, most - 3).rstrip() + "..."


def _write_coloured(lines: Sequence[Line]) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(file=sys.stdout, markup=False, highlight=False, emoji=False)
    encoding = console.encoding
    for line in lines:
        parts = ((text.encode(encoding, "replace").decode(encoding), style) for text, style in line)
        # The terminal breaks long lines itself.
        console.print(Text.assemble(*parts), soft_wrap=True)
