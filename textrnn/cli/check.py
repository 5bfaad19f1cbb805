"""``textrnn check``: what data are like, before a night of training on them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from textrnn.cli.console import is_terminal, note, write_json
from textrnn.cli.inputs import require_stdin, stdin_or_usage
from textrnn.cli.options import SectionedCommand, debug_option, given, setting_options
from textrnn.cli.styled import Line, write_lines
from textrnn.cli.wrapping import columns_of, wrapped
from textrnn.config import make
from textrnn.data.checking.report import CheckReport, Remark
from textrnn.data.settings import CorpusSettings, ExampleSettings, PairSettings
from textrnn.errors import TextrnnError, UsageError
from textrnn.tokenizers.settings import TokenizerSettings
from textrnn.training.settings import TrainingSettings

__all__ = ["check"]

JOBS = {"lm": "language model", "classifier": "classifier", "translator": "translator"}

OF_JOB = {
    "--test": ("classifier",),
    "--src": ("translator",),
    "--tgt": ("translator",),
    "--valid-src": ("translator",),
    "--valid-tgt": ("translator",),
    "--lines": ("lm",),
    "--newlines": ("lm",),
    "--seq-len": ("lm",),
    "--label-column": ("classifier",),
    "--test-fraction": ("classifier",),
    "--text-column": ("lm", "classifier"),
    "--src-column": ("translator",),
    "--tgt-column": ("translator",),
    "--length-ratio": ("translator",),
    "--max-length": ("classifier", "translator"),
    "--drop-leaks": ("classifier", "translator"),
}
"""Options that only some jobs heed; one that a single job heeds tells which job is meant."""

TOKENIZERS = {"lm": "char", "classifier": "word", "translator": "unigram"}
"""What texts are cut into where nobody says."""

_SIGNS = {
    "refusal": ("REFUSED", "bold red"),
    "warning": ("warning", "yellow"),
    "note": ("note", "dim"),
}
_MOST_PLACES = 10
_NO_TEST = (
    "--test is for classifiers alone: other models are measured on a test by textrnn evaluate, after "
    "training; what stands in both texts is found where that one is given as --valid"
)
_INDENT = 11
_FAILED = 1


@click.command(cls=SectionedCommand)
@click.argument("inputs", nargs=-1, metavar="[FILE]...")
@click.option(
    "--job", type=click.Choice(list(JOBS)), help="What is to be trained.  [default: found out]"
)
@click.option(
    "--valid", multiple=True, metavar="FILE", help="Data for validation, as for training."
)
@click.option(
    "--test", multiple=True, metavar="FILE", help="Data for a test, as for training a classifier."
)
@click.option("--src", multiple=True, metavar="FILE", help="Texts to translate from, a line each.")
@click.option("--tgt", multiple=True, metavar="FILE", help="What becomes of them, line by line.")
@click.option("--valid-src", multiple=True, metavar="FILE", help="As --src, for validation.")
@click.option("--valid-tgt", multiple=True, metavar="FILE", help="As --tgt, for validation.")
@click.option(
    "--tokenizer",
    type=click.Choice(["char", "byte", "word", "bpe", "unigram"]),
    help="What a text is to be cut into.  [default: that of the job]",
)
@click.option(
    "--max-length", type=click.IntRange(min=2), help="Most tokens of a text that are read."
)
@click.option("--seq-len", type=click.IntRange(min=1), help="Tokens in a window of training.")
@click.option("--json", "as_json", is_flag=True, help="Print an object of JSON.")
@click.option("-q", "--quiet", is_flag=True, help="Show warnings and errors only.")
@setting_options(CorpusSettings, only=("encoding", "newlines", "lines"))
@setting_options(
    ExampleSettings,
    only=("text_column", "label_column", "test_fraction"),
    undecided="found by name or contents",
    words={
        "text_column": "Column that holds the text, of tables for a language model or a classifier: its "
        "name, or its number from 1."
    },
)
@setting_options(
    PairSettings,
    only=("src_column", "tgt_column", "valid_fraction", "length_ratio", "drop_leaks"),
    default="as in training",
    words={
        "valid_fraction": "Share that is kept for validation: of a text its end (with --lines, lines), of "
        "labelled texts and of pairs some chosen by the seed. 0 keeps nothing.",
        "drop_leaks": "Leave out of training what stands in validation as well: labelled texts (those of "
        "the test too), and pairs by their source.",
    },
)
@setting_options(TrainingSettings, only=("seed",))
@debug_option
def check(inputs: tuple[str, ...], **values: Any) -> None:
    r"""Look through data before training on them: what is odd, what it means, what to do about it.

    FILE, --valid, --test, --src and --tgt are what the training command would be given; they are read,
    divided and judged by the same code. What is to be trained is found out: plain text makes a language
    model, a table with text and label a classifier, two columns of text or --src and --tgt a translator.

    Every remark says what was found, where, and which option or change of the data helps. Training stops at
    the first fault; here all are listed, each up to twenty places. The exit code is 0 where training would
    begin, 1 where it would refuse. --json always prints one object with trainable and verdict (begin or
    refuse); figures of what could not be read are null in it.

    \b
      textrnn check book.txt
      textrnn check reviews.csv --test test.csv
      textrnn check --src train.de --tgt train.en --valid-src val.de --valid-tgt val.en
      textrnn check corpus:imdb --json
    """
    if not inputs and not values["src"] and not values["tgt"]:
        inputs = (stdin_or_usage("nothing to check"),)
    require_stdin([*inputs, *values["src"], *values["tgt"]])
    try:
        report = _report(inputs, values)
    except TextrnnError as error:
        if values["as_json"]:
            # Nothing was opened, so that no figures are known, and mostly not even the job.
            remark = asdict(Remark("refusal", "refused", str(error)))
            head = {"job": values["job"], "why": None, "trainable": False, "verdict": "refuse"}
            write_json({**head, "remarks": [remark]})
        raise
    if values["as_json"]:
        write_json(report.as_dict())
    else:
        write_lines(list(_lines(report, quiet=values["quiet"])))
    if not report.trainable:
        raise click.exceptions.Exit(_FAILED)


def _report(inputs: Sequence[str], values: Mapping[str, Any]) -> CheckReport:
    from textrnn.data.cache import default_cache_dir, workspace

    tell = (lambda message: None) if values["quiet"] or values["as_json"] else note
    cache = default_cache_dir()
    with workspace(cache) as work:
        around: dict[str, Any] = {"work": work, "cache": cache, "report": tell}
        job, why = _job(inputs, values, work, cache)
        _refuse_strange(job, values)
        kind = values["tokenizer"] or TOKENIZERS[job]
        if job == "lm":
            from textrnn.data.checking.texts import check_texts

            return check_texts(
                inputs,
                values["valid"],
                _settings(CorpusSettings, values),
                spelt=kind == "char",
                seq_len=values["seq_len"],
                why=why,
                **around,
            )
        seed = given(TrainingSettings, values, os.environ).get("seed", 0)
        if job == "classifier":
            from textrnn.data.checking.examples import check_examples

            words = {"normalization": "nfkc_cf"} if kind in ("word", "bpe", "unigram") else {}
            bare = {"spaces": False} if kind == "word" else {}
            return check_examples(
                inputs,
                values["valid"],
                values["test"],
                _settings(ExampleSettings, values),
                make(TokenizerSettings, {"tokenizer": kind, **words, **bare}),
                max_length=values["max_length"],
                seed=seed,
                why=why,
                **around,
            )
        from textrnn.data.checking.pairs import check_pairs
        from textrnn.data.pair_rows import PairInputs

        return check_pairs(
            PairInputs(inputs, values["src"], values["tgt"]),
            PairInputs(
                values["valid"],
                values["valid_src"],
                values["valid_tgt"],
                ("--valid-src", "--valid-tgt"),
            ),
            _settings(PairSettings, values),
            spelt=kind in ("char", "byte"),
            max_length=values["max_length"],
            seed=seed,
            why=why,
            **around,
        )


def _settings(cls: type, values: Mapping[str, Any]) -> Any:
    """Return a job's settings of data: what was given, else what stands in the environment, else defaults."""
    return make(cls, given(cls, values, os.environ), "check")


def _job(
    inputs: Sequence[str], values: Mapping[str, Any], work: Path, cache: Path
) -> tuple[str, str]:
    """Return the job and how it is known."""
    if values["job"]:
        return values["job"], "as --job says"
    from textrnn.data.checking.guess import guess_job, is_plain_text

    examples, pairs = _settings(ExampleSettings, values), _settings(PairSettings, values)
    for option, jobs in OF_JOB.items():
        if len(jobs) == 1 and _is_given(values, option):
            if option == "--test" and is_plain_text(inputs):
                what = "looks like plain text, for a language model (else give --job)"
                raise UsageError(f"{inputs[0]} {what}; {_NO_TEST}")
            return jobs[0], f"as {option} says"
    guess = guess_job(inputs, examples, pairs, work=work, cache=cache)
    return guess.job, guess.why


def _refuse_strange(job: str, values: Mapping[str, Any]) -> None:
    """Refuse options that the job does not have."""
    for option, jobs in OF_JOB.items():
        if _is_given(values, option) and job not in jobs:
            if option == "--test":
                raise UsageError(f"these data are checked for a {JOBS[job]}; {_NO_TEST}")
            raise UsageError(
                f"{option} is for textrnn train {' and '.join(jobs)}; these data are checked for "
                f"{job}: choose with --job"
            )


def _is_given(values: Mapping[str, Any], option: str) -> bool:
    value = values[option[2:].replace("-", "_")]
    return value is not None and value is not False and value != ()


def _lines(report: CheckReport, *, quiet: bool) -> Iterator[Line]:
    """Yield the report line by line."""
    if not quiet:
        facts = {"job": f"{JOBS[report.job]} ({report.why})", **report.facts}
        for label, text in facts.items():
            yield from _entry(label, "bold", text)
    order = list(_SIGNS)
    for remark in sorted(report.remarks, key=lambda remark: order.index(remark.level)):
        if quiet and remark.level == "note":
            continue
        yield from _entry(*_SIGNS[remark.level], remark.what)
        yield from _places(remark)
        if remark.advice:
            yield from _entry("", "", f"-> {remark.advice}", "green")
    if not quiet:
        style = "bold green" if report.trainable else "bold red"
        said = f"textrnn train {report.job} would {report.verdict}"
        yield from _entry("verdict", "bold", said, style)


def _places(remark: Remark) -> Iterator[Line]:
    """Yield the places of a remark: whole messages a line each, others in one."""
    places = list(dict.fromkeys(remark.places))[:_MOST_PLACES]
    more = " … (--json has more)" if len({*remark.places}) > len(places) else ""
    if remark.code == "broken-rows":
        for place in places:
            yield from _entry("", "", place)
        places = []
    if places or more:
        yield from _entry("", "", f"at {', '.join(places)}{more}" if places else more, "dim")


def _entry(label: str, label_style: str, text: str, style: str = "") -> Iterator[Line]:
    """Yield a text with its label before it, on a terminal in lines that fit it."""
    lines = [text]
    if is_terminal(sys.stdout):
        lines = wrapped(text, max(20, columns_of(sys.stdout) - _INDENT - 1)).split("\n")
    for number, line in enumerate(lines):
        yield [(f"{'' if number else label:<{_INDENT}}", label_style), (line, style)]
