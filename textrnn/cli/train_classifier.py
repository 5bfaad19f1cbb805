"""``textrnn train classifier``: from labelled text to a classifier, and on from where a run stopped."""

from __future__ import annotations

from typing import Any

import click

from textrnn.classifier.settings import ClassifierSettings
from textrnn.cli.data_options import Data, classifier_data
from textrnn.cli.jobs import JOBS
from textrnn.cli.options import SectionedCommand
from textrnn.cli.training import EPILOG, train, training_options

__all__ = ["train_classifier"]


@click.command("classifier", cls=SectionedCommand, epilog=EPILOG)
@classifier_data
@training_options(ClassifierSettings)
def train_classifier(data: Data, **values: Any) -> None:
    r"""Train a classifier on labelled texts: sentiment, topics, languages, any labels.

    INPUT is a table (CSV, TSV, JSON, Parquet), a file of fastText lines (__label__pos text), a folder
    with a folder of texts for each label, a public corpus (corpus:imdb), a Hugging Face data set (hf:NAME),
    or - for stdin; .gz, .xz, .bz2 and .zst files are read as they are. Columns are found by their names and
    contents. Without --valid a tenth of the rows is held back for validation, label by label.

    \b
      textrnn train classifier reviews.csv
      textrnn train classifier train.tsv --valid dev.tsv --minutes 5
      textrnn train classifier aclImdb/train/
      textrnn train classifier reviews.csv --init-from book-lm
      textrnn train classifier --resume reviews-clf --minutes 10

    Ctrl-C saves and ends; --resume goes on.
    """
    train(JOBS["classifier"], data, values)
