"""The JSON file that every tokenizer saves: its kind, its format's version and its contents."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from textrnn.errors import ModelError
from textrnn.files import parse_json

__all__ = ["RECORD", "damaged", "read_record", "write_record"]

RECORD = "tokenizer.json"
FORMAT = 1


def write_record(kind: str, contents: Mapping[str, Any]) -> bytes:
    """Return the bytes of ``tokenizer.json``, in ASCII, which no editor or transfer changes."""
    record = {"format": FORMAT, "kind": kind, **contents}
    return (json.dumps(record, ensure_ascii=True, separators=(",", ":")) + "\n").encode("ascii")


def damaged(name: str, problem: str) -> ModelError:
    """Return the error for a tokenizer's file that cannot be what was saved."""
    return ModelError(f"{name}: {problem}; the tokenizer is damaged: copy or train its model again")


def read_record(kind: str, files: Mapping[str, bytes]) -> dict[str, Any]:
    """Return the contents that :func:`write_record` was given.

    Raises:
        ModelError: the file is missing, damaged, of another kind or of a newer format.
    """
    if RECORD not in files:
        raise damaged(RECORD, "missing")
    try:
        record = parse_json(files[RECORD])
    except ValueError as error:
        raise damaged(RECORD, f"not JSON ({error})") from None
    if not isinstance(record, dict):
        raise damaged(RECORD, "not a JSON object")
    version = record.pop("format", None)
    if isinstance(version, int) and version > FORMAT:
        raise ModelError(
            f"{RECORD}: format {version} is newer than this program reads ({FORMAT}); "
            f"upgrade textrnn"
        )
    found = record.pop("kind", None)
    if version != FORMAT or found != kind:
        raise damaged(RECORD, f"format {version!r}, kind {found!r}; expected {FORMAT}, {kind!r}")
    return record
