"""The preparation of labelled examples: survey, division, tokenizer, stores."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from textrnn.data.cleaning import clean
from textrnn.data.division import OUT, PART_NAMES
from textrnn.data.grouping import Grouped, group
from textrnn.data.labelled import Labelled
from textrnn.data.prepared import (
    Preparation,
    Prepared,
    SourceRecord,
    digest_of,
    keep_prepared,
)
from textrnn.data.reading import codec_name
from textrnn.data.settings import ExampleSettings
from textrnn.data.store import ArrayWriter, Numbers, StoreWriter
from textrnn.data.survey import Survey, survey
from textrnn.data.tables.source import Source
from textrnn.errors import DataError
from textrnn.tokenizers import Tokenizer, TokenizerSettings, train_tokenizer

__all__ = [
    "SOURCES",
    "ExamplePreparation",
    "fractions_taken",
    "source_records",
    "survey_parts",
]

SOURCES = dict(zip(PART_NAMES, ("sources", "valid_sources", "test_sources"), strict=True))
"""Under which name the cache records what each part was read from."""

_FORMAT = 1
"""Of what the rows of a table become; part of every key."""

_CHARACTERS = 1 << 20


@dataclass(frozen=True)
class ExamplePreparation(Preparation):
    """The preparation of labelled texts.

    Attributes:
        sources: The tables of each part that has any.
        named: The parts whose tables the user named; others came with the training tables.
        settings: How to read and divide.
        seed: Which division.
    """

    sources: dict[str, list[Source]]
    named: frozenset[str]
    settings: ExampleSettings
    seed: int

    @property
    def content(self) -> dict[str, Any]:
        """Digests of the files, what tells how they are read, and how they are divided."""
        settings = self.settings
        return {
            "examples": _FORMAT,
            "tables": {
                part: [
                    [*source.identity, *(file.sha256 for file in source.files)]
                    for source in sources
                ]
                for part, sources in self.sources.items()
            },
            "named": sorted(self.named),
            "encoding": codec_name(settings.encoding),
            "columns": [settings.text_column, settings.label_column],
            "fractions": self._fractions,
            "seed": self.seed if any(self._fractions) else None,
            "drop_leaks": settings.drop_leaks,
        }

    def names(self) -> str:
        """Return the name of the first table and how many more there are."""
        tables = self.sources["train"]
        return tables[0].name + (f" and {len(tables) - 1:,} more" if len(tables) > 1 else "")

    @property
    def surveyed(self) -> bool:
        """Whether the tables have been read."""
        return "grouped" in self.__dict__

    def learn(self, wanted: TokenizerSettings, place: int) -> Tokenizer:  # noqa: ARG002
        """Learn from the training part; an alphabet from all."""
        parts = PART_NAMES if wanted.tokenizer == "char" else ("train",)

        def chunks() -> Iterator[str]:
            for batch in self._batches(parts, "read"):
                yield "\n".join([*batch.texts, ""])

        return train_tokenizer(chunks, wanted, report=self.report)

    def make(self, tokenizers: Sequence[Tokenizer], key: str) -> Prepared:
        """Write the stores and the labels beside them."""
        (tokenizer,) = tokenizers
        folder = self.work / "entry"
        folder.mkdir()
        with contextlib.ExitStack() as stack:
            writers = {
                part: (
                    stack.enter_context(StoreWriter(folder, part, tokenizer)),
                    stack.enter_context(ArrayWriter(folder, _labels(part))),
                )
                for part in PART_NAMES
            }
            for batch in self._batches(PART_NAMES, "prepared"):
                store, labels = writers[batch.part]
                store.add_lines(batch.texts)
                labels.add(batch.labels)
            stores = {part: store.finish() for part, (store, _) in writers.items()}
            arrays = {_labels(part): labels.finish() for part, (_, labels) in writers.items()}
        names = self.grouped.names
        about = {
            **{SOURCES[part]: [] for part in PART_NAMES},
            **{
                SOURCES[part]: [asdict(record) for record in source_records(sources)]
                for part, sources in self.sources.items()
            },
            "labels": names,
            "findings": self.grouped.findings.as_dict(),
            "digest": digest_of([tokenizer.fingerprint, names, stores, arrays]),
        }
        return keep_prepared(self.cache, key, folder, tokenizers, stores, about, arrays)

    @property
    def _fractions(self) -> tuple[float, float]:
        return fractions_taken(self.settings, self.sources)

    @functools.cached_property
    def _surveys(self) -> tuple[dict[str, Survey], dict[str, int], list[str]]:
        # Every table is looked into before one is read: what is wrong with the last shows at once.
        opened = {
            part: Labelled(sources, self.settings, self.report)
            for part, sources in self.sources.items()
        }
        surveys, known, notes = survey_parts(opened, self.named)
        for found in surveys.values():
            found.require_labels()
        return surveys, known, notes

    @functools.cached_property
    def grouped(self) -> Grouped:
        """What the tables hold, divided."""
        surveys, known, notes = self._surveys
        return group(
            surveys,
            known,
            self._fractions,
            self.seed,
            drop_leaks=self.settings.drop_leaks,
            notes=notes,
        )

    def _batches(self, parts: Sequence[str], done: str) -> Iterator[_Batch]:
        """Yield clean texts of some parts with the numbers of their labels, some at a time."""
        wanted = {PART_NAMES.index(part) for part in parts}
        for files, found in self._surveys[0].items():
            part_of = self.grouped.parts[files].tolist()
            if wanted.isdisjoint(part_of):
                continue
            labels = self.grouped.labels[files]
            batches = [_Batch(part, labels) for part in PART_NAMES]
            number = -1
            for number, (_, row) in enumerate(found.labelled.rows(done)):
                part = part_of[number] if number < len(part_of) else OUT
                if part not in wanted:
                    continue
                batch = batches[part]
                batch.add(number, clean(row.values[0] or ""))
                if batch.size >= _CHARACTERS:
                    yield batch
                    batches[part] = _Batch(batch.part, labels)
            if number + 1 != len(part_of):
                name = found.labelled.tables[0].name
                raise DataError(f"{name}: changed while it was being read; use a copy")
            yield from (batch for batch in batches if batch.texts)


def survey_parts(
    opened: Mapping[str, Labelled], named: Collection[str]
) -> tuple[dict[str, Survey], dict[str, int], list[str]]:
    """Read the tables of each part once.

    Args:
        opened: The tables by part.
        named: The parts whose tables the user named; others that have no label at all are left out.

    Returns:
        What was read by part, the numbers of the labels, and what was left out, for a person.

    Raises:
        DataError: as :func:`textrnn.data.survey.survey`.
    """
    known: dict[str, int] = {}
    surveys: dict[str, Survey] = {}
    notes = []
    for part, labelled in opened.items():
        found = survey(labelled, known)
        if part not in named and len(found.labels) and not found.is_labelled:
            notes.append(f"{labelled.tables[0].name}: left out, its rows have no label")
            continue
        surveys[part] = found
    return surveys, known, notes


def fractions_taken(settings: ExampleSettings, parts: Collection[str]) -> tuple[float, float]:
    """Return the shares of validation and test that are taken from what is trained on.

    Args:
        settings: Both shares.
        parts: Those that have tables of their own, from which nothing is taken.
    """
    valid = 0.0 if "valid" in parts else settings.valid_fraction
    test = 0.0 if "test" in parts else settings.test_fraction
    return valid, test


class _Batch:
    """Some texts of one part."""

    def __init__(self, part: str, labels: Numbers) -> None:
        self.part = part
        self.texts: list[str] = []
        self.size = 0
        self._labels = labels
        self._rows: list[int] = []

    def add(self, row: int, text: str) -> None:
        self.texts.append(text)
        self._rows.append(row)
        self.size += len(text)

    @property
    def labels(self) -> Numbers:
        """The number of each text's label, int32."""
        return self._labels[self._rows]


def _labels(part: str) -> str:
    return f"{part}.labels"


def source_records(sources: Sequence[Source]) -> tuple[SourceRecord, ...]:
    """Return what to record of tables."""
    return tuple(source.record() for source in sources)
