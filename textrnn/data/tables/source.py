"""A table that has been found and not yet been opened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from textrnn.data.intake import TextFile
from textrnn.data.prepared import SourceRecord, digest_of, source_records
from textrnn.data.tables.table import Table

__all__ = ["PARTS", "Source"]

PARTS = {
    "train": ("train", "training"),
    "valid": ("valid", "validation", "dev", "val"),
    "test": ("test", "testing"),
}
"""Parts that data sets come in, and the words by which files, folders and splits say so."""


@dataclass(frozen=True)
class Source:
    """One table of an input.

    Attributes:
        name: What messages call it.
        part: ``train``, ``valid`` or ``test`` where a folder or data set comes in such parts; None
            where the user named this very table.
        files: What its bytes are.
        identity: What its rows depend on, apart from the bytes, as JSON can hold it.
        origin: The folder of several files; None where they lie in none.
        open: Looks into it; raises DataError where it is no table.
    """

    name: str
    part: str | None
    files: tuple[TextFile, ...]
    identity: list[str]
    origin: Path | None
    open: Callable[[], Table]

    def record(self) -> SourceRecord:
        """Return what to record of it: of many files their size and the digest of their digests."""
        if len(self.files) == 1:
            return source_records(self.files)[0]
        digest = digest_of([file.sha256 for file in self.files])
        path = None if self.origin is None else str(self.origin.absolute())
        return SourceRecord(self.name, path, sum(f.stamp.size for f in self.files), digest)
