"""``textrnn evaluate``: how good a model is on texts, whatever its job."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from textrnn.bundle import Bundle
from textrnn.cli.aside import open_model
from textrnn.cli.inputs import require_stdin, stdin_or_usage
from textrnn.cli.jobs import JOBS
from textrnn.cli.options import SectionedCommand, debug_option, given, setting_options
from textrnn.data.settings import CorpusSettings, ExampleSettings, PairSettings
from textrnn.errors import ModelError, UsageError
from textrnn.language_model.placing import PrecisionSettings
from textrnn.training.settings import TrainingSettings
from textrnn.translator.search import BLEU_TOKENIZE, SearchSettings

__all__ = ["Measure", "evaluate"]

Measure = Callable[[Bundle, list[str], Mapping[str, Any], Mapping[str, Any]], None]
"""Takes a model, its inputs, the settings of the machine and the command's other values; writes."""


@click.command(cls=SectionedCommand)
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("files", nargs=-1, metavar="FILE...")
@click.option("--per-line", is_flag=True, help="Print each line's bits per character.")
@click.option(
    "--worst",
    type=click.IntRange(min=0),
    help="Show so many of the most certain wrong answers, or of the worst translations.  [default: 5]",
)
@click.option("--src", multiple=True, metavar="FILE", help="Texts to translate, a line each.")
@click.option("--tgt", multiple=True, metavar="FILE", help="Their translations, line by line.")
@click.option(
    "--hypotheses", metavar="FILE", help="Keep what the model said, a line for each pair."
)
@click.option("--force", is_flag=True, help="Replace the file of --hypotheses where it is there.")
@click.option(
    "--bleu-tokenize",
    type=click.Choice(BLEU_TOKENIZE),
    help="How BLEU cuts texts into words: char and zh are for languages that write none apart.  "
    f"[default: {BLEU_TOKENIZE[0]}]",
)
@click.option("--lowercase", is_flag=True, help="BLEU and chrF take upper case for lower case.")
@click.option("--json", "as_json", is_flag=True, help="Print an object of JSON.")
@click.option("-q", "--quiet", is_flag=True, help="Show warnings and errors only.")
@setting_options(CorpusSettings, only=("encoding", "newlines"), default="as in training")
@setting_options(ExampleSettings, only=("text_column", "label_column"), default="as in training")
@setting_options(PairSettings, only=("src_column", "tgt_column"), default="as in training")
@setting_options(
    SearchSettings,
    only=("beam_size", "length_penalty", "max_length", "no_repeat_ngram"),
    undecided="the most of a side in training",
)
@setting_options(
    TrainingSettings,
    only=("device", "threads"),
    undecided="chosen for the machine",
)
@setting_options(
    PrecisionSettings,
    words={
        "precision": "Arithmetic; auto takes bf16 where the device is good at it. int8, for language models, "
        "is that of generate --precision int8."
    },
)
@debug_option
def evaluate(model: Path, files: tuple[str, ...], **values: Any) -> None:
    r"""Measure how good a model is on texts.

    FILE is a file, a folder or - for stdin. Without one, stdin is read.

    A language model predicts every token once, in its context. --per-line prints a line for each line of the
    texts, blank ones too: its bits per character, a tab, the line; where there is no such figure, a dash.
    Tabs in the line stand as \t, backslashes as \\.

    A classifier answers labelled texts: tables (CSV, TSV, JSON, Parquet), fastText lines, a folder for
    each class, or a data set as hf:NAME. It prints accuracy and macro F1 with 95% bootstrap intervals, the
    figures of each label, the confusion matrix, how far its probabilities can be believed, and the mistakes
    that it was surest of. Blank texts get no answer; they are counted and left out.

    A translator translates the sources of pairs: two files line by line (--src and --tgt), or tables with two
    columns. It prints BLEU and chrF as sacreBLEU computes them on raw text, with their signatures, how
    probable it holds the references, and the translations with the lowest chrF.

    --per-line and --newlines are for language models; --label-column for classifiers; --text-column for both;
    --src, --tgt, --src-column, --tgt-column, --hypotheses, --force, --bleu-tokenize, --lowercase and the
    search settings for translators; --worst is for classifiers and translators.

    \b
      textrnn evaluate book-lm other.txt
      textrnn evaluate reviews-classifier test.csv --json
      textrnn evaluate de-en --src test.de --tgt test.en
    """
    sides = [*values["src"], *values["tgt"]]
    inputs = list(files)
    if not inputs and not sides:
        inputs = [stdin_or_usage("nothing to evaluate")]
    require_stdin([*inputs, *sides])
    opened = open_model(model)
    machine = _machine(opened, values)
    measure = _measure(opened, values)
    measure(opened, inputs, machine, values)


def _machine(opened: Bundle, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of the machine that were given."""
    if values["precision"] != "int8":
        return given(TrainingSettings, values, os.environ)
    if opened.job != "language-model":
        raise UsageError(
            f"--precision int8 is for language models; {opened.path} is a {opened.job} model"
        )
    # Not training's precision, which has no int8, so not one of its settings.
    others = {name: value for name, value in values.items() if name != "precision"}
    return {**given(TrainingSettings, others, os.environ), "precision": "int8"}


def _measure(opened: Bundle, values: Mapping[str, Any]) -> Measure:
    """Return what measures a model.

    Raises:
        ModelError: nothing does.
        UsageError: an option was given that means nothing for its job.
    """
    job = JOBS.get(opened.job)
    if job is None:
        *others, last = (each.models for each in JOBS.values())
        known = f"{', '.join(others)} and {last}"
        raise ModelError(
            f"{opened.path} is a {opened.job} model; this version of textrnn evaluates {known}"
        )
    for name in dict.fromkeys(name for other in JOBS.values() for name in other.evaluate_options):
        if name not in job.evaluate_options and _is_given(values[name]):
            whose = " and ".join(
                each.models for each in JOBS.values() if name in each.evaluate_options
            )
            raise UsageError(
                f"{_option(name)} is for {whose}; {opened.path} is a {opened.job} model, for "
                f"which there are {', '.join(map(_option, job.evaluate_options))}"
            )
    return job.evaluate()


def _is_given(value: Any) -> bool:
    return value is not None and value is not False and value != ()


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")
