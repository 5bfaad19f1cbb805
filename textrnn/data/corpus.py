"""From files to a corpus: token stores for training and validation, prepared once and found again.

A corpus lies in the cache under a key made of the digests of its files, the settings that matter
and the tokenizer's fingerprint. So moving a file, or touching it, costs one reading of its bytes,
and any change of content, settings or tokenizer makes another corpus.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from textrnn.data.cache import entry_folders, read_entry, workspace
from textrnn.data.intake import TextFile
from textrnn.data.prepared import (
    Preparation,
    Prepared,
    SourceRecord,
    digest_of,
    find_prepared,
    keep_prepared,
    source_records,
)
from textrnn.data.reading import codec_name
from textrnn.data.settings import CorpusSettings
from textrnn.data.sources import Report
from textrnn.data.store import TokenStore
from textrnn.data.text_inputs import divided_parts, part_to_read, text_parts
from textrnn.data.texts import Texts, names_of
from textrnn.data.writing import TRAIN, VALID, WHOLE, write_divided, write_whole
from textrnn.errors import UsageError
from textrnn.tokenizers import Tokenizer, TokenizerSettings, train_tokenizer

__all__ = [
    "Corpus",
    "CorpusSettings",
    "SourceRecord",
    "open_corpus",
    "prepare_corpus",
    "prepare_text",
    "tell_overlap",
]


@dataclass(frozen=True)
class Corpus:
    """Text prepared for training.

    Attributes:
        tokenizer: What made the ids.
        train: The part to learn from; never empty.
        valid: The part to validate on; empty only where ``valid_fraction`` is 0.
        digest: Hex digest of both stores, the tokenizer and the division into documents; where the
            files lie and what they are called is no part of it.
        sources: What the text was read from.
        valid_sources: What the validation text was read from, where it has files of its own.
    """

    tokenizer: Tokenizer
    train: TokenStore
    valid: TokenStore
    digest: str
    sources: tuple[SourceRecord, ...]
    valid_sources: tuple[SourceRecord, ...]


def prepare_corpus(
    inputs: Sequence[str],
    valid_inputs: Sequence[str],
    settings: CorpusSettings,
    tokenizer: TokenizerSettings | Tokenizer,
    *,
    cache: Path,
    report: Report = lambda _: None,
) -> Corpus:
    """Prepare text for training, or find it in the cache.

    Without ``settings.lines`` each file gives one document to each part, divided as
    :class:`textrnn.data.texts.Texts` says; with it, each line that is not empty is one. An alphabet
    is collected from the whole text, since it leaks nothing; other tokenizers learn from the
    training part.

    Args:
        inputs: Files, folders, pipes, ``-`` for stdin, corpora and data sets, as
            :func:`textrnn.data.text_inputs.text_parts` takes them.
        valid_inputs: The same for validation; where there are any, or a corpus has a part of its own for
            it, ``inputs`` are not divided.
        settings: How to read and divide.
        tokenizer: One that exists, or what to learn.
        cache: The cache folder.
        report: Told what a person should know, and every few seconds how far a long reading has
            come.

    Raises:
        UsageError: an unknown encoding, no input, stdin for both.
        DataError: an input cannot be read or used, a part would be empty, the cache cannot be
            written.
    """
    codec_name(settings.encoding)
    if "-" in inputs and "-" in valid_inputs:
        raise UsageError("stdin cannot be both training and validation text; give a file for one")
    with workspace(cache) as work:
        find = functools.partial(
            text_parts, settings=settings, work=work, cache=cache, report=report
        )
        found = find(inputs)
        files, valid_files = divided_parts(
            found, find(valid_inputs) if valid_inputs else [], report
        )
        tell_overlap(files, valid_files, report)
        job = _TextPreparation(cache, work, report, files, valid_files, settings, divided=True)
        prepared = job.prepare(tokenizer)
    return _corpus(prepared, source_records(files), source_records(valid_files))


def prepare_text(
    inputs: Sequence[str],
    settings: CorpusSettings,
    tokenizer: Tokenizer,
    *,
    cache: Path,
    report: Report = lambda _: None,
) -> TokenStore:
    """Prepare text as one undivided store, or find it in the cache.

    Args:
        inputs: As in :func:`prepare_corpus`; of a corpus that comes in parts, the test part is read, else
            that for validation.
        settings: How to read; ``valid_fraction`` is no matter.
        tokenizer: What makes the ids.
        cache: The cache folder.
        report: As in :func:`prepare_corpus`.

    Raises:
        UsageError: an unknown encoding, no input.
        DataError: an input cannot be read, there is no text in any, the cache cannot be written.
    """
    codec_name(settings.encoding)
    with workspace(cache) as work:
        found = text_parts(inputs, settings, work=work, cache=cache, report=report)
        files = part_to_read(found, ("test", "valid", "train"))
        job = _TextPreparation(cache, work, report, files, [], settings, divided=False)
        prepared = job.prepare(tokenizer)
    return prepared.stores[WHOLE]


def open_corpus(digest: str, cache: Path) -> Corpus | None:
    """Find a prepared corpus by its digest, as after text from a pipe; None where it is gone.

    The names and paths of its sources are those of when it was made.
    """
    for folder in entry_folders(cache):
        record = read_entry(folder)
        if record is None or record.get("digest") != digest:
            continue
        prepared = find_prepared(cache, folder.name)
        if prepared is not None:
            sources = tuple(SourceRecord(**source) for source in record["sources"])
            valid_sources = tuple(SourceRecord(**source) for source in record["valid_sources"])
            return _corpus(prepared, sources, valid_sources)
    return None


@dataclass(frozen=True)
class _TextPreparation(Preparation):
    """The preparation of running text: what is read, and how."""

    files: list[TextFile]
    valid_files: list[TextFile]
    settings: CorpusSettings
    divided: bool

    @property
    def content(self) -> dict[str, Any]:
        """Digests of the files and the settings that matter."""
        settings = self.settings
        return {
            "files": [file.sha256 for file in self.files],
            "valid_files": [file.sha256 for file in self.valid_files],
            "encoding": codec_name(settings.encoding),
            "newlines": "lf" if settings.lines else settings.newlines,
            "lines": settings.lines,
            "fraction": self._fraction,
            "divided": self.divided,
        }

    def names(self) -> str:
        """Return the name of the first file and how many more there are."""
        return names_of(self.files)

    def learn(self, wanted: TokenizerSettings, place: int) -> Tokenizer:  # noqa: ARG002
        """Learn from the training part; an alphabet from all."""
        texts, valid_texts = self._texts
        if wanted.tokenizer == "char":
            return train_tokenizer(
                lambda: chain(texts.alphabet_chunks(), valid_texts.alphabet_chunks()),
                wanted,
                report=self.report,
            )
        return train_tokenizer(texts.training_chunks, wanted, report=self.report)

    def make(self, tokenizers: Sequence[Tokenizer], key: str) -> Prepared:
        """Write the stores."""
        texts, valid_texts = self._texts
        (tokenizer,) = tokenizers
        folder = self.work / "entry"
        folder.mkdir()
        if self.divided:
            stores = write_divided(texts, valid_texts, tokenizer, folder, self.report)
        else:
            stores = write_whole(texts, tokenizer, folder, self.report)
        about = {
            "sources": [asdict(record) for record in source_records(self.files)],
            "valid_sources": [asdict(record) for record in source_records(self.valid_files)],
            "digest": digest_of([tokenizer.fingerprint, self.settings.lines, stores]),
        }
        return keep_prepared(self.cache, key, folder, tokenizers, stores, about)

    @property
    def _fraction(self) -> float:
        return self.settings.valid_fraction if self.divided and not self.valid_files else 0.0

    @functools.cached_property
    def _texts(self) -> tuple[Texts, Texts]:
        return (
            Texts(self.files, self.settings, self._fraction, self.report),
            Texts(self.valid_files, self.settings, 0.0, self.report),
        )


def tell_overlap(
    files: Sequence[TextFile], valid_files: Sequence[TextFile], report: Report
) -> None:
    """Say which files are both trained on and validated on."""
    trained = {file.sha256 for file in files}
    for file in valid_files:
        if file.sha256 in trained:
            report(f"{file.name}: trained on as well, so that validation cannot show over-fitting")


def _corpus(
    prepared: Prepared, sources: tuple[SourceRecord, ...], valid_sources: tuple[SourceRecord, ...]
) -> Corpus:
    return Corpus(
        tokenizer=prepared.tokenizer,
        train=prepared.stores[TRAIN],
        valid=prepared.stores[VALID],
        digest=str(prepared.record["digest"]),
        sources=sources,
        valid_sources=valid_sources,
    )
