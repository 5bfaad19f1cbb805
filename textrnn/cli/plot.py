"""``textrnn plot``: curves of training runs, and what a classifier answered, as pictures."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from textrnn import bundle
from textrnn.cli.console import is_terminal, may_colour, note, warn, write_json
from textrnn.cli.options import SectionedCommand, debug_option, setting_options
from textrnn.cli.plot_attention import plot_attention
from textrnn.cli.plot_classifier import BARE, answers_for, as_answers
from textrnn.cli.results import Results
from textrnn.cli.styled import Line, write_lines
from textrnn.data.settings import ExampleSettings
from textrnn.errors import DataError, UsageError
from textrnn.experiments.answers import Answers
from textrnn.experiments.curves import AXES, Drawing, Traced, drawing, short_names
from textrnn.experiments.journal import read_history
from textrnn.experiments.runs import Run, differing, read_run
from textrnn.training.settings import TrainingSettings

__all__ = ["plot"]

FORMS = ("png", "svg", "pdf", "html")
_WIDEST = 160


@click.command(cls=SectionedCommand)
@click.argument("runs", nargs=-1, type=click.Path(path_type=Path), metavar="[RUN...]")
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    help="Write a picture, by the ending of the name: .png, .svg, .pdf or .html.  [default: draw in the "
    "terminal]",
)
@click.option("--force", is_flag=True, help="Replace the picture where it is there already.")
@click.option(
    "--x",
    "axis",
    type=click.Choice(AXES),
    help="What the curves are drawn over. A page (.html) can change it.  [default: step]",
)
@click.option(
    "--confusion",
    is_flag=False,
    flag_value=BARE,
    metavar="FILE",
    help="Draw a classifier's confusion matrix instead: of labelled texts, or of what evaluate --json wrote.",
)
@click.option(
    "--reliability",
    is_flag=False,
    flag_value=BARE,
    metavar="FILE",
    help="Likewise how far its probabilities hold.",
)
@click.option(
    "--attention",
    metavar="TEXT",
    help="Draw what a translator looks at while it translates TEXT, or the lines of a file.",
)
@click.option(
    "--json", "as_json", is_flag=True, help="Print an object of JSON for each point of the curves."
)
@click.option("-q", "--quiet", is_flag=True, help="Show warnings and errors only.")
@setting_options(
    ExampleSettings, only=("encoding", "text_column", "label_column"), default="as in training"
)
@setting_options(
    TrainingSettings,
    only=("device", "precision", "threads"),
    undecided="chosen for the machine",
)
@debug_option
def plot(runs: tuple[Path, ...], **values: Any) -> None:
    r"""Draw the curves of training runs: loss, other figures, learning rate, speed.

    Each RUN is a model directory; it may still be running. Several are drawn over each other, and the legend
    says in what they differ. Strong lines are validation, light ones training, a star the weights that were
    kept. Of steps that were done twice, after a kill or a roll-back, the last time counts.

    Without --output the curves are drawn in the terminal: in colours, or in ASCII letters where there are
    none. .png, .svg and .pdf need matplotlib (pip install 'textrnn[plot]'); .html needs nothing, shows the
    figures under the pointer and loads nothing from anywhere.

    --confusion and --reliability draw what a classifier answered: with its RUN, FILE holds labelled texts as
    for textrnn evaluate; or FILE is what textrnn evaluate MODEL FILE --json wrote, which also can stand for a
    RUN: then both are drawn. --attention draws which words of the text each word of its translation looked
    at; textrnn translate --attention does so beside the translations.

    \b
      textrnn plot book-lm
      textrnn plot models/* --x time -o curves.html
      textrnn plot reviews-clf --confusion test.csv --reliability test.csv -o answers.png
      textrnn evaluate reviews-clf test.csv --json > result.json; textrnn plot result.json
      textrnn plot de-en --attention "Zwei Kinder spielen."
    """
    if values["attention"] is not None:
        plot_attention(runs, values)
        return
    runs = as_answers(runs, values)
    form = _form(values["output"])
    asks_answers = values["confusion"] is not None or values["reliability"] is not None
    _refuse_contradictions(runs, values, asks_answers=asks_answers)
    if form in ("png", "svg", "pdf"):
        from textrnn.cli.plot_figure import require_matplotlib

        require_matplotlib(form)
    with Results(values["output"], force=values["force"]) as results:
        if asks_answers:
            _plot_answers(runs, form, results, values)
        else:
            _plot_curves(runs, form, results, values)
    if results.path is not None and not values["quiet"]:
        note(f"drawn: {results.path}")


def _form(output: str | None) -> str | None:
    """Return the format that a file's name asks for; None for the terminal."""
    if output in (None, "-"):
        return None
    form = Path(str(output)).suffix.lower().removeprefix(".")
    if form not in FORMS:
        endings = ", ".join(f".{each}" for each in FORMS)
        raise UsageError(
            f"--output: {output}: the name says what to draw; let it end in one of {endings}"
        )
    return form


def _refuse_contradictions(
    runs: Sequence[Path], values: Mapping[str, Any], *, asks_answers: bool
) -> None:
    if values["as_json"] and values["output"] is not None:
        raise UsageError("--json with --output: figures or a picture; leave one of them out")
    if asks_answers and values["as_json"]:
        raise UsageError(
            "--json with --confusion or --reliability: textrnn evaluate --json prints their figures"
        )
    if asks_answers and values["axis"] is not None:
        raise UsageError(
            "--x says what curves are drawn over; --confusion and --reliability have none: leave it out"
        )
    if asks_answers and len(runs) > 1:
        raise UsageError("--confusion and --reliability draw the answers of one model; name one")
    if not asks_answers and not runs:
        raise UsageError(
            "nothing to draw: name model directories; textrnn runs lists those that there are"
        )


def _plot_curves(
    paths: Sequence[Path], form: str | None, results: Results, values: Mapping[str, Any]
) -> None:
    found = [read_run(path) for path in paths]
    traced = _traced(found)
    wanted = values["axis"] or "step"
    axes = [wanted, *(axis for axis in AXES if axis != wanted)]
    first = drawing(traced, axes[0])
    if not first.panels:
        raise DataError(
            f"{paths[0]}: its {bundle.LOG} tells of no step that counts; there is nothing to draw"
        )
    _warn_of_other_data(found)
    if values["as_json"]:
        for point in _points(found, [drawing(traced, axis) for axis in AXES]):
            write_json(point)
    elif form is None:
        coloured = _may_draw_dots()
        _write_lines(plot_in_terminal(first, coloured=coloured), results)
    elif form == "html":
        from textrnn.cli.plot_page import curves_page

        drawings = [first, *(drawing(traced, axis) for axis in axes[1:])]
        results.write(curves_page(drawings, ", ".join(run.name for run in traced)))
    else:
        from textrnn.cli.plot_figure import curves_image

        results.write_bytes(curves_image(first, form))


def _traced(runs: Sequence[Run]) -> list[Traced]:
    """Return runs with what their logs tell and what sets them apart."""
    names, varying = short_names([run.path for run in runs]), differing(runs)
    return [
        Traced(
            name,
            read_history(run.path / bundle.LOG),
            run.tokens / max(1, run.step),
            run.best_step if run.metrics else None,
            run.words(varying),
        )
        for name, run in zip(names, runs, strict=True)
    ]


def _warn_of_other_data(runs: Sequence[Run]) -> None:
    if len({(run.job, run.data_key) for run in runs}) > 1:
        warn("these runs were not validated on the same data: their losses do not compare")


def _points(runs: Sequence[Run], drawings: Sequence[Drawing]) -> Iterator[dict[str, Any]]:
    """Yield the points of all curves, each with its place on every axis, as :data:`AXES` orders them."""
    first = drawings[0]
    for number, panel in enumerate(first.panels):
        for place, curve in enumerate(panel.curves):
            on_axes = [each.panels[number].curves[place].x for each in drawings]
            for step, epoch, time, tokens, value in zip(*on_axes, curve.y, strict=True):
                yield {
                    "run": str(runs[curve.run].path),
                    "figure": panel.name,
                    "part": curve.kind,
                    "step": int(step),
                    "epoch": epoch,
                    "elapsed_s": time * drawings[AXES.index("time")].unit,
                    "tokens": round(tokens),
                    "value": value,
                }


def plot_in_terminal(drawn: Drawing, *, coloured: bool) -> list[Line]:
    """Return the lines of a drawing in the width of the terminal."""
    from textrnn.cli.plot_terminal import plot_lines

    return plot_lines(drawn, _width(), coloured=coloured)


def _plot_answers(
    runs: Sequence[Path], form: str | None, results: Results, values: Mapping[str, Any]
) -> None:
    read: dict[str, Answers] = {}
    for option in ("confusion", "reliability"):
        name = values[option]
        if name is not None and name not in read:
            read[name] = answers_for(runs, f"--{option}", name, values)
    parts = [read.get(values[name]) for name in ("confusion", "reliability")]
    confusion, reliability = parts
    title = str(runs[0]) if runs else next(iter(read))
    if form is None:
        from textrnn.cli.plot_answers import confusion_lines, reliability_lines

        lines: list[Line] = []
        if confusion is not None:
            lines += confusion_lines(confusion, _width())
        if reliability is not None:
            lines += [[]] if lines else []
            lines += reliability_lines(reliability)
        _write_lines(lines, results)
    elif form == "html":
        from textrnn.cli.plot_page import answers_page

        results.write(answers_page(confusion, reliability, title))
    else:
        from textrnn.cli.plot_figure import answers_image

        results.write_bytes(answers_image(confusion, reliability, title, form))


def _write_lines(lines: Sequence[Line], results: Results) -> None:
    """Write lines to stdout."""
    trimmed: list[Line] = [list(line) for line in lines]
    if not may_colour(sys.stdout):
        text = ("".join(part for part, _ in line).rstrip() for line in trimmed)
        results.write("".join(f"{line}\n" for line in text))
    else:
        write_lines(trimmed)


def _may_draw_dots() -> bool:
    """Return whether colours and braille characters can be shown."""
    encoding = (sys.stdout.encoding or "") if sys.stdout is not None else ""
    return may_colour(sys.stdout) and encoding.lower().startswith("utf")


def _width() -> int:
    """Return the columns to draw in; where nobody looks, 80."""
    if is_terminal(sys.stdout):
        return min(_WIDEST, shutil.get_terminal_size((80, 24)).columns)
    wanted = os.environ.get("COLUMNS", "")
    is_width = wanted.isascii() and wanted.isdecimal() and len(wanted) < 5
    return (int(wanted) if is_width else 0) or 80
