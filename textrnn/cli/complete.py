"""``textrnn complete``: the most probable ends of the word that is being typed."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from textrnn.cli.aside import open_model
from textrnn.cli.console import is_terminal, warn, write
from textrnn.cli.inputs import require_stdin
from textrnn.cli.options import SectionedCommand, debug_option, given, setting_options
from textrnn.cli.suggestions_display import json_line, suggestion_lines, tsv_row, tsv_rows
from textrnn.errors import UsageError
from textrnn.language_model.completion import MOST_SUGGESTIONS, MOST_WORDS
from textrnn.training.settings import TrainingSettings

if TYPE_CHECKING:
    from textrnn.language_model.completion import Suggestions
    from textrnn.language_model.generator import LanguageModel

__all__ = ["complete"]

MACHINE = ("device", "threads")

_ROWS = 24
"""Beginnings that a search follows at a time, by which threads are measured."""


@click.command(cls=SectionedCommand)
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("prompt", required=False, metavar="[PROMPT]")
@click.option(
    "-n",
    "--num",
    type=click.IntRange(1, MOST_SUGGESTIONS),
    default=5,
    show_default=True,
    help="Suggestions for each prompt.",
)
@click.option(
    "--words",
    type=click.IntRange(1, MOST_WORDS),
    default=1,
    show_default=True,
    help="Words that each suggestion ends, the one begun counted.",
)
@click.option("--json", "as_json", is_flag=True, help="Print an object of JSON for each prompt.")
@click.option(
    "-i", "--interactive", is_flag=True, help="Type, and see the suggestions change (a terminal)."
)
@click.option("--encoding", default="utf-8", show_default=True, help="Encoding of stdin.")
@click.option("-q", "--quiet", is_flag=True, help="Show no warnings.")
@setting_options(TrainingSettings, undecided="chosen for the machine", only=MACHINE)
@debug_option
def complete(model: Path, prompt: str | None, **values: Any) -> None:
    r"""Complete what is being typed, to the end of the word, with a language model.

    The word that PROMPT ends in is completed, also where it is whole already; behind a space or a mark the
    next word is. A suggestion that ends its line before it has as many words as --words asks for ends in a
    line end. A probability is that of the text going on so and the word ending there, given the prompt.

    A terminal shows a list. Elsewhere each suggestion is a row of tab-separated values, the best first:
    probability, the word, and what is to be added to the prompt. With - for PROMPT, or without one in a
    pipe, stdin is read: every line is a prompt, and becomes a row with word, probability, word, probability
    and so on, as soon as it has come. In a field a tab stands as \t, line ends as \n and \r, a backslash as
    \\. --json prints prompt, suggestions (text, word, probability) and unsearched for each prompt.

    Probabilities are sums of exact products, however the text is cut into tokens, over all ways that were
    looked at: none is too large, and none lacks more than what --json calls unsearched. The most probable
    beginnings are followed first, until none that is left is as probable as the last suggestion, but 2000 at
    most, and of each the 256 likeliest continuations.

    With --interactive the suggestions stand under the line and change as it is typed: Tab takes the chosen
    one, up and down choose, Enter accepts the line, which goes to stdout, Ctrl-D or Ctrl-C leaves. The lines
    accepted before are known to the model.

    \b
      textrnn complete book-lm "It was the b"
      textrnn complete book-lm "It was the b" -n 10 --words 3
      textrnn complete book-lm --json < prompts.txt
      textrnn complete book-lm --interactive > notes.txt
    """
    interactive = values["interactive"]
    _check(prompt, values)
    machine = given(TrainingSettings, {name: values[name] for name in MACHINE}, os.environ)
    from textrnn.language_model.generator import LanguageModel

    lm = LanguageModel(open_model(model, "language-model"), **machine)
    if "threads" not in machine:
        lm.tune_threads(_ROWS)
    if interactive:
        from textrnn.cli.live_completion import type_with

        type_with(lm, num=values["num"], words=values["words"])
    elif prompt is None or prompt == "-":
        for line in _lines(values["encoding"]):
            found = _complete(lm, line, values)
            write(json_line(found) if values["as_json"] else tsv_row(found))
    else:
        # Bytes of an argument that the locale could not decode are UTF-8.
        text = prompt.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        _write(_complete(lm, text, values), as_json=values["as_json"])


def _check(prompt: str | None, values: Mapping[str, Any]) -> None:
    if values["interactive"]:
        if prompt is not None or values["as_json"]:
            other = "--json" if values["as_json"] else "a PROMPT"
            raise UsageError(f"--interactive and {other} at once; give one of them")
        if not (is_terminal(sys.stdin) and is_terminal(sys.stderr)):
            raise UsageError(
                "--interactive needs a terminal to type in and to show suggestions on; for a pipe leave it "
                "out: every line of stdin is then a prompt"
            )
        return
    if prompt is None:
        if is_terminal(sys.stdin):
            raise UsageError("nothing to complete: give a PROMPT, - for stdin, or --interactive")
        prompt = "-"
    require_stdin([prompt])


def _lines(encoding: str) -> Iterator[str]:
    """Yield the lines of stdin as they come."""
    from textrnn.data.sources import expand_inputs
    from textrnn.data.stream import stream_lines

    for lines in stream_lines(expand_inputs(["-"]), encoding):
        yield from lines


def _complete(lm: LanguageModel, prompt: str, values: Mapping[str, Any]) -> Suggestions:
    return lm.complete(
        prompt,
        values["num"],
        words=values["words"],
        on_unknown=(lambda _: None) if values["quiet"] else (lambda found: warn(found.message)),
    )


def _write(found: Suggestions, *, as_json: bool) -> None:
    """Write the suggestions for the one prompt."""
    if as_json:
        write(json_line(found))
    elif not is_terminal(sys.stdout):
        write(tsv_rows(found))
    else:
        from textrnn.cli.styled import write_lines

        write_lines(suggestion_lines(found))
    if not len(found):
        warn("the model knows no token that agrees with the word as it is typed")
