"""The preparation of pairs: survey, division, tokenizers, stores."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from textrnn.data.division import OUT, PART_NAMES
from textrnn.data.pair_grouping import GroupedPairs, group_pairs
from textrnn.data.pair_rows import Paired, one_line
from textrnn.data.pair_survey import PairSurvey, survey_pairs
from textrnn.data.prepared import (
    Preparation,
    Prepared,
    SourceRecord,
    digest_of,
    keep_prepared,
    source_records,
)
from textrnn.data.reading import codec_name
from textrnn.data.settings import PairSettings
from textrnn.data.store import StoreWriter
from textrnn.data.tables.parallel import is_parallel
from textrnn.data.tables.source import Source
from textrnn.errors import DataError
from textrnn.tokenizers import ByteTokenizer, Tokenizer, TokenizerSettings, train_tokenizer

__all__ = ["PAIR_PARTS", "SIDES", "TEXTS", "PairPreparation", "pair_records"]

SIDES = ("src", "tgt")
PAIR_PARTS = PART_NAMES[:2]
TEXTS = "valid-text"
"""Called so the pairs for validation lie beside the others once more, as bytes: BLEU needs the text."""

_FORMAT = 1
"""Of what the rows of a table become; part of every key."""
_CHARACTERS = 1 << 20
_LEAST_PIECES, _MOST_PIECES = 512, 32_000


@dataclass(frozen=True)
class PairPreparation(Preparation):
    """The preparation of pairs, with one tokenizer for both sides or one for each.

    Attributes:
        sources: The tables of each part that has any.
        settings: How to read and divide.
        seed: Which division.
        joint: Whether one tokenizer is learnt from both sides.
        notes: What was left out.
    """

    sources: dict[str, list[Source]]
    settings: PairSettings
    seed: int
    joint: bool
    notes: tuple[str, ...]

    @property
    def content(self) -> dict[str, Any]:
        """Digests of the files, what tells how they are read, and how they are divided."""
        settings = self.settings
        fraction = 0.0 if "valid" in self.sources else settings.valid_fraction
        return {
            "pairs": _FORMAT,
            "tables": {
                part: [
                    [*source.identity, *(file.sha256 for file in source.files)]
                    for source in sources
                ]
                for part, sources in self.sources.items()
            },
            "encoding": codec_name(settings.encoding),
            "columns": [settings.src_column, settings.tgt_column],
            "fraction": fraction,
            "seed": self.seed if fraction else None,
            "length_ratio": settings.length_ratio,
            "drop_leaks": settings.drop_leaks,
        }

    def names(self) -> str:
        """Return the name of the first table and how many more there are."""
        tables = self.sources["train"]
        return tables[0].name + (f" and {len(tables) - 1:,} more" if len(tables) > 1 else "")

    @property
    def surveyed(self) -> bool:
        """Whether the tables have been read."""
        return "_surveys" in self.__dict__

    def learn(self, wanted: TokenizerSettings, place: int) -> Tokenizer:
        """Learn from one side of the training part, or from both; an alphabet from all parts."""
        sides = SIDES if self.joint else SIDES[place : place + 1]
        parts = PAIR_PARTS if wanted.tokenizer == "char" else PAIR_PARTS[:1]

        def chunks() -> Iterator[str]:
            for batch in self._batches(parts, "read"):
                for side in sides:
                    yield "\n".join([*batch.texts[side], ""])

        if wanted.vocab_size is None and wanted.tokenizer in ("bpe", "unigram"):
            counts = dict(zip(SIDES, self._surveys["train"].characters, strict=True))
            size = _vocab_size(sum(counts[side] for side in sides))
            # Fewer are as good: nobody asked for so many.
            return train_tokenizer(chunks, dataclasses.replace(wanted, vocab_size=size))
        return train_tokenizer(chunks, wanted, report=self.report)

    def make(self, tokenizers: Sequence[Tokenizer], key: str) -> Prepared:
        """Write the stores of both sides of each part."""
        folder = self.work / "entry"
        folder.mkdir()
        by_side = dict(zip(SIDES, (tokenizers[0], tokenizers[-1]), strict=True))
        with contextlib.ExitStack() as stack:
            writers = {
                name: stack.enter_context(StoreWriter(folder, name, tokenizer))
                for part in (*PAIR_PARTS, TEXTS)
                for side in SIDES
                for name, tokenizer in [
                    (f"{part}.{side}", ByteTokenizer() if part == TEXTS else by_side[side])
                ]
            }
            for batch in self._batches(PAIR_PARTS, "prepared"):
                for side in SIDES:
                    writers[f"{batch.part}.{side}"].add_lines(batch.texts[side])
                    if batch.part == "valid":
                        writers[f"{TEXTS}.{side}"].add_lines(batch.texts[side])
            stores = {name: writer.finish() for name, writer in writers.items()}
        fingerprints = [tokenizer.fingerprint for tokenizer in tokenizers]
        about = {
            "sources": [asdict(record) for record in pair_records(self.sources["train"])],
            "valid_sources": [
                asdict(record) for record in pair_records(self.sources.get("valid", []))
            ],
            "pairs": self.grouped.findings.as_dict(),
            "digest": digest_of(["pairs", fingerprints, stores]),
        }
        return keep_prepared(self.cache, key, folder, tokenizers, stores, about)

    @functools.cached_property
    def _surveys(self) -> dict[str, PairSurvey]:
        # Every table is looked into before one is read: what is wrong with the last shows at once.
        opened = {
            part: Paired(sources, self.settings, self.report)
            for part, sources in self.sources.items()
        }
        return {part: survey_pairs(paired) for part, paired in opened.items()}

    @functools.cached_property
    def grouped(self) -> GroupedPairs:
        """What the tables hold, divided."""
        return group_pairs(self._surveys, self.settings, self.seed, self.notes)

    def _batches(self, parts: Sequence[str], done: str) -> Iterator[_Batch]:
        """Yield pairs of some parts as they are to be encoded, some at a time."""
        wanted = {PART_NAMES.index(part) for part in parts}
        for files, found in self._surveys.items():
            part_of = self.grouped.parts[files].tolist()
            if wanted.isdisjoint(part_of):
                continue
            batches = [_Batch(part) for part in PAIR_PARTS]
            number = -1
            for number, (_, row) in enumerate(found.paired.rows(done)):
                part = part_of[number] if number < len(part_of) else OUT
                if part not in wanted:
                    continue
                batches[part].add(row.values)
                if batches[part].size >= _CHARACTERS:
                    yield batches[part]
                    batches[part] = _Batch(PAIR_PARTS[part])
            if number + 1 != len(part_of):
                name = found.paired.tables[0].name
                raise DataError(f"{name}: changed while it was being read; use a copy")
            yield from (batch for batch in batches if batch.size)


class _Batch:
    """Some pairs of one part."""

    def __init__(self, part: str) -> None:
        self.part = part
        self.texts: dict[str, list[str]] = {side: [] for side in SIDES}
        self.size = 0

    def add(self, values: Sequence[str | None]) -> None:
        for side, value in zip(SIDES, values, strict=True):
            text = one_line(value)
            self.texts[side].append(text)
            self.size += len(text)


def _vocab_size(characters: int) -> int:
    """Grow with the square root of the text: about 6,000 ids for the two million characters of Multi30k.

    Fewer pieces make sentences long for a decoder that attends to each; more are seen too seldom.
    """
    size = 64 * round(4.2 * math.sqrt(characters) / 64)
    return min(_MOST_PIECES, max(_LEAST_PIECES, size))


def pair_records(sources: Sequence[Source]) -> tuple[SourceRecord, ...]:
    """Return what to record of tables; of two files line by line, each."""
    records: list[SourceRecord] = []
    for source in sources:
        if is_parallel(source):
            records.extend(source_records(source.files))
        else:
            records.append(source.record())
    return tuple(records)
