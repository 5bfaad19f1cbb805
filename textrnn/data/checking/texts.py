"""A check of text for language models."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from textrnn.data.checking.report import CheckReport, Remark, counted
from textrnn.data.checking.scan import Scan
from textrnn.data.corpus import tell_overlap
from textrnn.data.settings import CorpusSettings
from textrnn.data.sources import Report
from textrnn.data.text_inputs import divided_parts, text_parts

__all__ = ["check_texts"]

_LITTLE = 100_000
_MUCH_REPEATED = 0.2


def check_texts(
    inputs: Sequence[str],
    valid_inputs: Sequence[str],
    settings: CorpusSettings,
    *,
    spelt: bool,
    seq_len: int | None,
    why: str,
    work: Path,
    cache: Path,
    report: Report,
) -> CheckReport:
    """Look through text as training would read and divide it.

    Args:
        inputs: As :func:`textrnn.data.text_inputs.text_parts` takes them.
        valid_inputs: Likewise, for validation.
        settings: How to read and divide.
        spelt: Whether characters become tokens.
        seq_len: Tokens of a window, where it was given.
        why: How it was told that this is the job.
        work: A folder for copies.
        cache: The cache folder.
        report: Told how far it has come.

    Raises:
        UsageError: as training.
        DataError: an input is missing.
    """
    notes: list[str] = []
    found = text_parts(inputs, settings, work=work, cache=cache, report=report)
    named = (
        text_parts(valid_inputs, settings, work=work, cache=cache, report=report)
        if valid_inputs
        else []
    )
    files, valid_files = divided_parts(found, named, notes.append)
    tell_overlap(files, valid_files, notes.append)
    scan = Scan(files, valid_files, settings, report)
    remarks = [*scan.run(), *(Remark("note", "left-out", note) for note in notes)]
    if not scan.unread:  # of a part of the lines, shares would say nothing
        remarks += _about_lines(scan, settings, seq_len)
    remarks += scan.census.remarks(spelt=spelt)
    return CheckReport("lm", why, scan.facts(), scan.figures(), tuple(remarks))


def _about_lines(scan: Scan, settings: CorpusSettings, seq_len: int | None) -> Iterator[Remark]:
    repeats = scan.sketch.result()
    about = "" if repeats.exact else "about "
    if repeats.leaks:
        share = repeats.leaks / max(1, repeats.validated)
        yield Remark(
            "warning" if share > 0.01 else "note",
            "leaks",
            f"{about}{counted(repeats.leaks, 'line of validation stands', 'lines of validation stand')} in "
            f"training too ({share:.1%} of its lines{_of_telling(scan)}): its figures flatter",
            _without_leaks(scan),
        )
    if repeats.lines and repeats.again > _MUCH_REPEATED * repeats.lines:
        yield Remark(
            "warning",
            "repeated-lines",
            f"{about}{counted(repeats.again, 'line', 'lines')} stood there before "
            f"({repeats.again / repeats.lines:.1%} of those{_of_telling(scan)}), one {repeats.most:,} times: "
            "a model learns them by heart",
            _without_repeats(scan),
            (scan.place(repeats.most_at),),
        )
    if scan.lines and scan.blank > 0.5 * scan.lines:
        yield Remark(
            "note",
            "blank-lines",
            f"{scan.blank:,} of {counted(scan.lines, 'line', 'lines')} are blank, and learnt as such",
            "cat -s FILE > MENDED leaves one of several",
        )
    if scan.short > 0.01 * max(1, scan.lengths.count):
        yield Remark(
            "note",
            "near-empty-lines",
            f"{counted(scan.short, 'line shows', 'lines show')} one or two characters, as page numbers and "
            "bullets do",
            "look whether they belong to the text: grep -nE '^ *.{1,2} *$' FILE | head",
        )
    total = sum(scan.characters)
    if 1 < total < _LITTLE:
        yield Remark(
            "note",
            "little-text",
            f"{total:,} characters are little: a model soon knows them by heart",
            "--dropout 0.5 and a small --hidden-size help; so does --init-from a model of like text",
        )
    if not settings.lines and _is_list(scan):
        yield Remark(
            "note",
            "list",
            "short lines, hardly one twice, none blank: this looks like a list of names or titles",
            "--lines takes each as a text of its own",
        )
    if settings.lines and seq_len is not None and (longer := scan.lengths.longer_than(seq_len)):
        yield Remark(
            "note",
            "long-lines",
            f"{counted(longer, 'line is', 'lines are')} longer than --seq-len {seq_len}: they go through "
            "several windows, and gradients stop between them",
            f"--seq-len {scan.lengths.percentile(0.99)} holds 99% whole (in characters)",
        )


def _of_telling(scan: Scan) -> str:
    return f" of {scan.telling} or more characters" if scan.telling > 1 else ""


def _without_repeats(scan: Scan) -> str:
    """Return how to leave out what comes again, but not the blank and short lines that make paragraphs."""
    kept = f"length($0) < {scan.telling} || " if scan.telling > 1 else ""
    return f"leave out repeated lines, for example with: awk '{kept}!seen[$0]++' FILE > MENDED"


def _without_leaks(scan: Scan) -> str:
    """Likewise, where validation has files of its own: what stands there goes out of training."""
    if not scan.valid_files:
        return _without_repeats(scan)
    kept = f"length($0) < {scan.telling} || " if scan.telling > 1 else ""
    return (
        "leave them out of training, for example with: "
        f"awk 'NR == FNR {{seen[$0]; next}} {kept}!($0 in seen)' VALID FILE > MENDED"
    )


def _is_list(scan: Scan) -> bool:
    """Tell a list from prose and verse: what is no longer than a line's start, and rarely blank."""
    some = scan.lengths.count >= 50
    short = scan.lengths.percentile(0.99) <= 40 and scan.lengths.mean < 25
    return some and short and scan.blank <= 0.01 * scan.lines
