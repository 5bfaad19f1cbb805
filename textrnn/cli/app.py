"""The commands, listed without importing them."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import Any

import click

from textrnn._version import __version__
from textrnn.cli.options import HelpfulGroup, debug_option
from textrnn.config import nearest

__all__ = ["COMMANDS", "TRAIN_COMMANDS", "LazyGroup", "app"]

CONTEXT: dict[str, Any] = {
    "help_option_names": ["-h", "--help"],
    "max_content_width": 100,
}

COMMANDS = {
    "train": ("textrnn.cli.app:train", "Train a model."),
    "tune": ("textrnn.cli.tune:tune", "Search for good settings by many runs."),
    "generate": ("textrnn.cli.generate:generate", "Write text with a trained language model."),
    "complete": (
        "textrnn.cli.complete:complete",
        "Complete the word being typed with a trained language model.",
    ),
    "score": ("textrnn.cli.score:score", "Show how surprising each part of a text is to a model."),
    "classify": ("textrnn.cli.classify:classify", "Label texts with a trained classifier."),
    "translate": (
        "textrnn.cli.translate:translate",
        "Translate texts with a trained translator.",
    ),
    "evaluate": ("textrnn.cli.evaluate:evaluate", "Measure how well a model predicts texts."),
    "info": ("textrnn.cli.info:info", "Describe a model, or what this machine offers."),
    "check": ("textrnn.cli.check:check", "Look through data before training on them."),
    "corpus": ("textrnn.cli.corpus:corpus", "Public corpora to train on, fetched by name."),
    "runs": ("textrnn.cli.runs:runs", "List training runs, compare them, say what to try next."),
    "plot": ("textrnn.cli.plot:plot", "Draw the curves of runs, or a classifier's answers."),
    "tokenize": ("textrnn.cli.tokenize:tokenize", "Show a text's tokens, or turn ids into text."),
    "cache": ("textrnn.cli.cache:cache", "List or clear the texts prepared for training."),
    "completion": (
        "textrnn.cli.completion:completion",
        "Print what makes a shell complete commands with the Tab key.",
    ),
}
"""Each command's place and what the list of commands says about it."""

TRAIN_COMMANDS = {
    "lm": ("textrnn.cli.train_lm:train_lm", "Train a language model on text."),
    "classifier": (
        "textrnn.cli.train_classifier:train_classifier",
        "Train a classifier on labelled texts.",
    ),
    "translator": (
        "textrnn.cli.train_translator:train_translator",
        "Train a translator on pairs of texts.",
    ),
}


class LazyGroup(HelpfulGroup):
    """A group that imports a command when it is run.

    Args:
        places: ``module:attribute`` and one line of help, by the command's name.
        keywords: As ``click.Group`` takes them.
    """

    def __init__(self, *, places: Mapping[str, tuple[str, str]], **keywords: Any) -> None:
        super().__init__(**keywords)
        self._places = places

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return the commands in the order in which people meet them."""
        return list(self._places)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import a command."""
        if cmd_name not in self._places:
            return None
        module, _, attribute = self._places[cmd_name][0].partition(":")
        command = getattr(importlib.import_module(module), attribute)
        if not isinstance(command, click.Command):
            raise TypeError(f"{module}:{attribute} is not a command")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the arguments begin with; the message for a wrong one helps."""
        name = args[0]
        if name not in self._places and not name.startswith("-"):
            known = ", ".join(self._places)
            hint = nearest(name, list(self._places)) or f"; there are {known}"
            ctx.fail(f"No such command {name!r}{hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the commands from the table."""
        rows: Sequence[tuple[str, str]] = [(name, line) for name, (_, line) in self._places.items()]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


train = LazyGroup(
    name="train",
    places=TRAIN_COMMANDS,
    help="Train a model.",
    context_settings=CONTEXT,
)

app = LazyGroup(
    name="textrnn",
    places=COMMANDS,
    help="""Recurrent networks for text: train on a file, write more of it, measure.

    \b
      textrnn train lm book.txt
      textrnn generate book-lm --prompt "It was"
      textrnn classify reviews-clf new.txt
    """,
    context_settings=CONTEXT,
)
click.version_option(__version__, prog_name="textrnn")(app)
debug_option(app)
