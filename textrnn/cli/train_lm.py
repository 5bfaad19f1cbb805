"""``textrnn train lm``: from text to a language model, and on from where a run stopped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from textrnn.cli.jobs import JOBS
from textrnn.cli.options import SectionedCommand
from textrnn.cli.training import EPILOG, Data, train, training_options
from textrnn.language_model.settings import LanguageModelSettings

__all__ = ["train_lm"]


@click.command("lm", cls=SectionedCommand, epilog=EPILOG)
@click.argument("inputs", nargs=-1, metavar="INPUT...")
@click.option(
    "--valid",
    multiple=True,
    metavar="FILE",
    help="Validate on this text; may be given several times.",
)
@click.option(
    "--init-from",
    type=click.Path(path_type=Path),
    metavar="MODEL",
    help="Start from this model's weights and tokenizer.",
)
@training_options(LanguageModelSettings)
def train_lm(
    inputs: tuple[str, ...], valid: tuple[str, ...], init_from: Path | None, **values: Any
) -> None:
    r"""Train a language model on text.

    INPUT is a file, a folder (every text below it) or - for stdin; .gz, .xz, .bz2 and .zst files are read
    as they are. What is not said is chosen for the text, this machine and the time allowed, and printed.

    \b
      textrnn train lm book.txt
      textrnn train lm book.txt --minutes 3
      textrnn train lm --resume book-lm --minutes 10

    Ctrl-C saves and ends; --resume goes on.
    """
    data = Data(
        inputs,
        {"--valid": valid},
        {"--init-from": init_from},
        {"valid_inputs": valid, "init_from": init_from},
    )
    train(JOBS["language-model"], data, values)
