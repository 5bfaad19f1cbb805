"""``textrnn translate``: one text out for each text in."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from textrnn.cli.aside import open_model
from textrnn.cli.attention import AttentionFile
from textrnn.cli.console import is_terminal, note, warn, write
from textrnn.cli.options import SectionedCommand, debug_option, given, setting_options
from textrnn.cli.results import Results
from textrnn.cli.translate_inputs import Part, input_parts
from textrnn.cli.translations_display import json_lines, n_best_lines, plain_lines
from textrnn.cli.translator_options import pair_reading, search_settings
from textrnn.config import as_dict, make
from textrnn.data.settings import PairSettings
from textrnn.errors import UsageError
from textrnn.training.settings import TrainingSettings
from textrnn.translator.search import SearchSettings

if TYPE_CHECKING:
    from textrnn.translator.predictor import Translator
    from textrnn.translator.translations import CutText, Translation

__all__ = ["translate"]

MACHINE = ("device", "threads", "precision")

_FIRST_CHUNK, _MOST_CHUNK = 64, 4096
"""Lines of the first chunk of a file that is translated, and of the largest one."""

_MOST_CUT = 5
"""Texts that were cut which are told one by one."""


@click.command(cls=SectionedCommand)
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("inputs", nargs=-1, metavar="[FILE|TEXT...]")
@click.option(
    "-o", "--output", metavar="FILE", help="Write to FILE, which appears when the command ends."
)
@click.option("--force", is_flag=True, help="Replace output files where they are there already.")
@click.option("--json", "as_json", is_flag=True, help="Print an object of JSON for each text.")
@click.option(
    "--attention",
    metavar="FILE",
    help="Draw which words of the source each word looked at: FILE.png, FILE.html or FILE.txt; - draws on "
    "the terminal.",
)
@click.option("--interactive", is_flag=True, help="Answer line by line what is typed.")
@click.option(
    "--batch-size",
    type=click.IntRange(min=1),
    default=64,
    show_default=True,
    help="Texts translated at a time, at most; fewer take less memory. Changes no translation.",
)
@click.option(
    "--precision",
    type=click.Choice(["float32", "bf16"]),
    help="Arithmetic; bf16 is faster on some devices and may change translations.  "
    "[default: float32]",
)
@click.option("-q", "--quiet", is_flag=True, help="Show errors only.")
@setting_options(SearchSettings, undecided="the most of a side in training")
@setting_options(PairSettings, only=("encoding",))
@setting_options(
    PairSettings, only=("src_column",), undecided="as in training, or found by name or contents"
)
@setting_options(TrainingSettings, only=("device", "threads"), undecided="chosen for the machine")
@debug_option
def translate(model: Path, inputs: tuple[str, ...], **values: Any) -> None:
    r"""Translate texts with a trained translator.

    Each line of each FILE is a text, and becomes one line, in order, a blank one a blank one. In a table
    (.csv, .tsv, .jsonl, .parquet, hf:NAME, or any file with --src-column) each row is one. - is stdin, which
    is also read where nothing is named; what comes through a pipe is answered line by line as it arrives,
    but for tables. Files may be compressed (gzip, xz, bzip2, zstd). What is no file's name is a TEXT itself.

    With --n-best N every text becomes up to N rows of tab-separated values, the best first: the number of the
    text from 1, the score, the translation; a blank text one row that ends with its number. A score is the
    log-probability over the length penalty, in nats: nearer to 0 is likelier.

    --json prints source, translation, score, hypotheses (each with text, score and log_prob), tokens (the
    words and marks of source and translation, not the pieces that the model reads) and alignment: for each
    of those of the translation, the number of the source's, from 0, that it looked at most, or null where
    the source has none. A blank text has null for a score.

    A text with more tokens than the model read in training is cut there, and a translation ended there,
    with a warning.

    \b
      echo "Ein Hund läuft durch den Schnee." | textrnn translate de-en
      textrnn translate de-en input.de -o output.en --beam-size 5
      textrnn translate de-en --attention heat.png "Zwei Kinder spielen."
      textrnn translate answers --interactive
    """
    search = search_settings(values)
    _check(inputs, values, search)
    reading = given(PairSettings, values, os.environ)
    tell = (lambda message: None) if values["quiet"] else note
    parts = []
    if not values["interactive"]:
        parts = input_parts(inputs, make(PairSettings, reading), tell)
    # Not all of the settings of training: the seed and batch size here are those of translating.
    machine = given(TrainingSettings, {name: values[name] for name in MACHINE}, os.environ)
    with (
        Results(values["output"], force=values["force"]) as results,
        AttentionFile(values["attention"], force=values["force"]) as picture,
    ):
        opened = open_model(model, "translator")
        from textrnn.translator.predictor import Translator

        settings = make(PairSettings, reading)
        if "src_column" not in reading:
            column = pair_reading(opened, {}).src_column
            settings = dataclasses.replace(settings, src_column=column)
        translator = Translator(opened, **machine)
        show = _show(results, picture, search, as_json=values["as_json"])
        answer = _Answering(translator, search, values, is_aligned=show.is_aligned)
        for texts in _typed() if values["interactive"] else _chunks(parts, settings):
            show(answer(texts))
        answer.tell_ends()


def _check(inputs: Sequence[str], values: Mapping[str, Any], search: SearchSettings) -> None:
    if list(inputs).count("-") > 1:
        raise UsageError("- is named twice; stdin can be read only once")
    output, picture = (None if values[n] == "-" else values[n] for n in ("output", "attention"))
    if output is not None and picture is not None:
        if Path(output).resolve() == Path(picture).resolve():
            raise UsageError(
                f"{output}: --output and --attention name the same file; choose another for one of them"
            )
    elif values["attention"] == "-" and output is None and (values["as_json"] or search.n_best > 1):
        raise UsageError(
            "--attention - would draw between the rows or objects on stdout; send one of them to a file, "
            "with --output FILE or --attention FILE.txt"
        )
    if values["interactive"] and values["src_column"] is not None:
        raise UsageError(
            "--interactive answers what is typed, which has no columns; leave --src-column out"
        )
    if not values["interactive"]:
        return
    if inputs or values["output"] not in (None, "-"):
        raise UsageError("--interactive answers what is typed; it takes no FILE, TEXT or --output")
    if not is_terminal(sys.stdin):
        raise UsageError(
            "--interactive is for a terminal; what comes through a pipe is answered line by line without it"
        )


class _Answering:
    """Translates texts and counts those that were cut, and translations that were ended."""

    def __init__(
        self,
        translator: Translator,
        search: SearchSettings,
        values: Mapping[str, Any],
        *,
        is_aligned: bool,
    ) -> None:
        self._translator = translator
        self._options = {**as_dict(search), "align": is_aligned, "batch_size": values["batch_size"]}
        self._warn = (lambda message: None) if values["quiet"] else warn
        # Who asked for an end knows of it.
        self._limit = None if search.max_length else translator.settings["max_length"]
        self._seen = self._cut = self._ended = 0

    def __call__(self, texts: Sequence[str]) -> list[Translation]:
        """Return the translations of the next texts."""
        found = self._translator.translate(texts, on_cut=self._note_cut, **self._options)
        self._seen += len(texts)
        self._ended += sum(each.is_ended for each in found)
        return found

    def tell_ends(self) -> None:
        """Tell how many texts were cut, where each could not be named, and how many translations ended."""
        if self._cut > _MOST_CUT:
            self._warn(f"{self._cut:,} texts were cut in all")
        if self._ended and self._limit is not None:
            what = "translation was" if self._ended == 1 else "translations were"
            self._warn(
                f"{self._ended:,} {what} ended at {self._limit:,} tokens, the most of a side in training, "
                "and may be incomplete (--max-length)"
            )

    def _note_cut(self, cut: CutText) -> None:
        self._cut += 1
        if self._cut <= _MOST_CUT:
            self._warn(cut.told(self._seen))


class _Show:
    """Shows translations in the form that was asked for.

    Attributes:
        is_aligned: Whether it needs to know which words were looked at.
    """

    def __init__(
        self,
        write: Callable[[Sequence[Translation]], None],
        picture: AttentionFile,
        *,
        is_aligned: bool,
    ) -> None:
        self._write = write
        self._picture = picture
        self.is_aligned = is_aligned or picture.is_wanted

    def __call__(self, translations: Sequence[Translation]) -> None:
        self._write(translations)
        self._picture.add(translations)


def _show(
    results: Results, picture: AttentionFile, search: SearchSettings, *, as_json: bool
) -> _Show:
    """Return what shows translations."""
    if as_json:
        return _Show(lambda found: results.write(json_lines(found)), picture, is_aligned=True)
    if search.n_best > 1:
        first = 1

        def rows(found: Sequence[Translation]) -> None:
            nonlocal first
            results.write(n_best_lines(found, first))
            first += len(found)

        return _Show(rows, picture, is_aligned=False)
    return _Show(lambda found: results.write(plain_lines(found)), picture, is_aligned=False)


def _chunks(parts: Sequence[Part], settings: PairSettings) -> Iterator[list[str]]:
    """Yield texts some at a time: few at first, so that answers come soon, then in good company."""
    size = _FIRST_CHUNK
    for part in parts:
        for texts in part(settings):
            low = 0
            while low < len(texts):
                yield texts[low : low + size]
                low += size
                size = min(2 * size, _MOST_CHUNK)


def _typed() -> Iterator[list[str]]:
    """Yield what is typed, until its end (Ctrl-D)."""
    with contextlib.suppress(ImportError):  # Windows has none
        import readline  # noqa: F401  (gives input() its line editing)
    while True:
        try:
            line = input("> ")
        except EOFError:
            if is_terminal(sys.stdout):
                write("\n")  # what comes next begins on a line of its own
            return
        if line.strip():
            yield [line]
