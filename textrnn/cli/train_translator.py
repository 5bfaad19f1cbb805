"""``textrnn train translator``: from pairs of texts to a translator, and on from where a run stopped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from textrnn.cli.jobs import JOBS
from textrnn.cli.options import SectionedCommand
from textrnn.cli.training import EPILOG, Data, train, training_options
from textrnn.translator.settings import TranslatorSettings

__all__ = ["train_translator"]


@click.command("translator", cls=SectionedCommand, epilog=EPILOG)
@click.argument("inputs", nargs=-1, metavar="[INPUT]...")
@click.option(
    "--src",
    multiple=True,
    metavar="FILE",
    help="Texts to translate from, one a line; may be given several times.",
)
@click.option(
    "--tgt",
    multiple=True,
    metavar="FILE",
    help="What becomes of them, line by line; once for each --src.",
)
@click.option(
    "--valid",
    multiple=True,
    metavar="FILE",
    help="Validate on these pairs, a table as INPUT is; may be given several times.",
)
@click.option(
    "--valid-src",
    multiple=True,
    metavar="FILE",
    help="Validate on these texts, one a line; may be given several times.",
)
@click.option(
    "--valid-tgt",
    multiple=True,
    metavar="FILE",
    help="What becomes of them, line by line; once for each --valid-src.",
)
@click.option(
    "--init-from",
    type=click.Path(path_type=Path),
    metavar="MODEL",
    help="Start from this translator's weights and tokenizers.",
)
@training_options(TranslatorSettings)
def train_translator(
    inputs: tuple[str, ...],
    src: tuple[str, ...],
    tgt: tuple[str, ...],
    valid: tuple[str, ...],
    valid_src: tuple[str, ...],
    valid_tgt: tuple[str, ...],
    init_from: Path | None,
    **values: Any,
) -> None:
    r"""Train a translator on pairs: sentences and translations, questions and answers, any texts.

    INPUT is a table with two columns of text (CSV, TSV, JSON Lines, Parquet), a Hugging Face data set
    (hf:NAME), or - for stdin. Instead, --src and --tgt name files that belong together line by line. .gz,
    .xz, .bz2 and .zst files are read as they are. Without validation data, one in twenty pairs is held back
    for it.

    \b
      textrnn train translator --src train.de --tgt train.en --valid-src val.de --valid-tgt val.en
      textrnn train translator pairs.tsv --minutes 15
      textrnn train translator questions.jsonl --src-column question --tgt-column answer
      textrnn train translator --resume pairs-mt --minutes 10

    Ctrl-C saves and ends; --resume goes on.
    """
    data = Data(
        inputs,
        {
            "--src": src,
            "--tgt": tgt,
            "--valid": valid,
            "--valid-src": valid_src,
            "--valid-tgt": valid_tgt,
        },
        {"--init-from": init_from},
        {
            "src_inputs": src,
            "tgt_inputs": tgt,
            "valid_inputs": valid,
            "valid_src": valid_src,
            "valid_tgt": valid_tgt,
            "init_from": init_from,
        },
        instead=src or tgt,
    )
    train(JOBS["translator"], data, values)
