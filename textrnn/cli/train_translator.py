"""``textrnn train translator``: from pairs of texts to a translator, and on from where a run stopped."""

from __future__ import annotations

from typing import Any

import click

from textrnn.cli.data_options import Data, translator_data
from textrnn.cli.jobs import JOBS
from textrnn.cli.options import SectionedCommand
from textrnn.cli.training import EPILOG, train, training_options
from textrnn.errors import UsageError
from textrnn.translator.settings import TranslatorSettings

__all__ = ["train_translator"]


@click.command("translator", cls=SectionedCommand, epilog=EPILOG)
@translator_data
@training_options(TranslatorSettings)
def train_translator(data: Data, **values: Any) -> None:
    r"""Train a translator on pairs: sentences and translations, questions and answers, any texts.

    INPUT is a table with two columns of text (CSV, TSV, JSON, Parquet), a public corpus
    (corpus:multi30k-de-en), a Hugging Face data set (hf:NAME), or - for stdin. Instead, --src and --tgt name
    files that belong together line by line. .gz, .xz, .bz2 and .zst files are read as they are. Without
    validation data, one in twenty pairs is held back for it.

    \b
      textrnn train translator --src train.de --tgt train.en --valid-src val.de --valid-tgt val.en
      textrnn train translator pairs.tsv --minutes 15
      textrnn train translator questions.jsonl --src-column question --tgt-column answer
      textrnn train translator --resume pairs-mt --minutes 10

    Ctrl-C saves and ends; --resume goes on.
    """
    if values["batch_size"] is not None and values["batch_tokens"] is not None:
        raise UsageError(
            f"--batch-size {values['batch_size']} and --batch-tokens {values['batch_tokens']}: both say how "
            "large a batch is; leave one of them out"
        )
    train(JOBS["translator"], data, values)
