"""Public corpora that are known by name: what each is good for, its licence, and where it comes from.

The table itself is ``catalogue.toml`` beside this file.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from textrnn.config import nearest
from textrnn.errors import UsageError

if sys.version_info >= (3, 11):
    import tomllib
else:  # pragma: no cover
    import tomli as tomllib

__all__ = ["PREFIX", "Entry", "HubSet", "WebFile", "catalogue", "entry_named", "is_corpus"]

PREFIX = "corpus:"
"""What names of the catalogue begin with where a file could stand."""

PLACE = Path(__file__).with_name("catalogue.toml")
"""The table."""


@dataclass(frozen=True)
class WebFile:
    """A file of the web.

    Attributes:
        part: The part that it is: ``train``, ``valid`` or ``test``.
        url: Where it lies.
        bytes: Its size.
        sha256: Hex digest of its bytes; None where it is not known.
        column: What its lines are, where several files stand side by side: ``de``.
        member: The file meant, where this is a zip archive.
        member_bytes: Its size.
        cuts: Bytes at which it is cut into train, valid and test, where it comes in one piece.
    """

    part: str
    url: str
    bytes: int
    sha256: str | None = None
    column: str | None = None
    member: str | None = None
    member_bytes: int | None = None
    cuts: tuple[int, ...] = ()


@dataclass(frozen=True)
class HubSet:
    """A data set of the Hugging Face hub.

    Attributes:
        name: Its name there, or a folder with one.
        splits: Its split for each part.
        columns: Its column for each of ours: ``text``, ``label``, languages.
        config: Its configuration; empty where there is one only.
    """

    name: str
    splits: Mapping[str, str]
    columns: Mapping[str, str]
    config: str = ""


@dataclass(frozen=True)
class Entry:
    """One corpus.

    Attributes:
        name: Behind ``corpus:``.
        job: ``lm``, ``classifier`` or ``translator``, as ``textrnn train`` calls them.
        about: What it is, in a line.
        use: What it is good for.
        licence: As its publishers state it; ``unknown`` where they do not.
        home: The page about it.
        unit: What ``counts`` counts.
        counts: How many there are of each part, where that is known.
        download_bytes: What is fetched; None where that is not known.
        options: Options of ``textrnn train`` that suit it.
        files: Where it comes from; either this or ``hub``.
        hub: Likewise.
    """

    name: str
    job: str
    about: str
    use: str
    licence: str
    home: str
    unit: str
    counts: Mapping[str, int] = field(default_factory=dict)
    download_bytes: int | None = None
    options: str = ""
    files: tuple[WebFile, ...] = ()
    hub: HubSet | None = None

    @property
    def recipe(self) -> dict[str, Any]:
        """All that its files depend on, as JSON can hold it."""
        known = dataclasses.asdict(self)
        return {name: known[name] for name in ("name", "job", "files", "hub")}


def catalogue() -> dict[str, Entry]:
    """Return every corpus by its name, in the order of the table: by job."""
    with PLACE.open("rb") as file:
        return {name: _entry(name, record) for name, record in tomllib.load(file).items()}


def is_corpus(name: str) -> bool:
    """Tell whether an input means a corpus of the catalogue: ``corpus:imdb``."""
    return name.startswith(PREFIX)


def entry_named(name: str) -> Entry:
    """Return a corpus by its name, with or without ``corpus:`` before it.

    Raises:
        UsageError: there is none of that name; the message names the nearest one.
    """
    known = catalogue()
    plain = name.removeprefix(PREFIX)
    if plain not in known:
        hint = nearest(plain, list(known))
        raise UsageError(
            f"{name}: no corpus is called {plain!r}{hint}; textrnn corpus list names all there are"
        )
    return known[plain]


def _entry(name: str, record: Mapping[str, Any]) -> Entry:
    values = dict(record)
    files = [
        WebFile(**{**file, "cuts": tuple(file.get("cuts", ()))}) for file in values.pop("files", ())
    ]
    hub = values.pop("hub", None)
    return Entry(name, files=tuple(files), hub=HubSet(**hub) if hub else None, **values)
