"""Pictures of attention: which words of the source each word of a translation looked at."""

from __future__ import annotations

import html
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from textrnn.cli.console import note, write
from textrnn.cli.results import Results
from textrnn.errors import UsageError

if TYPE_CHECKING:
    from textrnn.translator.alignment import Alignment
    from textrnn.translator.translations import Translation

__all__ = ["AttentionFile", "block_picture"]

KINDS = (".png", ".html", ".txt")

MOST_PNG = 24
"""Texts that one image holds."""

MOST_ROWS = 400
"""Words of translations that it holds, but for a single text: drawing takes a while for each."""

_SHADES = " ░▒▓█"
_LEAST = (0.05, 0.25, 0.5, 0.75)
"""Shares of attention from which on a cell is shaded more darkly."""

_PAGE = """<!doctype html>
<html lang="und"><meta charset="utf-8"><title>Attention</title>
<style>
 body { font: 14px sans-serif; margin: 2em; }
 table { border-collapse: collapse; margin: 0 0 3em; }
 th { font-weight: normal; text-align: right; padding: 0 .5em; white-space: nowrap; }
 thead th { vertical-align: bottom; text-align: left; writing-mode: vertical-rl; transform: rotate(180deg); }
 td { width: 1.8em; height: 1.8em; border: 1px solid #ddd; }
</style>
<p>Rows: words of the translation. Columns: words of the source. The darker, the more attention.</p>
"""


class AttentionFile:
    """Takes translations and draws their alignments; a context manager.

    Args:
        name: A file whose ending tells the kind; ``-`` for stdout, None for nothing.
        force: Whether a file that is there may be replaced.

    Raises:
        UsageError: an unknown ending, or the file is there already.
    """

    def __init__(self, name: str | None, *, force: bool) -> None:
        self._kind = None if name is None else ".txt" if name == "-" else Path(name).suffix.lower()
        if self._kind is not None and self._kind not in KINDS:
            raise UsageError(
                f"--attention {name}: its name must end in .png, .html or .txt; - draws on the terminal"
            )
        if self._kind == ".png":
            _require_matplotlib()
        self._is_stdout = name == "-"
        self._results = Results(name, force=force, option="--attention")
        self._waiting: list[Alignment] = []
        self._left_out = 0
        self._is_begun = False

    @property
    def is_wanted(self) -> bool:
        """Whether anything is drawn."""
        return self._kind is not None

    def add(self, translations: Sequence[Translation]) -> None:
        """Draw translations; an image is drawn when all are there."""
        if self._kind is None:
            return
        alignments = [each.alignment for each in translations if each.alignment is not None]
        if self._kind == ".png":
            for alignment in alignments:
                self._wait(alignment)
            return
        if self._kind == ".html" and not self._is_begun:
            self._results.write(_PAGE)
        self._is_begun = True
        draw = _html_table if self._kind == ".html" else block_picture
        pictures = "".join(draw(alignment) for alignment in alignments)
        if self._is_stdout:
            write(pictures)
        else:
            self._results.write(pictures)

    def _wait(self, alignment: Alignment) -> None:
        """Keep an alignment for the image where that has room; what comes after one left out is left out."""
        rows = sum(len(each.target) for each in self._waiting) + len(alignment.target)
        is_full = len(self._waiting) >= MOST_PNG or (self._waiting and rows > MOST_ROWS)
        if self._left_out or is_full:
            self._left_out += 1
        else:
            self._waiting.append(alignment)

    def __enter__(self) -> AttentionFile:
        if self._kind is not None:
            self._results.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Draw what waits, and give the file its name."""
        if self._kind is None:
            return
        if self._kind == ".png" and not self._waiting:
            note("--attention: there is no text, and so no image")
            return
        try:
            if self._waiting:
                self._results.write_bytes(_image(self._waiting))
            if self._left_out:
                note(
                    f"--attention: an image holds {MOST_PNG} texts of {MOST_ROWS} words in all; "
                    f"{self._left_out:,} more are left out (.html and .txt hold any number)"
                )
        finally:
            self._results.__exit__(kind, error, trace)


def block_picture(alignment: Alignment) -> str:
    """Return a picture of characters: a line for each target word, a column for each source word."""
    from rich.cells import cell_len

    source, target = alignment.source, alignment.target
    if not source or not target:
        return ""
    left = max(map(cell_len, target))
    # The source's words stand upright, their last letters on one line.
    height = max(map(len, source))
    lines = []
    for line in range(height):
        letters = (
            word[line - height + len(word)] if line >= height - len(word) else " "
            for word in source
        )
        lines.append(" " * (left + 2) + "".join(_cell(letter) for letter in letters))
    for word, shares in zip(target, alignment.weights.tolist(), strict=True):
        blocks = "".join(_shade(share) * 2 for share in shares)
        lines.append(" " * (left - cell_len(word)) + word + "  " + blocks)
    return "".join(line.rstrip() + "\n" for line in [*lines, ""])


def _cell(letter: str) -> str:
    """Return a letter in two columns."""
    from rich.cells import set_cell_size

    return set_cell_size(letter, 2)


def _shade(share: float) -> str:
    return _SHADES[sum(share >= least for least in _LEAST)]


def _html_table(alignment: Alignment) -> str:
    """Return a table whose cells are coloured."""
    return "".join(_html_parts(alignment)) + "\n"


def _html_parts(alignment: Alignment) -> Iterator[str]:
    heads = "".join(f"<th>{html.escape(word)}</th>" for word in alignment.source)
    yield f"<table><thead><tr><th></th>{heads}</tr></thead>\n"
    for word, shares in zip(alignment.target, alignment.weights.tolist(), strict=True):
        cells = "".join(
            f'<td title="{share:.3f}" style="background: rgba(20, 60, 140, {share:.3f})"></td>'
            for share in shares
        )
        yield f"<tr><th>{html.escape(word)}</th>{cells}</tr>\n"
    yield "</table>"


def _require_matplotlib() -> None:
    import importlib.util

    if importlib.util.find_spec("matplotlib") is None:
        raise UsageError(
            "--attention: images need matplotlib: pip install 'textrnn[plot]'; .html and .txt need nothing"
        )


def _image(alignments: Sequence[Alignment]) -> bytes:
    """Return a PNG with a picture for each alignment, one below the other."""
    import warnings

    from matplotlib.figure import Figure

    sizes = [(0.35 * len(a.source) + 2.0, 0.3 * len(a.target) + 1.8) for a in alignments]
    width, height = max(w for w, _ in sizes), sum(h for _, h in sizes)
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots(
        len(alignments), 1, squeeze=False, gridspec_kw={"height_ratios": [h for _, h in sizes]}
    )
    for axis, alignment in zip(axes[:, 0], alignments, strict=True):
        _draw(axis, alignment)
    content = io.BytesIO()
    with warnings.catch_warnings():
        # A letter that the font lacks is drawn as a box; that is no reason to say anything.
        warnings.simplefilter("ignore", UserWarning)
        figure.savefig(content, format="png")
    return content.getvalue()


def _draw(axis: Any, alignment: Alignment) -> None:
    """Draw one alignment."""
    axis.imshow(alignment.weights, cmap="Blues", vmin=0, vmax=1)
    # A dollar sign would begin a formula.
    source, target = ([w.replace("$", r"\$") for w in words] for words in alignment[:2])
    axis.set_xticks(range(len(source)), source, rotation=90)
    axis.set_yticks(range(len(target)), target)
    axis.xaxis.tick_top()
