"""``textrnn classify``: labels for texts, each with its probability."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from textrnn.cli.aside import open_model
from textrnn.cli.console import is_terminal, note
from textrnn.cli.inputs import require_stdin, stdin_or_usage
from textrnn.cli.labels_display import Answer, Form, json_lines, tsv_header, tsv_lines
from textrnn.cli.options import (
    NumberRange,
    SectionedCommand,
    debug_option,
    given,
    setting_options,
)
from textrnn.cli.results import Results
from textrnn.config import make
from textrnn.data.settings import ExampleSettings
from textrnn.errors import UsageError
from textrnn.training.settings import TrainingSettings

if TYPE_CHECKING:
    from textrnn.classifier.predictor import Classifier
    from textrnn.data.sources import TextSource

__all__ = ["classify"]

MACHINE = ("device", "threads", "precision")

_EXPLAINED_AT_ONCE = 16
"""Texts whose explanations are awaited before they are shown."""


class Item(NamedTuple):
    """A text to label.

    Attributes:
        name: The file's name where the whole file is the text.
        text: The text.
        kept: What stands beside it in the columns that are to be kept.
    """

    name: str | None
    text: str
    kept: tuple[str | None, ...] = ()


Show = Callable[[Sequence[Answer]], None]

FASTTEXT = "__label__"
"""What labels begin with in fastText's files."""


@click.command(cls=SectionedCommand)
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("files", nargs=-1, metavar="[FILE...]")
@click.option(
    "--whole-file", is_flag=True, help="Take each file, or each file below a folder, as one text."
)
@click.option(
    "--min-confidence",
    type=NumberRange(0, 1),
    default=0.0,
    metavar="P",
    help="Print the label unsure where the most probable one is less probable than P.",
)
@click.option("--proba", is_flag=True, help="Show the probability of every label.")
@click.option(
    "--top",
    type=click.IntRange(min=1),
    metavar="K",
    help="Show the K most probable labels, each with its probability.",
)
@click.option(
    "--keep-column",
    multiple=True,
    metavar="COLUMN",
    help="Pass on this column of a table, such as an id: its name, or its number from 1; may be given "
    "several times.",
)
@click.option("--explain", is_flag=True, help="Show which words moved the decision.")
@click.option("--json", "as_json", is_flag=True, help="Print an object of JSON for each text.")
@click.option("--header", is_flag=True, help="Print TSV with a first row that names its columns.")
@click.option(
    "-o", "--output", metavar="FILE", help="Write to FILE, which appears when the command ends."
)
@click.option("--force", is_flag=True, help="Replace the output file where it is there already.")
@click.option(
    "--batch-size",
    type=click.IntRange(min=1),
    default=512,
    show_default=True,
    help="Texts read at a time, at most; fewer take less memory. Changes no answer.",
)
@click.option(
    "--replace-invalid",
    is_flag=True,
    help="Read bytes that are not in the encoding, and NULs, as U+FFFD instead of stopping there.",
)
@click.option(
    "--precision",
    type=click.Choice(["float32", "bf16"]),
    help="Arithmetic; bf16 is faster on some devices and changes probabilities a little.  "
    "[default: float32]",
)
@click.option("-q", "--quiet", is_flag=True, help="Show warnings and errors only.")
@setting_options(
    ExampleSettings, only=("encoding", "text_column"), undecided="found by name or contents"
)
@setting_options(TrainingSettings, only=("device", "threads"), undecided="chosen for the machine")
@debug_option
def classify(model: Path, files: tuple[str, ...], **values: Any) -> None:
    r"""Label texts with a trained classifier.

    Each line of each FILE is a text; blank lines keep their place. In a table (.csv, .tsv, .json, .jsonl,
    .parquet, hf:NAME, or any file with --text-column) each row is one. With --whole-file each file is one,
    and its name stands where the text would. - is stdin, which is also read where no FILE is named; what
    comes through a pipe is answered line by line as it arrives, but for tables. Files may be compressed
    (gzip, xz, bzip2, zstd).

    A terminal shows a table. Elsewhere every text becomes a row of tab-separated values:

    \b
      label  probability  text  [COLUMN ...]  [p_LABEL ...]  [label_1  probability_1 ...]  [words]

    --keep-column adds a column of the table that the text is from, --proba one for each label, in the model's
    order, which --header shows; --top K adds the K most probable labels, each before its probability;
    --explain adds the words that moved the decision most, each after its effect. In a field a tab
    stands as \t, line ends as \n and \r, a backslash as \\. A blank text has an empty label and probability.

    --json prints label, probability, probabilities (with --top K instead top, a list of label and
    probability), text (or file), with --keep-column the object columns and, with --explain, explanation: the
    method, and for every word where it stands and its effect. A blank text has null for a label.

    --explain leaves out each word in turn, or runs of neighbours where a text has more than 128, and reads
    the label's probability again (occlusion): an effect of +0.3 says that it falls by 0.3 without the word.

    The model reads of a long text as many tokens as in training; of one longer than 64 characters for each
    of them, only the ends are looked at at all.

    \b
      textrnn classify reviews-clf new.txt
      tail -f app.log | textrnn classify log-clf --json --replace-invalid
      textrnn classify reviews-clf new.csv --text-column body --min-confidence 0.8 -o labels.tsv
      textrnn classify topics-clf new.csv --keep-column id --top 3 --header
    """
    settings = make(ExampleSettings, given(ExampleSettings, values, os.environ))
    _check(files, values)
    inputs = list(files) or [stdin_or_usage("nothing to classify")]
    require_stdin(inputs)
    report = (lambda message: None) if values["quiet"] else note
    errors = "replace" if values["replace_invalid"] else "strict"
    keep = values["keep_column"]
    parts = _parts(inputs, settings, keep, report, whole=values["whole_file"], errors=errors)
    # Not all of the settings of training: the batch size here is that of answering.
    machine = given(TrainingSettings, {name: values[name] for name in MACHINE}, os.environ)
    with Results(values["output"], force=values["force"]) as results:
        bundle = open_model(model, "classifier")
        from textrnn.classifier.predictor import Classifier

        classifier = Classifier(bundle, **machine, batch_size=values["batch_size"])
        show = _show(results, classifier, values)
        for part in parts:
            for texts in part():
                _answer(classifier, texts, show, values)


def _check(files: Sequence[str], values: Mapping[str, Any]) -> None:
    if values["whole_file"] and values["text_column"] is not None:
        raise UsageError("--whole-file and --text-column at once; a whole file has no columns")
    if values["whole_file"] and values["keep_column"]:
        raise UsageError("--whole-file and --keep-column at once; a whole file has no columns")
    if values["proba"] and values["top"]:
        raise UsageError(
            "--proba shows every label, --top the most probable; leave one of them out"
        )
    if values["header"] and values["as_json"]:
        raise UsageError(
            "--header and --json at once; objects of JSON name their fields themselves"
        )
    if list(files).count("-") > 1:
        raise UsageError("- is named twice; stdin can be read only once")


def _answer(
    classifier: Classifier, texts: Sequence[Item], show: Show, values: Mapping[str, Any]
) -> None:
    """Label texts and show the answers, those that take long some at a time."""
    at_once = _EXPLAINED_AT_ONCE if values["explain"] else max(1, len(texts))
    for low in range(0, len(texts), at_once):
        some = texts[low : low + at_once]
        found = classifier.classify([each.text for each in some], values["min_confidence"])
        why = (
            classifier.explain([p.text for p in found])
            if values["explain"]
            else [None] * len(found)
        )
        show(
            [
                Answer(prediction, each.name, explanation, each.kept)
                for prediction, each, explanation in zip(found, some, why, strict=True)
            ]
        )


def _show(results: Results, classifier: Classifier, values: Mapping[str, Any]) -> Show:
    """Return what shows answers in the form that was asked for."""
    form = Form(
        classifier.labels,
        values["proba"],
        values["top"] or 0,
        values["explain"],
        values["keep_column"],
    )
    if values["as_json"]:
        return lambda answers: results.write(json_lines(answers, form))
    if results.is_stdout and is_terminal(sys.stdout) and not values["header"]:
        from textrnn.cli.labels_table import LabelsTable

        return LabelsTable(form).print
    if values["header"]:
        results.write(tsv_header(form, whole=values["whole_file"]))
    return lambda answers: results.write(tsv_lines(answers, form))


def _parts(
    inputs: Sequence[str],
    settings: ExampleSettings,
    keep: Sequence[str],
    report: Callable[[str], None],
    *,
    whole: bool,
    errors: str,
) -> list[Callable[[], Iterator[Sequence[Item]]]]:
    """Return what reads each input, some texts at a time; that an input is there is known by then.

    Raises:
        UsageError, DataError: an input is missing, or is no table where columns are to be kept; the
            encoding is unknown.
    """
    from textrnn.data.reading import codec_name
    from textrnn.data.sources import expand_inputs, is_data_set
    from textrnn.data.tables.opening import is_table

    codec_name(settings.encoding)
    parts: list[Callable[[], Iterator[Sequence[Item]]]] = []
    for name in inputs:
        is_set = is_data_set(name) and not whole
        sources = [] if is_set else expand_inputs([name], report)
        if not whole and (settings.text_column is not None or is_table(name)):
            parts.append(partial(_rows, name, settings, keep, report))
        elif keep:
            raise UsageError(
                f"--keep-column: {name} is read line by line; name the column of its text with --text-column "
                "where it is a table"
            )
        else:
            parts.append(partial(_texts, sources, settings, report, whole=whole, errors=errors))
    return parts


def _texts(
    sources: Sequence[TextSource],
    settings: ExampleSettings,
    report: Callable[[str], None],
    *,
    whole: bool,
    errors: str,
) -> Iterator[Sequence[Item]]:
    """Yield lines, or whole files with their names."""
    from textrnn.data.stream import stream_lines, whole_texts

    if whole:
        for named in whole_texts(sources, settings.encoding, report, errors=errors):
            yield [Item(name, text) for name, text in named]
        return
    is_labelled: bool | None = None
    for lines in stream_lines(sources, settings.encoding, report, errors=errors):
        if is_labelled is None:
            is_labelled = lines[0].startswith(FASTTEXT)
            if is_labelled:
                report(f"lines begin with {FASTTEXT}…: such labels are left out of the texts")
        yield [Item(None, _unlabelled(line) if is_labelled else line) for line in lines]


def _unlabelled(line: str) -> str:
    """Return a fastText line without the labels that it begins with."""
    while line.startswith(FASTTEXT):
        _, _, line = line.partition(" ")
    return line


def _rows(
    name: str, settings: ExampleSettings, keep: Sequence[str], report: Callable[[str], None]
) -> Iterator[Sequence[Item]]:
    """Yield the texts of a table."""
    from textrnn.data.cache import default_cache_dir
    from textrnn.data.labelled import read_texts
    from textrnn.data.stream import in_chunks

    rows = read_texts([name], settings, cache=default_cache_dir(), keep=keep, report=report)
    given = ([Item(None, row.text, row.kept)] for row in rows)
    yield from in_chunks(given, lambda each: sum(map(len, filter(None, (each.text, *each.kept)))))
