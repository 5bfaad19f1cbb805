"""``textrnn generate``: text that goes on from a prompt."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from textrnn.cli.aside import open_model
from textrnn.cli.console import is_terminal, note, warn, write, write_json
from textrnn.cli.inputs import lines_with_ends, read_input, refuse_folder
from textrnn.cli.options import SectionedCommand, debug_option, given, setting_options
from textrnn.config import as_dict, make
from textrnn.data.bounds import bounded
from textrnn.decoding.sampling import SamplingSettings
from textrnn.errors import UsageError
from textrnn.language_model.placing import PrecisionSettings
from textrnn.training.settings import TrainingSettings

if TYPE_CHECKING:
    from textrnn.decoding.text import Piece
    from textrnn.language_model.writing import Completion

__all__ = ["generate"]

PROMPTS = ("prompt", "prompt_file", "prompts")

SEPARATOR = "-" * 40
"""The line between several texts."""

LONG_PROMPT = 20_000
"""Characters from which on reading a prompt on a CPU takes long enough to be mentioned."""

MACHINE = ("device", "threads")

_ESCAPES = str.maketrans({"\\": "\\\\", "\n": "\\n", "\r": "\\r"})


@click.command(cls=SectionedCommand)
@click.argument("model", type=click.Path(path_type=Path))
@click.option("--prompt", metavar="TEXT", help="How the text begins; - reads it from stdin.")
@click.option("--prompt-file", metavar="FILE", help="A file whose whole text is the prompt.")
@click.option("--prompts", metavar="FILE", help="A file with a prompt a line.")
@click.option(
    "--encoding", default="utf-8", show_default=True, help="Encoding of prompts in files and stdin."
)
@click.option("--echo/--no-echo", default=True, help="Print the prompt before its continuation.")
@click.option(
    "--stop",
    multiple=True,
    metavar="TEXT",
    help="End before this text; may be given several times.",
)
@click.option(
    "--num",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Texts for each prompt.",
)
@click.option(
    "--batch-size",
    type=click.IntRange(min=1),
    default=64,
    show_default=True,
    help="Texts made at a time, at most; changes no text.",
)
@click.option("--json", "as_json", is_flag=True, help="Print an object of JSON for each text.")
@click.option("-q", "--quiet", is_flag=True, help="Show no warnings and notes.")
@setting_options(
    SamplingSettings,
    undecided="another one every time",
    short={"max_new_tokens": "-n"},
)
@setting_options(TrainingSettings, undecided="chosen for the machine", only=MACHINE)
@setting_options(PrecisionSettings)
@debug_option
def generate(model: Path, **values: Any) -> None:
    r"""Write text with a language model.

    The text appears as it is made, after its prompt; without a prompt it begins as a line of the corpus
    begins. stdout carries the text alone: what does not end in a line end gets one.

    Several texts (--num) are parted by a line of dashes. With --prompts every text takes one line, in the
    order of the prompts, an empty line being an empty prompt; in it a line end stands as \n, a CR as \r and a
    backslash as \\. With --json every text is an object with prompt, completion and finish (stop, end or
    length), on a line of its own.

    \b
      textrnn generate book-lm --prompt "It was" --temperature 0.8
      textrnn generate book-lm -n -1 --seed 1
      textrnn generate book-lm --prompts begins.txt --num 3 --json
    """
    prompts = _prompts(values)
    sampling = make(SamplingSettings, given(SamplingSettings, values, os.environ))
    # Not all of the settings of training: the seed here is that of sampling.
    chosen = {name: values[name] for name in MACHINE}
    machine = given(TrainingSettings, chosen, os.environ)
    # Not from the environment: TEXTRNN_PRECISION is training's.
    machine |= given(PrecisionSettings, values, {})
    from textrnn.language_model.generator import LanguageModel

    lm = LanguageModel(
        open_model(model, "language-model"),
        report=(lambda _: None) if values["quiet"] else warn,
        **machine,
    )
    if "threads" not in machine:
        several = values["prompts"] is not None
        lm.tune_threads(
            values["batch_size"] if several else min(values["num"], values["batch_size"])
        )
    arguments: dict[str, Any] = {
        **as_dict(sampling),
        "num": values["num"],
        "stop": values["stop"],
        "batch_size": values["batch_size"],
        "on_unknown": (lambda _: None) if values["quiet"] else (lambda found: warn(found.message)),
    }
    is_whole = values["as_json"] or values["prompts"] is not None
    if sampling.max_new_tokens == -1 and not values["stop"] and not lm.settings["lines"]:
        _require_one(values, is_whole=is_whole)
    if not values["quiet"] and lm.device == "cpu":
        _tell_long_prompt(prompts)
    echo = values["echo"]
    if is_whole:
        texts = lm.generate_many(prompts, **arguments)
        _write_whole(texts, as_json=values["as_json"], echo=echo)
    else:
        prompt = next(iter(prompts))
        _stream(lm.pieces([prompt], **arguments), prompt if echo else "")


def _require_one(values: Mapping[str, Any], *, is_whole: bool) -> None:
    """Refuse a text without end where another is to follow it, or where only whole ones are shown."""
    if is_whole or values["num"] > 1:
        raise UsageError(
            "--max-new-tokens -1 never ends the first text, so that --json, --prompts and --num have "
            "nothing to show: give a number, or --stop"
        )


def _write_whole(texts: Iterable[Completion], *, as_json: bool, echo: bool) -> None:
    """Write every text on a line of its own."""
    for text in texts:
        if as_json:
            write_json({"prompt": text.prompt, "completion": text.text, "finish": text.finish})
        else:
            whole = text.prompt + text.text if echo else text.text
            write(whole.translate(_ESCAPES) + "\n")


def _stream(pieces: Iterable[Piece], prompt: str) -> None:
    """Write texts as they are made, with a line of dashes between them."""
    is_begun = False
    last = ""

    def put(text: str) -> None:
        nonlocal last
        if text:
            write(text)
            last = text[-1]

    def end_line() -> None:
        if last and last != "\n":
            put("\n")

    try:
        for piece in pieces:
            if not is_begun:
                if piece.sample:
                    put(f"{SEPARATOR}\n")
                put(prompt)
                is_begun = True
            put(piece.text)
            if piece.finish:
                end_line()
                is_begun = False
    except KeyboardInterrupt:
        if is_terminal(sys.stdout):
            end_line()
        raise


def _tell_long_prompt(prompts: Iterable[str]) -> None:
    """Say that a prompt is being read, where it is one whose reading takes a while."""
    if isinstance(prompts, list) and len(prompts[0]) > LONG_PROMPT:
        note(f"reading the prompt of {len(prompts[0]):,} characters")


def _prompts(values: Mapping[str, Any]) -> Iterable[str]:
    """Return the prompts; a file of many is read as far as they are needed."""
    options = {f"--{name.replace('_', '-')}": values[name] for name in PROMPTS}
    prompt, whole_file, line_file = options.values()
    encoding = values["encoding"]
    named = [name for name, value in options.items() if value is not None]
    if len(named) > 1:
        raise UsageError(f"{named[0]} and {named[1]} at once; give one of them")
    if line_file is not None:
        refuse_folder(line_file, "--prompts")
        return _lines(line_file, encoding)
    if whole_file is not None:
        refuse_folder(whole_file, "--prompt-file")
        return ["".join(bounded(read_input(whole_file, encoding), whole_file))]
    if prompt == "-":
        # As the shell's $(...) has it: the line end with which a command's output ends is no part of it.
        whole = "".join(bounded(read_input("-", encoding), "stdin"))
        return [whole.removesuffix("\n").removesuffix("\r")]
    return ["" if prompt is None else _without_surrogates(prompt)]


def _lines(file: str, encoding: str) -> Iterator[str]:
    for line in lines_with_ends(read_input(file, encoding)):
        yield line.removesuffix("\n").removesuffix("\r")


def _without_surrogates(argument: str) -> str:
    """Return an argument of the command line as text: bytes that the locale could not decode are UTF-8."""
    return argument.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
