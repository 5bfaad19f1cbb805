"""What was found in labelled examples that a person should know."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

__all__ = ["Findings", "Overlap", "PartFindings"]

_ESCAPES = str.maketrans({"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"})
_MOST_LABELS = 12
_MOST_NAMES = 8


@dataclass(frozen=True)
class PartFindings:
    """One part of a corpus.

    Attributes:
        examples: How many it has.
        labels: How many of them each label has; every label of the corpus is there.
        empty: Rows of its files left out because their text is empty; those of divided files count
            for training.
    """

    examples: int
    labels: dict[str, int]
    empty: int


@dataclass(frozen=True)
class Overlap:
    """Texts that stand in two places where they should not.

    Attributes:
        count: How many rows.
        first: The place of the first.
        other: Where the same text stands.
    """

    count: int = 0
    first: str = ""
    other: str = ""


@dataclass(frozen=True)
class Findings:
    """What a preparation found.

    Attributes:
        columns: Which columns of which files were taken, a line for all that are alike.
        train: The training part.
        valid: The validation part.
        test: The test part.
        duplicates: Rows to learn from, or to be divided, whose text stood there before with the same
            label; they are kept.
        contradictions: Likewise, with another label; they are kept.
        valid_leaks: Rows of validation files whose text stands in the training files.
        test_leaks: Rows of test files, likewise.
        dropped: Rows left out of training because their texts stand in validation or test.
        single: Labels with one text only, which is trained on.
        alike: Labels that differ in case alone.
        notes: What else was left out.
    """

    columns: tuple[str, ...]
    train: PartFindings
    valid: PartFindings
    test: PartFindings
    duplicates: Overlap = field(default_factory=Overlap)
    contradictions: Overlap = field(default_factory=Overlap)
    valid_leaks: Overlap = field(default_factory=Overlap)
    test_leaks: Overlap = field(default_factory=Overlap)
    dropped: int = 0
    single: tuple[str, ...] = ()
    alike: tuple[tuple[str, ...], ...] = ()
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return all of it as JSON can hold it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Findings:
        """Make findings again from what :meth:`as_dict` returned, also by way of JSON.

        Raises:
            KeyError, TypeError: it is something else.
        """
        values = dict(record)
        for part in ("train", "valid", "test"):
            values[part] = PartFindings(**values[part])
        for name in ("duplicates", "contradictions", "valid_leaks", "test_leaks"):
            values[name] = Overlap(**values[name])
        for name in ("columns", "single", "notes"):
            values[name] = tuple(values[name])
        values["alike"] = tuple(map(tuple, values["alike"]))
        return cls(**values)

    def lines(self) -> Iterator[str]:
        """Yield what a person should know, in sentences; the columns apart."""
        yield from self.notes
        for name, part in (
            ("training", self.train),
            ("validation", self.valid),
            ("test", self.test),
        ):
            if part.examples:
                yield f"{name}: {_examples(part.examples)} ({_counts(part.labels)})"
            if part.empty:
                yield f"{name}: left out {_count(part.empty)} with an empty text"
        if self.duplicates.count:
            yield f"training: {_rows(self.duplicates, 'repeat')} a text{_such(self.duplicates)}"
        if self.contradictions.count:
            yield (
                f"training: {_rows(self.contradictions, 'repeat')} a text with another label"
                f"{_such(self.contradictions)}"
            )
        yield from self._leaks()
        if self.single:
            yield (
                f"labels with a single text, which stays in training: {_names(self.single)}; give "
                "more such texts"
            )
        for names in self.alike[:_MOST_NAMES]:
            yield f"labels that differ in case alone count as different: {_names(names)}"

    def _leaks(self) -> Iterator[str]:
        leaks = (("validation", self.valid_leaks), ("test", self.test_leaks))
        for name, overlap in leaks:
            if overlap.count:
                yield (
                    f"{name}: {_rows(overlap, 'stand')} in the training files too{_such(overlap)}"
                )
        if self.dropped:
            yield f"training: left out {_count(self.dropped)} found in validation or test"
        elif any(overlap.count for _, overlap in leaks):
            yield "results on them flatter; --drop-leaks leaves such texts out of training"


def _examples(count: int) -> str:
    return "1 example" if count == 1 else f"{count:,} examples"


def _count(count: int) -> str:
    return "1 row" if count == 1 else f"{count:,} rows"


def _rows(overlap: Overlap, verb: str) -> str:
    return f"{_count(overlap.count)} {verb}{'s' * (overlap.count == 1)}"


def _such(overlap: Overlap) -> str:
    return f", such as {overlap.first} ({overlap.other})"


def _counts(labels: Mapping[str, int]) -> str:
    if len(labels) <= _MOST_LABELS:
        named = ((name.translate(_ESCAPES), count) for name, count in labels.items())
        return ", ".join(f"{name} {count:,}" for name, count in named)
    counts = sorted(labels.values())
    return f"{len(labels):,} labels, from {counts[0]:,} to {counts[-1]:,} each"


def _names(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - _MOST_NAMES:,} more" if len(names) > _MOST_NAMES else ""
    return ", ".join(map(repr, names[:_MOST_NAMES])) + more
