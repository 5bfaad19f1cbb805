"""``textrnn train lm``: from text to a language model, and on from where a run stopped."""

from __future__ import annotations

from typing import Any

import click

from textrnn.cli.data_options import Data, language_model_data
from textrnn.cli.jobs import JOBS
from textrnn.cli.options import SectionedCommand
from textrnn.cli.training import EPILOG, train, training_options
from textrnn.language_model.settings import LanguageModelSettings

__all__ = ["train_lm"]


@click.command("lm", cls=SectionedCommand, epilog=EPILOG)
@language_model_data
@training_options(LanguageModelSettings)
def train_lm(data: Data, **values: Any) -> None:
    r"""Train a language model on text.

    INPUT is a file, a folder (every text below it), a public corpus (corpus:NAME; textrnn corpus list names
    them), a data set of the Hugging Face hub (hf:NAME) or - for stdin; .gz, .xz, .bz2 and .zst files are read
    as they are. What is not said is chosen for the text, this machine and the time allowed, and printed.

    \b
      textrnn train lm book.txt
      textrnn train lm book.txt --minutes 3
      textrnn train lm --resume book-lm --minutes 10

    Ctrl-C saves and ends; --resume goes on.
    """
    train(JOBS["language-model"], data, values)
