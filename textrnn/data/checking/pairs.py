"""A check of pairs of texts: the survey, division and findings of training, and what they mean."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from textrnn.data.checking.bad_bytes import bad_bytes
from textrnn.data.checking.report import CheckReport, Faults, Remark, counted
from textrnn.data.checking.rows import RowTexts
from textrnn.data.checking.steps import find_slip
from textrnn.data.pair_findings import PairFindings
from textrnn.data.pair_grouping import group_pairs
from textrnn.data.pair_rows import (
    Paired,
    PairInputs,
    one_line,
    open_pair_sources,
    refuse_stdin_twice,
)
from textrnn.data.pair_survey import PairSurvey, survey_pairs
from textrnn.data.pairs import pair_parts
from textrnn.data.settings import PairSettings
from textrnn.data.sources import Report
from textrnn.data.tables.source import Source
from textrnn.data.tables.table import Row, skipping
from textrnn.errors import DataError

__all__ = ["LONGEST", "LONGEST_SPELT", "check_pairs"]

LONGEST, LONGEST_SPELT = 200, 500
"""Tokens of a side where nobody says, as the planner of translators has it; more of characters."""

_SIDES = ("source", "target")
_MANY = 0.05


def check_pairs(
    inputs: PairInputs,
    valid_inputs: PairInputs,
    settings: PairSettings,
    *,
    spelt: bool,
    max_length: int | None,
    seed: int,
    why: str,
    work: Path,
    cache: Path,
    report: Report,
) -> CheckReport:
    """Look through pairs as training would read and divide them.

    Args:
        inputs: As :func:`textrnn.data.pairs.prepare_pairs` takes them.
        valid_inputs: Likewise, for validation; may be none.
        settings: How to read and divide.
        spelt: Whether characters or bytes become tokens.
        max_length: Most tokens of a side, where it was given.
        seed: Which division.
        why: How it was told that this is the job.
        work: A folder for copies.
        cache: The cache folder.
        report: Told how far it has come.

    Raises:
        UsageError: as training.
        DataError: an input is missing, or is no table whose columns can be told.
    """
    given = {"train": inputs, **({"valid": valid_inputs} if valid_inputs else {})}
    refuse_stdin_twice([*given.values()])
    opened = {
        part: open_pair_sources(each, settings, work=work, cache=cache, report=report)
        for part, each in given.items()
    }
    sources, notes = pair_parts(opened, report)
    faults = Faults()
    remarks: list[Remark] = []
    watched: dict[str, _Watched] = {}
    surveys: dict[str, PairSurvey] = {}
    findings = None
    try:
        with skipping(lambda _: None):  # what is broken among the first rows is met again
            watched = {part: _Watched(each, settings, report) for part, each in sources.items()}
        with skipping(faults.add):
            surveys = {part: survey_pairs(each) for part, each in watched.items()}
        findings = group_pairs(surveys, settings, seed, notes).findings
    except DataError as error:
        remarks.append(_refused(error, sources, settings.encoding))
    remarks = [*faults.remarks(), *remarks]
    if not surveys:
        watched = {}  # not read to the end: nothing that is told of all pairs
    for part, each in watched.items():
        for side in each.sides:
            side.settle()
        remarks += _steps(part, each)
    if findings is not None:
        remarks += _findings(findings, surveys["train"])
    limit = max_length or (LONGEST_SPELT if spelt else LONGEST)
    if "train" in watched:
        remarks += _about_sides(watched["train"], limit, spelt=spelt)
    facts = _facts(watched, findings)
    return CheckReport("translator", why, facts, _figures(watched, findings), tuple(remarks))


class _Watched(Paired):
    """Tables whose pairs are looked at as they are read."""

    def __init__(self, sources: Sequence[Source], settings: PairSettings, report: Report) -> None:
        super().__init__(sources, settings, lambda _: None)
        self._report = report  # of progress alone: the columns are among the facts
        self.sides = (RowTexts(), RowTexts())
        self.lengths = (array("i"), array("i"))
        self.tables_of = array("i")
        self.lines_of = array("q")
        self.equal = 0
        self.equal_at = ""

    def rows(self, done: str) -> Iterator[tuple[int, Row]]:
        """Yield the rows."""
        for number, row in super().rows(done):
            src, tgt = map(one_line, row.values)
            place = self.tables[number].place(row.line)
            for side, lengths, text in zip(self.sides, self.lengths, (src, tgt), strict=True):
                side.add(text, place)
                lengths.append(len(text))
            self.tables_of.append(number)
            self.lines_of.append(row.line)
            if src == tgt and src:
                self.equal_at = self.equal_at or place
                self.equal += 1
            yield number, row


def _refused(error: DataError, sources: Mapping[str, Sequence[Source]], encoding: str) -> Remark:
    message = str(error)
    if "is not valid" in message:
        files = [file for each in sources.values() for source in each for file in source.files]
        for file in files:
            if file.name in message and (remark := bad_bytes(file, encoding)):
                return remark
    return Remark("refusal", "refused", message)


def _steps(part: str, watched: _Watched) -> Iterator[Remark]:
    """Yield where the sides of a table run out of step."""
    tables = np.array(watched.tables_of, np.int32)
    src, tgt = (np.array(lengths, np.int32) for lengths in watched.lengths)
    for number, table in enumerate(watched.tables):
        rows = np.flatnonzero(tables == number)
        slip = find_slip(src[rows], tgt[rows])
        if slip is None:
            continue
        first, last = rows[slip.first], rows[slip.first + slip.rows - 1]
        begin, end = (table.place(int(watched.lines_of[int(row)])) for row in (first, last))
        way = "later" if slip.offset > 0 else "earlier"
        count = f"{abs(slip.offset)} row{'s' * (abs(slip.offset) > 1)}"
        yield Remark(
            "warning",
            "out-of-step",
            f"{part}: from about {begin} to {end} ({slip.rows:,} rows) lengths fit clearly better with the "
            f"target {count} {way}: the sides seem to be out of step",
            "look there for a line that is missing or doubled on one side",
            (begin, end),
        )


def _findings(findings: PairFindings, train: PairSurvey) -> Iterator[Remark]:
    """Yield what the findings of training mean."""
    rows = max(1, len(train.src))
    empty = findings.empty + findings.valid_empty
    if empty:
        level = "warning" if findings.empty > _MANY * rows else "note"
        told = counted(empty, "pair has an empty side and is", "pairs have an empty side and are")
        yield Remark(level, "empty-sides", f"{told} left out")
    if findings.wild.count:
        yield Remark(
            "warning" if findings.wild.count > _MANY * rows else "note",
            "wild-lengths",
            f"{counted(findings.wild.count, 'pair', 'pairs')} with lengths in no usual ratio (more than "
            f"{findings.limit:.3g} times above or below it), left out of training",
            "look at the first; --length-ratio sets another limit",
            (findings.wild.first,),
        )
    if findings.duplicates.count:
        share = findings.duplicates.count / rows
        yield Remark(
            "warning" if share > 0.1 else "note",
            "duplicates",
            f"{counted(findings.duplicates.count, 'pair', 'pairs')} stood there before ({share:.1%} of all): "
            "such pairs count double",
            "keep one of each; training keeps them all",
            (findings.duplicates.first, findings.duplicates.other),
        )
    if findings.leaks.count and not findings.dropped:
        yield Remark(
            "warning",
            "validation-leaks",
            f"pairs for validation whose source stands in training too: {findings.leaks.count:,}, with the "
            f"same target {findings.same_leaks:,}; figures flatter",
            "--drop-leaks leaves such pairs out of training",
            (findings.leaks.first, findings.leaks.other),
        )
    several = _several(train)
    if several:
        yield Remark(
            "note",
            "several-targets",
            f"{counted(several, 'source has', 'sources have')} more than one target: a translator "
            "learns one of them",
            "nothing to do where both are right",
        )
    for note in findings.notes:
        yield Remark("note", "left-out", note)


def _several(train: PairSurvey) -> int:
    """Return how many sources have different targets."""
    whole = train.whole
    pairs = np.unique(np.stack([train.src[whole], train.tgt[whole]]), axis=1)
    _, counts = np.unique(pairs[0], return_counts=True)
    return int(np.count_nonzero(counts > 1))


def _about_sides(watched: _Watched, limit: int, *, spelt: bool) -> Iterator[Remark]:
    rows = max(1, len(watched.lines_of))
    if watched.equal:
        yield Remark(
            "warning" if watched.equal > 0.01 * rows else "note",
            "equal-sides",
            f"{counted(watched.equal, 'pair has', 'pairs have')} the same text on both sides "
            f"({watched.equal / rows:.1%} of all): a translator learns to copy",
            "take out what was not translated",
            (watched.equal_at,),
        )
    for name, side in zip(_SIDES, watched.sides, strict=True):
        tally, unit = (side.lengths, "characters") if spelt else (side.words, "words")
        longer = tally.longer_than(limit)
        if longer:
            yield Remark(
                "note",
                f"long-{name}s",
                f"{counted(longer, f'{name} has', f'{name}s have')} more than {limit} {unit}, so more tokens "
                "than are read: such pairs are left out of training",
                f"cut them into sentences, or --max-length {tally.percentile(0.999)} and more",
            )
        for remark in side.census.remarks(spelt=spelt):
            what = f"{name}s: {remark.what}"
            yield Remark(remark.level, remark.code, what, remark.advice, remark.places)


def _facts(watched: Mapping[str, _Watched], findings: PairFindings | None) -> dict[str, str]:
    facts = {}
    columns = [line for each in watched.values() for line in each.columns]
    if columns:
        facts["table"] = "; ".join(dict.fromkeys(columns))
    if "train" in watched:
        for name, side in zip(_SIDES, watched["train"].sides, strict=True):
            scripts = [f"{script} {share:.1%}" for script, share in side.census.scripts().items()]
            told = side.words.words("words")
            facts[f"{name}s"] = f"{told}; {', '.join(scripts[:2]) or 'no letters'}"
    if findings is not None:
        facts["parts"] = f"{findings.train:,} to train on, {findings.valid:,} to validate"
    return facts


def _figures(watched: Mapping[str, _Watched], findings: PairFindings | None) -> dict[str, Any]:
    sides = {}
    if "train" in watched:
        for name, side in zip(_SIDES, watched["train"].sides, strict=True):
            sides[name] = {
                **side.census.as_dict(),
                "text_lengths": side.lengths.as_dict(),
                "word_lengths": side.words.as_dict(),
            }
    return {**sides, "findings": None if findings is None else findings.as_dict()}
