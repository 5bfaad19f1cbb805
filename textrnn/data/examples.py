"""From labelled tables to a corpus of examples: divided, tokenised once and found again.

A corpus lies in the cache under a key made of the digests of its files, the settings that matter,
the seed where it divides, and the tokenizer's fingerprint, like running text (``corpus``). Tables
are read twice, three times where a tokenizer is to be learnt, and never held in memory: of each row
some twenty bytes are kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from textrnn.data.cache import entry_folders, read_entry, workspace
from textrnn.data.cleaning import clean
from textrnn.data.columns import header_names
from textrnn.data.division import PART_NAMES
from textrnn.data.findings import Findings, PartFindings
from textrnn.data.labelled import Example, TextRow, part_of, read_examples, read_texts
from textrnn.data.prepared import Prepared, SourceRecord, find_prepared
from textrnn.data.preparing import SOURCES, ExamplePreparation, source_records
from textrnn.data.settings import ExampleSettings
from textrnn.data.sources import Report
from textrnn.data.store import Numbers, TokenStore
from textrnn.data.tables.opening import open_sources
from textrnn.data.tables.source import Source
from textrnn.errors import UsageError
from textrnn.tokenizers import Tokenizer, TokenizerSettings

__all__ = [
    "Example",
    "ExampleCorpus",
    "ExampleSettings",
    "ExampleStore",
    "Findings",
    "PartFindings",
    "SourceRecord",
    "TextRow",
    "clean",
    "example_parts",
    "open_examples",
    "prepare_examples",
    "read_examples",
    "read_texts",
]


@dataclass(frozen=True)
class ExampleStore:
    """The examples of one part of a corpus.

    Attributes:
        tokens: Each text one document, ``<bos> … <eos>``, never cut.
        labels: The number of each text's label, shape (examples,), int32, memory-mapped, read-only.
    """

    tokens: TokenStore
    labels: Numbers


@dataclass(frozen=True)
class ExampleCorpus:
    """Labelled texts prepared for training.

    Attributes:
        tokenizer: What made the ids.
        labels: The labels, sorted, numbers by value before others; a label's place is its number.
        train: The examples to learn from; never empty, every label at least once.
        valid: Those to validate on; may be empty.
        test: Those for a final test; may be empty.
        digest: Hex digest of all stores, labels and the tokenizer; where the files lie and what they
            are called is no part of it.
        sources: What the examples were read from.
        valid_sources: What those for validation were read from, where they have files of their own.
        test_sources: Likewise for the test.
        findings: What a person should know about them.
    """

    tokenizer: Tokenizer
    labels: tuple[str, ...]
    train: ExampleStore
    valid: ExampleStore
    test: ExampleStore
    digest: str
    sources: tuple[SourceRecord, ...]
    valid_sources: tuple[SourceRecord, ...]
    test_sources: tuple[SourceRecord, ...]
    findings: Findings


def prepare_examples(
    inputs: Sequence[str],
    valid_inputs: Sequence[str],
    test_inputs: Sequence[str],
    settings: ExampleSettings,
    tokenizer: TokenizerSettings | Tokenizer,
    *,
    seed: int,
    cache: Path,
    report: Report = lambda _: None,
) -> ExampleCorpus:
    """Prepare labelled texts for training, or find them in the cache.

    Inputs are divided by label and seed as :func:`textrnn.data.division.divide` says, but for the
    parts that have files of their own: those named, or those of a folder or data set that comes in
    parts (``train``, ``validation``, ``test``). Tokenizers learn from the training part alone, but
    for an alphabet, which is that of all parts. Texts pass through
    :func:`textrnn.data.cleaning.clean`; empty ones are left out and counted.

    Args:
        inputs: Tables, folders, data sets, pipes, ``-`` for stdin, as
            :func:`textrnn.data.tables.opening.open_sources` takes them.
        valid_inputs: The same for validation; where there are any, no input is used for it.
        test_inputs: The same for the test.
        settings: How to read and divide.
        tokenizer: One that exists, or what to learn.
        seed: Which division.
        cache: The cache folder.
        report: Told what a person should know, the same at every preparation, and every few seconds
            how far a long reading has come.

    Raises:
        UsageError: an unknown encoding, no input, stdin more than once.
        DataError: an input cannot be read or used: the message names file and row.
    """
    if [*inputs, *valid_inputs, *test_inputs].count("-") > 1:
        raise UsageError("stdin can be read only once; give a file for the other part")
    with workspace(cache) as work:
        given = {
            part: open_sources(
                names,
                settings.encoding,
                header_names(settings),
                work=work,
                cache=cache,
                report=report,
            )
            for part, names in zip(PART_NAMES, (inputs, valid_inputs, test_inputs), strict=True)
            if names or part == "train"
        }
        sources, named = example_parts(given, report)
        job = ExamplePreparation(cache, work, report, sources, named, settings, seed)
        prepared = job.prepare(tokenizer)
        corpus = _corpus(prepared, {part: source_records(each) for part, each in sources.items()})
    if not job.surveyed:
        for line in corpus.findings.columns:
            report(line)
    for line in corpus.findings.lines():
        report(line)
    return corpus


def open_examples(digest: str, cache: Path) -> ExampleCorpus | None:
    """Find prepared examples by their digest; None where they are gone.

    The names and paths of their sources are those of when they were made.
    """
    for folder in entry_folders(cache):
        record = read_entry(folder)
        if record is None or record.get("digest") != digest or "findings" not in record:
            continue
        prepared = find_prepared(cache, folder.name)
        if prepared is not None:
            sources = {
                part: tuple(SourceRecord(**source) for source in record[SOURCES[part]])
                for part in PART_NAMES
            }
            return _corpus(prepared, sources)
    return None


def example_parts(
    given: dict[str, list[Source]], report: Report
) -> tuple[dict[str, list[Source]], frozenset[str]]:
    """Return the tables of each part, and the parts that the user named.

    Args:
        given: What each option names: ``train``, ``valid``, ``test``.
        report: Told what is left out.
    """
    liked = {"valid": ("valid", "test", "train"), "test": ("test", "valid", "train")}
    parts = {
        part: part_of(each, liked[part], report) for part, each in given.items() if part in liked
    }
    named = frozenset({"train", *parts})
    train = given["train"]
    for part in ("valid", "test"):
        own = [source for source in train if source.part == part]
        if own and part not in named:
            parts[part] = own
        elif own:
            report(f"{own[0].name}: left out, since other files were given for it")
    trained = [source for source in train if source.part in (None, "train")]
    return {"train": trained, **parts}, named


def _corpus(prepared: Prepared, sources: dict[str, tuple[SourceRecord, ...]]) -> ExampleCorpus:
    train, valid, test = (
        ExampleStore(prepared.stores[part], prepared.arrays[f"{part}.labels"])
        for part in PART_NAMES
    )
    return ExampleCorpus(
        tokenizer=prepared.tokenizer,
        labels=tuple(prepared.record["labels"]),
        train=train,
        valid=valid,
        test=test,
        digest=str(prepared.record["digest"]),
        sources=sources["train"],
        valid_sources=sources.get("valid", ()),
        test_sources=sources.get("test", ()),
        findings=Findings.from_dict(prepared.record["findings"]),
    )
