"""``textrnn train classifier``: from labelled text to a classifier, and on from where a run stopped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from textrnn.classifier.settings import ClassifierSettings
from textrnn.cli.jobs import JOBS
from textrnn.cli.options import SectionedCommand
from textrnn.cli.training import EPILOG, Data, train, training_options

__all__ = ["train_classifier"]


@click.command("classifier", cls=SectionedCommand, epilog=EPILOG)
@click.argument("inputs", nargs=-1, metavar="INPUT...")
@click.option(
    "--valid",
    multiple=True,
    metavar="FILE",
    help="Validate on these examples; may be given several times.",
)
@click.option(
    "--test",
    multiple=True,
    metavar="FILE",
    help="Test on these examples, once, at the end; may be given several times.",
)
@click.option(
    "--init-from",
    type=click.Path(path_type=Path),
    metavar="MODEL",
    help="Start from a language model, whose layers and tokenizer become the encoder, or from a "
    "classifier.",
)
@click.option(
    "--init-from-reverse",
    type=click.Path(path_type=Path),
    metavar="MODEL",
    help="A language model of reversed text (train lm --reverse) for the backward direction.",
)
@training_options(ClassifierSettings)
def train_classifier(
    inputs: tuple[str, ...],
    valid: tuple[str, ...],
    test: tuple[str, ...],
    init_from: Path | None,
    init_from_reverse: Path | None,
    **values: Any,
) -> None:
    r"""Train a classifier on labelled texts: sentiment, topics, languages, any labels.

    INPUT is a table (CSV, TSV, JSON Lines, Parquet), a file of fastText lines (__label__pos text), a folder
    with a folder of texts for each label, a Hugging Face data set (hf:NAME), or - for stdin; .gz, .xz, .bz2
    and .zst files are read as they are. Columns are found by their names and contents. Without --valid a
    tenth of the rows is held back for validation, label by label.

    \b
      textrnn train classifier reviews.csv
      textrnn train classifier train.tsv --valid dev.tsv --minutes 5
      textrnn train classifier aclImdb/train/
      textrnn train classifier reviews.csv --init-from book-lm
      textrnn train classifier --resume reviews-clf --minutes 10

    Ctrl-C saves and ends; --resume goes on.
    """
    data = Data(
        inputs,
        {"--valid": valid, "--test": test},
        {"--init-from": init_from, "--init-from-reverse": init_from_reverse},
        {
            "valid_inputs": valid,
            "test_inputs": test,
            "init_from": init_from,
            "init_from_reverse": init_from_reverse,
        },
    )
    train(JOBS["classifier"], data, values)
