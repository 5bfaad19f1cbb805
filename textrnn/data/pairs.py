"""From line-parallel files and tables to a corpus of pairs: divided, tokenised once and found again.

A corpus lies in the cache under a key made of the digests of its files, the settings that matter,
the seed where it divides, and the tokenizers' fingerprints, like labelled examples (``examples``).
Files are read twice, or once more for each tokenizer that is to be learnt, and never held in
memory: of each pair some thirty bytes are kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from textrnn.data.cache import entry_folders, read_entry, workspace
from textrnn.data.labelled import part_of
from textrnn.data.pair_findings import PairFindings
from textrnn.data.pair_preparing import SIDES, TEXTS, PairPreparation, pair_records
from textrnn.data.pair_rows import (
    Pair,
    PairInputs,
    one_line,
    open_pair_sources,
    read_pairs,
    refuse_stdin_twice,
)
from textrnn.data.prepared import Prepared, SourceRecord, find_prepared
from textrnn.data.settings import PairSettings
from textrnn.data.sources import Report
from textrnn.data.store import TokenStore
from textrnn.data.tables.source import Source
from textrnn.tokenizers import ByteTokenizer, Tokenizer, TokenizerSettings

__all__ = [
    "Pair",
    "PairCorpus",
    "PairFindings",
    "PairSettings",
    "PairStore",
    "SourceRecord",
    "one_line",
    "open_pairs",
    "pair_parts",
    "prepare_pairs",
    "read_pairs",
]

_VALID_OPTIONS = ("--valid-src", "--valid-tgt")


@dataclass(frozen=True)
class PairStore:
    """The pairs of one part of a corpus.

    Attributes:
        src: Each source one document, ``<bos> … <eos>``, never cut.
        tgt: Each target likewise, under the same number.
    """

    src: TokenStore
    tgt: TokenStore

    def __len__(self) -> int:
        """How many pairs there are."""
        return len(self.src.starts)


@dataclass(frozen=True)
class PairCorpus:
    """Pairs prepared for training.

    Attributes:
        src_tokenizer: What made the ids of sources.
        tgt_tokenizer: What made those of targets; the same object where the vocabulary is joint.
        train: The pairs to learn from; never empty.
        valid: Those to validate on; may be empty.
        valid_texts: The latter once more as bytes of UTF-8, for scores that need the text.
        digest: Hex digest of all stores and the tokenizers; where the files lie and what they are
            called is no part of it.
        sources: What the pairs were read from; of line-parallel files, each.
        valid_sources: What those for validation were read from, where they have files of their own.
        findings: What a person should know about them.
    """

    src_tokenizer: Tokenizer
    tgt_tokenizer: Tokenizer
    train: PairStore
    valid: PairStore
    valid_texts: PairStore
    digest: str
    sources: tuple[SourceRecord, ...]
    valid_sources: tuple[SourceRecord, ...]
    findings: PairFindings

    def valid_pairs(self) -> Iterator[tuple[str, str]]:
        """Yield source and target of each pair of ``valid``, in its order, as :func:`one_line` has them."""
        for number in range(len(self.valid)):
            yield self.valid_pair(number)

    def valid_pair(self, number: int) -> tuple[str, str]:
        """Return source and target of one pair for validation.

        Args:
            number: Its number in ``valid``, from 0.
        """
        sides = (self.valid_texts.src, self.valid_texts.tgt)
        src, tgt = (_text(side, number) for side in sides)
        return src, tgt


def prepare_pairs(
    inputs: Sequence[str],
    src_inputs: Sequence[str],
    tgt_inputs: Sequence[str],
    valid_inputs: Sequence[str],
    valid_src: Sequence[str],
    valid_tgt: Sequence[str],
    settings: PairSettings,
    src_tokenizer: TokenizerSettings | Tokenizer,
    tgt_tokenizer: TokenizerSettings | Tokenizer,
    *,
    joint: bool,
    seed: int,
    cache: Path,
    report: Report = lambda _: None,
) -> PairCorpus:
    """Prepare pairs of texts for training, or find them in the cache.

    Unless validation has files of its own, those named or those of a folder or data set that comes in
    parts, ``valid_fraction`` of the pairs is taken for it by seed, pairs of equal sources together.
    Texts pass through :func:`one_line`. Pairs with an empty side are left out and counted, as are, in
    what is trained on or divided, those whose lengths stand in no usual ratio. Tokenizers learn from
    the training part alone, but for an alphabet, which is that of both parts.

    Args:
        inputs: Tables with two columns, folders, data sets, pipes, ``-`` for stdin, as
            :func:`textrnn.data.tables.opening.open_sources` takes them.
        src_inputs: Files of texts, a line each.
        tgt_inputs: As many files, line by line what becomes of them.
        valid_inputs: Tables for validation; where there are any files for it, no other is divided.
        valid_src: Files for validation, a line each.
        valid_tgt: As many files, line by line what becomes of them.
        settings: How to read and divide.
        src_tokenizer: One that exists, or what to learn.
        tgt_tokenizer: The same for targets; no matter where ``joint``.
        joint: Whether one tokenizer, ``src_tokenizer``, serves both sides and is learnt from both.
        seed: Which division.
        cache: The cache folder.
        report: Told what a person should know, and every few seconds how far a long reading has
            come.

    Raises:
        UsageError: an unknown encoding, no input, stdin twice, not as many sources as targets.
        DataError: an input cannot be read or used, two files differ in length, a part would be
            empty, the cache cannot be written.
    """
    given = {"train": PairInputs(inputs, src_inputs, tgt_inputs)}
    if validation := PairInputs(valid_inputs, valid_src, valid_tgt, _VALID_OPTIONS):
        given["valid"] = validation
    refuse_stdin_twice([*given.values()])
    with workspace(cache) as work:
        opened = {
            part: open_pair_sources(each, settings, work=work, cache=cache, report=report)
            for part, each in given.items()
        }
        sources, notes = pair_parts(opened, report)
        job = PairPreparation(cache, work, report, sources, settings, seed, joint, notes)
        prepared = job.prepare(*([src_tokenizer] if joint else [src_tokenizer, tgt_tokenizer]))
        corpus = _corpus(prepared, {part: pair_records(each) for part, each in sources.items()})
    if not job.surveyed:
        for line in corpus.findings.columns:
            report(line)
    for line in corpus.findings.lines():
        report(line)
    return corpus


def open_pairs(digest: str, cache: Path) -> PairCorpus | None:
    """Find prepared pairs by their digest; None where they are gone.

    The names and paths of their sources are those of when they were made.
    """
    for folder in entry_folders(cache):
        record = read_entry(folder)
        if record is None or record.get("digest") != digest or "pairs" not in record:
            continue
        prepared = find_prepared(cache, folder.name)
        if prepared is not None:
            names = {"train": "sources", "valid": "valid_sources"}
            return _corpus(
                prepared,
                {
                    part: tuple(SourceRecord(**s) for s in record[name])
                    for part, name in names.items()
                },
            )
    return None


def pair_parts(
    opened: dict[str, list[Source]], report: Report
) -> tuple[dict[str, list[Source]], tuple[str, ...]]:
    """Return the tables of each part, and what was left out.

    Args:
        opened: What was named for ``train``, and where anything was for ``valid``.
        report: Told which of several parts was taken.
    """
    train = opened["train"]
    parts = {"train": [source for source in train if source.part in (None, "train")]}
    own = [source for source in train if source.part == "valid"]
    notes = [f"{s.name}: left out, a part for tests" for s in train if s.part == "test"]
    if "valid" in opened:
        parts["valid"] = part_of(opened["valid"], ("valid", "test", "train"), report)
        notes += [f"{s.name}: left out, since other files were given for it" for s in own]
    elif own:
        parts["valid"] = own
    return parts, tuple(notes)


def _corpus(prepared: Prepared, sources: dict[str, tuple[SourceRecord, ...]]) -> PairCorpus:
    train, valid, texts = (
        PairStore(*(prepared.stores[f"{part}.{side}"] for side in SIDES))
        for part in ("train", "valid", TEXTS)
    )
    return PairCorpus(
        src_tokenizer=prepared.tokenizers[0],
        tgt_tokenizer=prepared.tokenizers[-1],
        train=train,
        valid=valid,
        valid_texts=texts,
        digest=str(prepared.record["digest"]),
        sources=sources["train"],
        valid_sources=sources.get("valid", ()),
        findings=PairFindings.from_dict(prepared.record["pairs"]),
    )


def _text(store: TokenStore, number: int) -> str:
    start = int(store.starts[number])
    length = int(store.lengths(np.array([number]))[0])
    return ByteTokenizer().decode(store.ids[start : start + length])
