"""A check of labelled texts: the survey, division and findings of training, and what they mean."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from textrnn.data.checking.bad_bytes import bad_bytes
from textrnn.data.checking.lengths import LengthTally
from textrnn.data.checking.report import CheckReport, Faults, Remark, counted
from textrnn.data.checking.rows import RowTexts
from textrnn.data.cleaning import clean
from textrnn.data.columns import header_names
from textrnn.data.division import PART_NAMES
from textrnn.data.examples import example_parts
from textrnn.data.findings import Findings
from textrnn.data.grouping import group
from textrnn.data.labelled import Labelled
from textrnn.data.preparing import fractions_taken, survey_parts
from textrnn.data.settings import ExampleSettings
from textrnn.data.sources import Report
from textrnn.data.survey import Survey
from textrnn.data.tables.opening import open_sources
from textrnn.data.tables.source import Source
from textrnn.data.tables.table import Row, skipping
from textrnn.errors import DataError
from textrnn.tokenizers import TokenizerSettings, train_tokenizer

__all__ = ["LONGEST", "check_examples"]

LONGEST = 1000
"""Tokens of a text that are read where nobody says, as the planner of classifiers has it."""

_MOST_PLACES = 20
_UNEQUAL = 5
"""How many times as frequent one label may be as another before a figure of each counts for more."""
_FEW = 10


def check_examples(
    inputs: Sequence[str],
    valid_inputs: Sequence[str],
    test_inputs: Sequence[str],
    settings: ExampleSettings,
    tokenizer: TokenizerSettings,
    *,
    max_length: int | None,
    seed: int,
    why: str,
    work: Path,
    cache: Path,
    report: Report,
) -> CheckReport:
    """Look through labelled texts as training would read and divide them.

    Args:
        inputs: As :func:`textrnn.data.examples.prepare_examples` takes them.
        valid_inputs: Likewise, for validation.
        test_inputs: Likewise, for the test.
        settings: How to read and divide.
        tokenizer: What texts are cut into, by which lengths are told.
        max_length: Tokens of a text that are read, where it was given.
        seed: Which division.
        why: How it was told that this is the job.
        work: A folder for copies.
        cache: The cache folder.
        report: Told how far it has come.

    Raises:
        UsageError: as training.
        DataError: an input is missing, or is no table whose columns can be told.
    """
    texts, faults = RowTexts(), Faults()
    remarks: list[Remark] = []
    surveys: dict[str, Survey] = {}
    findings = None
    names = header_names(settings)
    given = {
        part: open_sources(each, settings.encoding, names, work=work, cache=cache, report=report)
        for part, each in zip(PART_NAMES, (inputs, valid_inputs, test_inputs), strict=True)
        if each or part == "train"
    }
    sources, named = example_parts(given, report)
    try:
        with skipping(lambda _: None):  # what is broken among the first rows is met again
            opened = {
                part: _Watched(each, settings, report, texts) for part, each in sources.items()
            }
        with skipping(faults.add):
            surveys, known, notes = survey_parts(opened, named)
        texts.settle()
        remarks += _unlabelled(surveys)
        fractions = fractions_taken(settings, sources)
        drop = settings.drop_leaks
        grouped = group(surveys, known, fractions, seed, drop_leaks=drop, notes=notes)
        findings = grouped.findings
    except DataError as error:
        remarks.append(_refused(error, sources, settings.encoding))
    if not surveys:
        texts = RowTexts()  # not read to the end: nothing that is told of all texts
    tokens = _token_lengths(texts.sample, tokenizer)
    remarks = [*faults.remarks(), *remarks]
    if findings is not None:
        remarks += _findings(findings, surveys)
    remarks += _lengths(texts, tokens, max_length)
    remarks += texts.census.remarks(spelt=tokenizer.tokenizer == "char")
    columns = [line for each in surveys.values() for line in each.labelled.columns]
    facts = _facts(columns, texts, tokens, findings)
    figures = _figures(texts, tokens, findings, is_read=bool(surveys))
    return CheckReport("classifier", why, facts, figures, tuple(remarks))


class _Watched(Labelled):
    """Tables whose texts are looked at as they are read."""

    def __init__(
        self,
        sources: Sequence[Source],
        settings: ExampleSettings,
        report: Report,
        texts: RowTexts,
    ) -> None:
        super().__init__(sources, settings, lambda _: None)
        self._report = report  # of progress alone: the columns are among the facts
        self._texts = texts

    def rows(self, done: str) -> Iterator[tuple[int, Row]]:
        """Yield the rows."""
        for number, row in super().rows(done):
            place = self.tables[number].place(row.line)
            self._texts.add(clean(row.values[0] or ""), place)
            yield number, row


def _refused(error: DataError, sources: Mapping[str, Sequence[Source]], encoding: str) -> Remark:
    """Return the remark about what training refuses; of bytes that cannot be read, about all of them."""
    message = str(error)
    for each in sources.values():
        for source in each:
            for file in source.files:
                undecoded = file.name in message and "is not valid" in message
                if undecoded and (remark := bad_bytes(file, encoding)):
                    return remark
    return Remark("refusal", "refused", message)


def _unlabelled(surveys: Mapping[str, Survey]) -> Iterator[Remark]:
    for part, found in surveys.items():
        rows = found.unlabelled
        if len(rows):
            count = "1 row has" if len(rows) == 1 else f"{len(rows):,} rows have"
            yield Remark(
                "refusal",
                "no-label",
                f"{part}: {count} no label; training stops there",
                "add what is missing, take such rows away, or choose another --label-column",
                tuple(found.place(int(row)) for row in rows[:_MOST_PLACES]),
            )


def _findings(findings: Findings, surveys: Mapping[str, Survey]) -> Iterator[Remark]:
    """Yield what the findings of training mean."""
    train = findings.train
    rows = max(1, len(surveys["train"].labels))
    if findings.duplicates.count:
        share = findings.duplicates.count / rows
        yield Remark(
            "warning" if share > 0.1 else "note",
            "duplicates",
            f"{counted(findings.duplicates.count, 'row repeats', 'rows repeat')} a text with the same label "
            f"({share:.1%} of all): such texts count double",
            "keep one of each; training keeps them all, and equal texts in one part",
            (findings.duplicates.first, findings.duplicates.other),
        )
    if findings.contradictions.count:
        yield Remark(
            "warning",
            "contradictions",
            f"{counted(findings.contradictions.count, 'row repeats', 'rows repeat')} a text with another "
            "label: nothing can be right about both",
            "mend the labels; until then --label-smoothing above 0 hurts least",
            (findings.contradictions.first, findings.contradictions.other),
        )
    for part, leak in (("validation", findings.valid_leaks), ("test", findings.test_leaks)):
        if leak.count and not findings.dropped:
            yield Remark(
                "warning",
                f"{part}-leaks",
                f"{counted(leak.count, f'row of {part} stands', f'rows of {part} stand')} in the training "
                "files too: its figures flatter",
                "--drop-leaks leaves such texts out of training",
                (leak.first, leak.other),
            )
    empty = train.empty + findings.valid.empty + findings.test.empty
    if empty:
        rows_are = counted(empty, "row has an empty text and is", "rows have an empty text and are")
        yield Remark("note", "empty-texts", f"{rows_are} left out")
    yield from _balance(findings)
    for alike in findings.alike:
        names = ", ".join(map(repr, alike))
        what = f"labels that differ in case alone count as different: {names}"
        yield Remark("warning", "labels-alike", what, "write them alike")
    if findings.single:
        names = ", ".join(map(repr, findings.single[:8]))
        what = f"labels with a single text, never validated: {names}"
        yield Remark("warning", "single-texts", what, "give more such texts, or join labels")
    for note in findings.notes:
        yield Remark("note", "left-out", note)


def _balance(findings: Findings) -> Iterator[Remark]:
    counts = {label: count for label, count in findings.train.labels.items() if count}
    if len(counts) < 2:
        return
    most, least = max(counts, key=counts.__getitem__), min(counts, key=counts.__getitem__)
    share = counts[most] / sum(counts.values())
    if counts[most] > _UNEQUAL * counts[least]:
        yield Remark(
            "warning",
            "unequal-labels",
            f"{most!r} has {counts[most]:,} texts, {least!r} {counts[least]:,}: always answering {most!r} is "
            f"right {share:.1%} of the time",
            "--class-weights balanced weighs labels alike, --select macro_f1 keeps what is good at all",
        )
    few = [label for label, count in counts.items() if 1 < count < _FEW]
    if few:
        named = ", ".join(map(repr, few[:8])) + (
            f" and {len(few) - 8} more" if len(few) > 8 else ""
        )
        what = f"labels with less than {_FEW} texts to train on: {named}"
        yield Remark("warning", "few-texts", what, "give more such texts, or join labels")


def _lengths(texts: RowTexts, tokens: LengthTally, max_length: int | None) -> Iterator[Remark]:
    limit = max_length or LONGEST
    longer = tokens.longer_than(limit)
    if longer:
        yield Remark(
            "note",
            "long-texts",
            f"{longer / tokens.count:.1%} of the texts are longer than {limit} tokens; the middle of them is "
            "not read",
            f"--max-length {tokens.percentile(0.99)} reads 99% whole, and costs time; --keep head or tail "
            "chooses what stays",
        )
    if texts.short > 0.01 * max(1, texts.lengths.count):
        what = f"{counted(texts.short, 'text has', 'texts have')} one or two characters"
        yield Remark("note", "short-texts", what, "look whether the text stands in another column")


def _token_lengths(sample: Sequence[str], settings: TokenizerSettings) -> LengthTally:
    """Return the lengths of a sample in tokens, those at both ends included."""
    tally = LengthTally()
    if not sample:
        return tally
    try:
        tokenizer = train_tokenizer(lambda: iter(["\n".join([*sample, ""])]), settings)
    except DataError:
        return tally  # too little for so many pieces; training learns from more
    lengths = (len(tokenizer.encode(text)) + 2 for text in sample)
    tally.add(np.fromiter(lengths, np.int64, len(sample)))
    return tally


def _facts(
    columns: Sequence[str], texts: RowTexts, tokens: LengthTally, findings: Findings | None
) -> dict[str, str]:
    facts = {"table": "; ".join(dict.fromkeys(columns))} if columns else {}
    if columns:
        facts["texts"] = f"{texts.lengths.count:,}; {texts.lengths.words('characters')}"
    if tokens.count:
        sampled = "" if tokens.count == texts.lengths.count else f" ({tokens.count:,} looked at)"
        facts["tokens"] = tokens.words("tokens") + sampled
    if findings is not None:
        said = (("train", findings.train), ("validate", findings.valid), ("test", findings.test))
        facts["parts"] = ", ".join(f"{p.examples:,} to {name}" for name, p in said if p.examples)
        labels = findings.train.labels
        total = max(1, sum(labels.values()))
        ranked = sorted(labels.items(), key=lambda item: -item[1])
        more = f" and {len(ranked) - 8:,} more" if len(ranked) > 8 else ""
        facts["labels"] = (
            ", ".join(f"{name}: {count / total:.1%}" for name, count in ranked[:8]) + more
        )
    return facts


def _figures(
    texts: RowTexts, tokens: LengthTally, findings: Findings | None, *, is_read: bool
) -> dict[str, Any]:
    figures = {
        **texts.census.as_dict(),
        "text_lengths": texts.lengths.as_dict(),
        "token_lengths": tokens.as_dict(),
    }
    return {
        **(figures if is_read else dict.fromkeys(figures)),
        "findings": None if findings is None else findings.as_dict(),
    }
