"""``textrnn score``: how surprising each part of a text is to a language model."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from textrnn.cli.aside import open_model
from textrnn.cli.console import is_terminal, may_colour, note
from textrnn.cli.inputs import refuse_folder, require_stdin, stdin_or_usage
from textrnn.cli.options import SectionedCommand, debug_option, given, setting_options
from textrnn.cli.peaks import Peaks
from textrnn.cli.results import Results
from textrnn.cli.surprise_rows import UNITS, header, write_rows
from textrnn.data.settings import CorpusSettings
from textrnn.errors import DataError, UsageError
from textrnn.training.settings import TrainingSettings

if TYPE_CHECKING:
    from textrnn.language_model.scored import Part
    from textrnn.language_model.surprise import Scorer

__all__ = ["score"]

PAGES = (".html", ".htm")

MOST_PEAKS = 8
"""Surprising words that are shown."""

PAGE_TOP = 5
"""Alternatives that a page names where nothing else is asked for."""


@click.command(cls=SectionedCommand)
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("file", required=False, metavar="[FILE]")
@click.option(
    "--by",
    type=click.Choice(UNITS),
    help="What a row stands for.  [default: token; on a terminal the text itself, coloured]",
)
@click.option("--json", "as_json", is_flag=True, help="Print an object of JSON for each row.")
@click.option("--header", is_flag=True, help="Print a first row that names the columns.")
@click.option(
    "--top",
    type=click.IntRange(0, 100),
    help="Name so many of the likeliest tokens at each place.  [default: 0; for a page 5]",
)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    help="Write to FILE, which appears when the command ends; a page to look at where it ends in .html.",
)
@click.option("--force", is_flag=True, help="Replace the output file where it is there already.")
@click.option("-q", "--quiet", is_flag=True, help="Show warnings and errors only: no totals.")
@setting_options(CorpusSettings, only=("encoding", "newlines"), default="as in training")
@setting_options(
    TrainingSettings, only=("device", "precision", "threads"), undecided="chosen for the machine"
)
@debug_option
def score(model: Path, file: str | None, **values: Any) -> None:
    r"""Show how surprising each part of a text is to a language model.

    FILE is a text; - is stdin, which is also read where no FILE is named. Surprise is -ln p: the model's
    probability of what stands there, given all before it, in nats (1 bit is 0.693). It adds up: the totals
    are those of textrnn evaluate.

    A terminal shows the text coloured, and under it the totals and the most surprising words (one without
    colours gets rows by line). Elsewhere every token becomes a row of tab-separated values as soon as it is
    known; --by makes rows of something else:

    \b
      token  line column nats probability rank entropy text
      char   line column nats text
      word   line column nats text
      line   line nats characters bits_per_char text

    The text stands last and escaped: \t, \n, \r and \\. The rank is 1 where nothing was likelier, entropy is
    the surprise that the model expected. Of characters a token's surprise is shared evenly, words come with
    the white space before them, and line ends are rows of their own. The texts of all rows joined are the
    text, but for lines: theirs come without the line end, which nats, characters and bits_per_char count.
    What is not known is empty; the totals go to stderr.

    --json prints the same by name, and of a token its piece, its place in the text (start) and whether the
    model knows it. --top adds the likeliest tokens with their probabilities.

    -o NAME.html writes a page for a browser that needs nothing but itself: the text coloured, what the model
    would have written at each place, the course of the surprise. It takes texts of up to 100,000 tokens.

    A model of separate lines reads each line by itself. One that reads texts from their end (train lm
    --reverse) gives what each token costs after those behind it, once all is read.

    \b
      textrnn score book-lm chapter.txt
      textrnn score book-lm chapter.txt -o chapter.html
      textrnn score book-lm chapter.txt --by word | sort -t "$(printf '\t')" -k3,3gr | head
      tail -f app.log | textrnn score log-lm --by line
    """
    _check(values)
    name = file or stdin_or_usage("nothing to score")
    require_stdin([name])
    if name != "-":
        refuse_folder(name, "score")
    machine = given(TrainingSettings, values, os.environ)
    reading = given(CorpusSettings, values, os.environ)
    with Results(values["output"], force=values["force"]) as results:
        opened = open_model(model, "language-model")
        from textrnn.language_model.surprise import Scorer

        scorer = Scorer(opened, **machine)
        chunks = _chunks(name, scorer, reading)
        if values["output"] is not None and values["output"].lower().endswith(PAGES):
            _write_page(results, scorer, chunks, name, opened.path.name, values)
        elif _is_coloured(results, values):
            _show(scorer, chunks)
            return
        else:
            _write_rows(results, scorer, chunks, values)
        if not values["quiet"]:
            _tell_totals(scorer)


def _check(values: Mapping[str, Any]) -> None:
    is_page = values["output"] is not None and values["output"].lower().endswith(PAGES)
    if values["header"] and values["as_json"]:
        raise UsageError(
            "--header and --json at once; objects of JSON name their fields themselves"
        )
    for name in ("by", "as_json", "header"):
        if is_page and values[name]:
            option = {"as_json": "--json"}.get(name, f"--{name}")
            raise UsageError(
                f"{option} and a page ({values['output']}) at once; a page has no rows: give one of them"
            )
    if values["top"] and values["by"] not in (None, "token"):
        raise UsageError(
            f"--top and --by {values['by']} at once; likelier tokens are named for tokens: leave out --by"
        )


def _is_coloured(results: Results, values: Mapping[str, Any]) -> bool:
    """Return whether the text itself is shown: where a terminal has colours and no rows are asked for."""
    asked = values["by"] or values["as_json"] or values["header"] or values["top"]
    return results.is_stdout and not asked and may_colour(sys.stdout)


def _chunks(name: str, scorer: Scorer, reading: Mapping[str, Any]) -> Iterator[str]:
    """Return the text of an input; that it is there is known by then."""
    from textrnn.data.reading import codec_name
    from textrnn.data.sources import expand_inputs
    from textrnn.data.stream import stream_text

    settings = scorer.settings
    encoding = reading.get("encoding", settings.encoding)
    newlines = "lf" if settings.lines else reading.get("newlines", settings.newlines)
    codec_name(encoding)
    (source,) = expand_inputs([name])

    def read() -> Iterator[str]:
        is_empty = True
        for chunk in stream_text(source, encoding, newlines):
            is_empty = is_empty and not chunk
            yield chunk
        if is_empty:
            raise DataError(f"{source.name}: there is no text in it")

    return read()


def _write_rows(
    results: Results, scorer: Scorer, chunks: Iterator[str], values: Mapping[str, Any]
) -> None:
    """Write a row for each token, or whatever was asked for."""
    on_terminal = results.is_stdout and is_terminal(sys.stdout)
    unit = values["by"] or ("line" if on_terminal and not values["as_json"] else "token")
    top = values["top"] or 0
    if values["header"]:
        results.write(header(unit, top))
    parts = scorer.parts(chunks, details=unit == "token", top=top)
    write_rows(results.write, parts, scorer.tokenizer, unit, as_json=values["as_json"], top=top)


def _show(scorer: Scorer, chunks: Iterator[str]) -> None:
    """Show the text on the terminal, coloured, with its totals."""
    from textrnn.cli.styled import write_lines
    from textrnn.cli.surprise_display import ColouredText, summary_lines
    from textrnn.language_model import scored

    display = ColouredText(scorer.tokenizer)
    peaks = Peaks(MOST_PEAKS)

    def shown() -> Iterator[Part]:
        for part in scorer.parts(chunks, details=False):
            display.add(part)
            yield part

    for word in scored.words(scored.pieces(shown())):
        peaks.add(word)
    display.end_line()
    summary = summary_lines(scorer.totals.result(), scorer.totals.nats, peaks)
    write_lines([[("", "")], display.legend(), [("", "")], *summary])


def _write_page(
    results: Results,
    scorer: Scorer,
    chunks: Iterator[str],
    name: str,
    model: str,
    values: Mapping[str, Any],
) -> None:
    """Write a page for a browser."""
    from textrnn.cli.heat_page import MOST_TOKENS, heat_page
    from textrnn.language_model import scored

    top = PAGE_TOP if values["top"] is None else values["top"]
    found = []
    for token in scored.tokens(scorer.parts(chunks, top=top), scorer.tokenizer):
        found.append(token)
        if len(found) > MOST_TOKENS:
            raise UsageError(
                f"{name} has more than {MOST_TOKENS:,} tokens, too many for a page; give a part of it, as "
                f"with: head -c 100000 {name} | textrnn score MODEL - -o page.html"
            )
    title = "standard input" if name == "-" else Path(name).name
    total, nats = scorer.totals.result(), scorer.totals.nats
    reverse = scorer.settings.reverse
    results.write(heat_page(found, scorer.tokenizer, total, nats, title, model, reverse=reverse))


def _tell_totals(scorer: Scorer) -> None:
    """Tell the totals in a line."""
    total = scorer.totals.result()
    bits = total.bits_per_char
    told = "" if bits is None else f", {bits:.4f} bits per character"
    unknown = f", {total.unknown:,} of them unknown" if total.unknown else ""
    note(
        f"{total.targets:,} tokens{unknown}, {total.characters:,} characters: {scorer.totals.nats:.4f} nats"
        f"{told}, perplexity {total.perplexity:.4f}"
    )
