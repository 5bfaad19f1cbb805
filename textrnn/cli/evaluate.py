"""``textrnn evaluate``: what texts cost a model."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from textrnn.cli.aside import open_model
from textrnn.cli.console import note, write, write_json
from textrnn.cli.inputs import require_stdin, stdin_or_usage, without_cache_news
from textrnn.cli.options import SectionedCommand, debug_option, given, setting_options
from textrnn.data.settings import CorpusSettings
from textrnn.training.settings import TrainingSettings

if TYPE_CHECKING:
    from textrnn.language_model.evaluation import Evaluation, LineSurprise

__all__ = ["evaluate"]

_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\r": "\\r"})


@click.command(cls=SectionedCommand)
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("files", nargs=-1, metavar="FILE...")
@click.option("--per-line", is_flag=True, help="Print each line's bits per character.")
@click.option("--json", "as_json", is_flag=True, help="Print an object of JSON.")
@click.option("-q", "--quiet", is_flag=True, help="Show warnings and errors only.")
@setting_options(CorpusSettings, only=("encoding", "newlines"), default="as in training")
@setting_options(
    TrainingSettings,
    only=("device", "precision", "threads"),
    undecided="chosen for the machine",
)
@debug_option
def evaluate(
    model: Path,
    files: tuple[str, ...],
    per_line: bool,
    as_json: bool,
    quiet: bool,
    **values: Any,
) -> None:
    r"""Measure how well a language model predicts texts: every token once, in its context.

    FILE is a file, a folder or - for stdin. Without one, stdin is read.

    --per-line prints a line for each line of the texts, blank ones too: its bits per character, a tab, the
    line; where there is no such figure, a dash. Tabs in the line stand as \t, backslashes as \\.
    """
    inputs = list(files) or [stdin_or_usage("nothing to evaluate")]
    require_stdin(inputs)
    machine = given(TrainingSettings, values, os.environ)
    bundle = open_model(model, "language-model")
    from textrnn.language_model.evaluation import Evaluator

    report = (lambda message: None) if quiet else note
    evaluator = Evaluator(
        bundle,
        overrides=given(CorpusSettings, values, os.environ),
        report=without_cache_news(report) if as_json or per_line else report,
        **machine,
    )
    if per_line:
        for line in evaluator.evaluate_lines(inputs):
            _write_line(line, as_json=as_json)
    else:
        _write_whole(evaluator.evaluate(inputs), as_json=as_json)


def _write_line(line: LineSurprise, *, as_json: bool) -> None:
    if as_json:
        write_json(dataclasses.asdict(line))
        return
    bits = "-" if line.bits_per_char is None else f"{line.bits_per_char:.4f}"
    write(f"{bits}\t{line.text.translate(_ESCAPES)}\n")


def _write_whole(result: Evaluation, *, as_json: bool) -> None:
    if as_json:
        write_json(dataclasses.asdict(result))
        return
    bits = result.bits_per_char
    rows = {
        "loss": f"{result.loss:.4f} nats per token",
        "perplexity": f"{result.perplexity:.4f}",
        "bits per character": "not defined, since the text holds tokens that the model does not know"
        if bits is None
        else f"{bits:.4f}",
        "targets": f"{result.targets:,}",
        "characters": f"{result.characters:,}",
        "unknown": f"{result.unknown:,} ({result.unknown / max(1, result.targets):.2%})",
    }
    write("".join(f"{name:<20}{value}\n" for name, value in rows.items()))
