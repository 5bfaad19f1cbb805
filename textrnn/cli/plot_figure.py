"""Pictures of curves and answers: PNG, SVG and PDF, drawn by matplotlib."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from textrnn.cli.plot_scale import compact
from textrnn.errors import UsageError
from textrnn.experiments.curves import TRAINING, VALIDATION, Curve, Drawing, Panel

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from textrnn.experiments.answers import Answers

__all__ = ["COLOURS", "answers_image", "curves_image", "require_matplotlib"]

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
"""Colours that the colour-blind can tell apart on white (Okabe and Ito 2008)."""

_STROKES = ("-", "--", ":", "-.")
_MARKS = {"resumed": ":", "rolled back": "--"}
_MOST_NUMBERS = 30
"""Labels up to which a confusion matrix has its counts written in it."""
_LONGEST_LABEL = 24
_SETTINGS: dict[Any, Any] = {
    "axes.grid": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "font.size": 9.0,
    "grid.alpha": 0.3,
    "svg.hashsalt": "textrnn",
    "text.parse_math": False,
}
_NO_DATE: dict[str, dict[str, Any]] = {
    "svg": {"Date": None},
    "pdf": {"CreationDate": None},
    "png": {},
}


def require_matplotlib(form: str) -> None:
    """Refuse early where matplotlib is not installed.

    Args:
        form: The format that needs it.

    Raises:
        UsageError: it is not.
    """
    if importlib.util.find_spec("matplotlib") is None:
        raise UsageError(
            f"a .{form} picture needs matplotlib, which is not installed; install it with pip install "
            f"'textrnn[plot]', or choose a name that ends in .html"
        )


def curves_image(drawing: Drawing, form: str) -> bytes:
    """Return a picture of curves.

    Args:
        drawing: What to draw.
        form: ``png``, ``svg`` or ``pdf``.
    """
    with _styled():
        from matplotlib.figure import Figure

        rows = (len(drawing.panels) + 1) // 2
        legend = 0.25 * (len(drawing.labels) + 1)
        figure = Figure(figsize=(11, 3.2 * rows + legend), layout="constrained")
        # The first panel is drawn over both columns where it would else leave a gap.
        wide = len(drawing.panels) % 2
        grid = figure.add_gridspec(rows, 2)
        for number, panel in enumerate(drawing.panels):
            place = number + wide if number else 0
            row, column = divmod(place, 2)
            cell = grid[0, :] if wide and not number else grid[row, column]
            _draw_panel(figure.add_subplot(cell), panel, drawing)
        _add_legend(figure, drawing)
        return _saved(figure, form)


def answers_image(
    confusion: Answers | None, reliability: Answers | None, name: str, form: str
) -> bytes:
    """Return a picture of a classifier's answers: a confusion matrix, a reliability diagram, or both.

    Args:
        confusion: What the matrix is of, if there is to be one.
        reliability: What the diagram is of, likewise.
        name: What stands above.
        form: ``png``, ``svg`` or ``pdf``.
    """
    parts = [part for part in (confusion, reliability) if part is not None]
    with _styled():
        from matplotlib.figure import Figure

        side = 5.0 if confusion is None else min(14.0, 3.6 + 0.45 * len(confusion.labels))
        figure = Figure(figsize=((side + 0.6) * len(parts), side), layout="constrained")
        figure.suptitle(name)
        if confusion is not None:
            _draw_confusion(figure.add_subplot(1, len(parts), 1), confusion)
        if reliability is not None:
            _draw_reliability(figure.add_subplot(1, len(parts), len(parts)), reliability)
        return _saved(figure, form)


def _draw_confusion(axes: Axes, answers: Answers) -> None:
    """Draw each row's shares as shades, with the counts in them."""
    shares, count = answers.shares(), len(answers.labels)
    picture = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.figure.colorbar(
        picture, ax=axes, shrink=0.8, label="share of the texts with the label", format=_percent
    )
    axes.grid(visible=False)
    labels = [_shortened(label) for label in answers.labels]
    axes.set_xticks(
        range(count), labels, rotation=45 if count > 4 else 0, ha="right" if count > 4 else "center"
    )
    axes.set_yticks(range(count), labels)
    axes.set_xlabel("answer")
    axes.set_ylabel("true label")
    axes.set_title(f"Confusion: {answers.accuracy:.1%} of {answers.rows:,} right")
    if count > _MOST_NUMBERS:
        return
    for i, row in enumerate(answers.confusion):
        for j, number in enumerate(row):
            if number:
                colour = "white" if shares[i][j] > 0.6 else "black"
                size = 9 if count <= 12 else 6
                axes.text(
                    j, i, f"{number:,}", ha="center", va="center", color=colour, fontsize=size
                )


def _draw_reliability(axes: Axes, answers: Answers) -> None:
    """Draw accuracy over probability, the bars' shade by how many answers they stand for."""
    most = max(each.rows for each in answers.bins)
    for each in answers.bins:
        axes.bar(
            (each.low + each.high) / 2,
            each.accuracy,
            width=each.high - each.low,
            color=COLOURS[0],
            alpha=0.2 + 0.7 * each.rows / most,
            edgecolor="white",
        )
        axes.text(
            (each.low + each.high) / 2,
            0.015,
            f"{each.rows:,}",
            ha="center",
            va="bottom",
            fontsize=7,
            rotation=90,
        )
    confidence = [each.confidence for each in answers.bins]
    accuracy = [each.accuracy for each in answers.bins]
    axes.plot([0, 1], [0, 1], color="#555555", linestyle="--", linewidth=1, label="as it should be")
    axes.plot(confidence, accuracy, color=COLOURS[1], marker="o", label="mean of each bin")
    axes.set(xlim=(0, 1), ylim=(0, 1.03), aspect="equal")
    axes.xaxis.set_major_formatter(_percent)
    axes.yaxis.set_major_formatter(_percent)
    axes.set_xlabel("probability of the answer; in the bars, the number of texts")
    axes.set_ylabel("answers that are right")
    axes.set_title(f"Reliability: calibration error {answers.ece:.3f}")
    axes.legend(loc="upper left", frameon=False)


def _percent(value: float, _: object = None) -> str:
    return compact(value, share=True)


def _shortened(label: str) -> str:
    return label if len(label) <= _LONGEST_LABEL else label[: _LONGEST_LABEL - 1] + "…"


def _draw_panel(axes: Axes, panel: Panel, drawing: Drawing) -> None:
    for curve in sorted(panel.curves, key=lambda curve: curve.kind):
        axes.plot(curve.x, curve.y, **_look(curve))
    for run, x, y in panel.best:
        colour = COLOURS[run % len(COLOURS)]
        axes.plot([x], [y], marker="*", markersize=10, color=colour, markeredgecolor="white")
    for mark in drawing.marks:
        stroke = _MARKS[mark.kind]
        axes.axvline(
            mark.x, color=COLOURS[mark.run % len(COLOURS)], linestyle=stroke, linewidth=0.8
        )
    axes.set_title(panel.title)
    axes.set_ylabel(panel.unit)
    axes.set_xlabel(drawing.x_label)
    axes.xaxis.set_major_formatter(lambda value, _: compact(value))
    axes.yaxis.set_major_formatter(lambda value, _: compact(value, share=panel.share))


def _look(curve: Curve) -> dict[str, Any]:
    """Return how a curve is drawn: validation strong and with its points, training light."""
    colour = COLOURS[curve.run % len(COLOURS)]
    stroke = _STROKES[curve.run // len(COLOURS) % len(_STROKES)]
    if curve.kind == TRAINING:
        return {"color": colour, "linestyle": stroke, "linewidth": 1.0, "alpha": 0.5}
    size = 4.0 if len(curve.x) <= 60 else 0.0
    return {
        "color": colour,
        "linestyle": stroke,
        "linewidth": 1.8,
        "marker": "o",
        "markersize": size,
    }


def _add_legend(figure: Figure, drawing: Drawing) -> None:
    """Say which colour is which run, and what the strokes and marks are."""
    from matplotlib.lines import Line2D

    keys = []
    if len(drawing.labels) > 1:
        for number, label in enumerate(drawing.labels):
            look = _look(Curve(number, VALIDATION, (), (), ()))
            keys.append(Line2D([], [], **{**look, "marker": ""}, label=_plain(label)))
    else:
        figure.suptitle(_plain(drawing.labels[0]))
    colour = COLOURS[0] if len(drawing.labels) == 1 else "#555555"
    kinds = {curve.kind for panel in drawing.panels for curve in panel.curves}
    for kind in (VALIDATION, TRAINING):
        if kind in kinds:
            look = {**_look(Curve(0, kind, (), (), ())), "color": colour}
            keys.append(Line2D([], [], **look, label=kind))
    if any(panel.best for panel in drawing.panels):
        star: dict[str, Any] = {"marker": "*", "linestyle": "", "markersize": 10, "color": colour}
        keys.append(Line2D([], [], **star, label="weights that were kept"))
    for kind, stroke in _MARKS.items():
        if any(mark.kind == kind for mark in drawing.marks):
            line: dict[str, Any] = {"color": colour, "linestyle": stroke, "linewidth": 0.8}
            keys.append(Line2D([], [], **line, label=kind))
    columns = 1 if any(len(label) > 40 for label in drawing.labels) and len(keys) > 4 else 4
    figure.legend(handles=keys, loc="outside lower center", ncols=columns, frameon=False)


def _plain(label: str) -> str:
    """Return a label as a legend takes it: one that begins with an underscore would be left out."""
    return f"\u200b{label}" if label.startswith("_") else label


@contextlib.contextmanager
def _styled() -> Iterator[None]:
    """Draw with our own settings, whatever the user's are; a font may lack a script's characters."""
    import matplotlib

    with warnings.catch_warnings(), matplotlib.rc_context():
        warnings.simplefilter("ignore")
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_SETTINGS)
        yield


def _saved(figure: Figure, form: str) -> bytes:
    picture = io.BytesIO()
    figure.savefig(picture, format=form, dpi=150, metadata=_NO_DATE[form])
    return picture.getvalue()
