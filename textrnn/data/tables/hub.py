"""Data sets of the Hugging Face hub, and folders that hold such: through ``datasets``."""

from __future__ import annotations

import contextlib
import functools
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from textrnn.data.intake import TextFile, take_in
from textrnn.data.sources import Report, TextSource
from textrnn.data.tables.parquet import class_names, value_texts
from textrnn.data.tables.source import PARTS, Source
from textrnn.data.tables.table import Progress, Row, Table
from textrnn.errors import DataError, UsageError

__all__ = ["HubTable", "is_saved_data_set", "open_hub", "open_saved"]

_ROWS = 1024
_MARKS = ("dataset_dict.json", "state.json")


class HubTable(Table):
    """One split of a data set; ``line`` is the number of the row.

    What is nested is columns with the names of both, such as ``translation.de``.

    Args:
        name: What messages call it.
        split: The ``datasets.Dataset``.
        files: The files it is kept in.
    """

    kind = "Hugging Face data set"

    def __init__(self, name: str, split: Any, files: Sequence[TextFile]) -> None:
        self._split = split.flatten()
        super().__init__(name, self._split.column_names, named=True, files=files)
        features = self._split.features.to_dict()
        self._classes = class_names(features)

    def rows(
        self,
        columns: Sequence[int],
        progress: Progress = lambda _, __, ___: None,
        *,
        lenient: bool = False,
    ) -> Iterator[Row]:
        """Yield the rows."""
        names = [self.columns[i] for i in columns]
        # As Arrow has it, nothing is decoded: a column of images would need more libraries.
        split = self._split.with_format("arrow")
        number = 0
        for begin in range(0, len(split), _ROWS):
            batch = self._batch(split, begin)
            lists = [
                value_texts(
                    batch.column(name).to_pylist(),
                    self._classes.get(name),
                    name,
                    self.name,
                    number,
                    lenient=lenient,
                )
                for name in names
            ]
            for values in zip(*lists, strict=True):
                number += 1
                yield Row(number, values)
            progress(self.name, number, len(split))

    def _batch(self, split: Any, begin: int) -> Any:
        import pyarrow

        try:
            return split[begin : begin + _ROWS]
        except (pyarrow.ArrowException, OSError) as error:
            raise DataError(f"{self.name}:{begin + 1}: cannot be read: {error}") from error


def is_saved_data_set(name: str) -> bool:
    """Tell whether a folder was made by ``save_to_disk``."""
    return name != "-" and any((Path(name) / mark).is_file() for mark in _MARKS)


def open_hub(name: str, *, cache: Path, work: Path, report: Report) -> list[Source]:
    """Find the splits of ``hf:NAME[:CONFIG[:SPLIT]]``, fetched where they are not there yet.

    Raises:
        UsageError: no name.
        DataError: there is no such data set, configuration or split, or it cannot be fetched.
    """
    dataset, config, wanted = [*name.removeprefix("hf:").split(":", 2), "", ""][:3]
    if not dataset:
        raise UsageError(
            f"{name}: no data set is named; write hf:NAME, such as hf:stanfordnlp/imdb"
        )
    if is_saved_data_set(dataset):
        return open_saved(dataset, config or wanted, cache=cache, work=work, report=report)
    import datasets

    reachable = Path(dataset).exists() or _reaches_hub()
    with _quiet(), contextlib.nullcontext() if reachable else _offline():
        try:
            loaded = datasets.load_dataset(dataset, config or None, split=wanted or None)
        except Exception as error:
            reason = " ".join(str(error).split())[:300] or type(error).__name__
            advice = "check the name, the network, or give a file"
            if not reachable:
                reason = (
                    f"no network, and it was not loaded here before ({_hub_host()} is not reached)"
                )
                advice = "load it once where there is one, or give a file"
            raise DataError(f"{name}: cannot be loaded: {reason}; {advice}") from error
    return _splits(name, loaded, cache=cache, work=work, report=report)


def open_saved(
    name: str, wanted: str = "", *, cache: Path, work: Path, report: Report
) -> list[Source]:
    """Find the splits of a folder that ``save_to_disk`` made.

    Raises:
        DataError: it is damaged, or has no such split.
    """
    import datasets

    with _quiet():
        try:
            loaded = datasets.load_from_disk(name)
        except Exception as error:
            reason = " ".join(str(error).split())[:300]
            raise DataError(f"{name}: not a data set that can be read: {reason}") from error
    if wanted:
        if not isinstance(loaded, dict) or wanted not in loaded:
            there = ", ".join(loaded) if isinstance(loaded, dict) else "none"
            raise DataError(f"{name}: no split {wanted!r}; its splits: {there}")
        loaded = loaded[wanted]
    return _splits(name, loaded, cache=cache, work=work, report=report)


def _splits(name: str, loaded: Any, *, cache: Path, work: Path, report: Report) -> list[Source]:
    if not isinstance(loaded, dict):
        return [_source(name, loaded, None, cache=cache, work=work)]
    known = {word: part for part, words in PARTS.items() for word in words}
    found = {split: known.get(split.lower()) for split in loaded}
    if len(found) == 1:
        found = dict.fromkeys(found)
    elif left := [split for split, part in found.items() if part is None]:
        if len(left) == len(found):
            raise DataError(
                f"{name}: which split is meant? It has {', '.join(found)}; write "
                f"hf:NAME:CONFIG:SPLIT, where CONFIG may be empty"
            )
        report(f"{name}: left out its splits {', '.join(left)}")
        found = {split: part for split, part in found.items() if part is not None}
    return [
        _source(f"{name}[{split}]", loaded[split], part, cache=cache, work=work)
        for split, part in found.items()
    ]


def _source(name: str, split: Any, part: str | None, *, cache: Path, work: Path) -> Source:
    paths = [Path(file["filename"]) for file in split.cache_files]
    if not paths:
        raise DataError(f"{name}: is kept in no file; save it and name the file")
    wanted = [TextSource(path, str(path)) for path in paths]
    files = take_in(wanted, "utf-8", work=work, cache=cache, report=lambda _: None)
    # Parts of the same files are told apart by what datasets calls their fingerprint.
    identity = ["data set", str(getattr(split, "_fingerprint", "")), str(len(split))]
    return Source(
        name,
        part,
        tuple(files),
        identity,
        paths[0].parent,
        functools.partial(HubTable, name, split, files),
    )


def _hub_host() -> str:
    from huggingface_hub import constants

    return urlsplit(str(constants.ENDPOINT)).hostname or "huggingface.co"


def _reaches_hub() -> bool:
    """Tell whether there is a network: without one the library would try again for half a minute."""
    from urllib.request import getproxies

    if getproxies():
        return True
    try:
        socket.getaddrinfo(_hub_host(), 443)
    except OSError:
        return False
    return True


@contextlib.contextmanager
def _offline() -> Iterator[None]:
    """Keep ``datasets`` to what it has loaded before."""
    import datasets
    from huggingface_hub import constants

    before = datasets.config.HF_HUB_OFFLINE, constants.HF_HUB_OFFLINE
    datasets.config.HF_HUB_OFFLINE = constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        datasets.config.HF_HUB_OFFLINE, constants.HF_HUB_OFFLINE = before


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep ``datasets`` from drawing bars on a terminal that is not its own."""
    import datasets

    hidden = datasets.are_progress_bars_disabled()
    datasets.disable_progress_bars()
    try:
        yield
    finally:
        if not hidden:
            datasets.enable_progress_bars()
