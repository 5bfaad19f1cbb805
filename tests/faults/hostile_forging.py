"""Forging model directories: what somebody writes who recomputes every digest.

The digests are computed here anew, not by the package, which would refuse to write what a forger may.
"""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__ = [
    "BUNDLES",
    "JOBS",
    "STATE",
    "TEXTS",
    "change_record",
    "digest_of",
    "lay_out",
    "read",
    "reseal",
    "write",
]

DATA = Path(__file__).resolve().parent.parent / "data" / "bundles"
BUNDLES = DATA / "format-1"
"""Models of every job, written by the first release."""
TEXTS = DATA / "texts"
"""What they were trained on."""
JOBS = ("language-model", "classifier", "translator")

STATE = Path("resume") / "state.json"


def lay_out(job: str, folder: Path) -> Path:
    """Copy the model of a job, its training data where they are now; return its directory."""
    path = folder / job
    shutil.copytree(BUNDLES / job, path)

    def relocate(record: dict[str, Any]) -> None:
        for name, value in record["data"].items():
            if name.endswith("inputs"):
                record["data"][name] = [str(TEXTS / Path(given).name) for given in value]
            if name.endswith("sources"):
                for source in value:
                    source["path"] = str(TEXTS / source["name"])

    change_record(path / "config.json", relocate)
    return path


def digest_of(record: dict[str, Any]) -> str:
    """Return the digest that a record has to have."""
    rest = {key: value for key, value in record.items() if key != "digest"}
    text = json.dumps(rest, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def read(path: Path) -> dict[str, Any]:
    """Return a record."""
    return dict(json.loads(path.read_text()))


def write(path: Path, record: dict[str, Any]) -> None:
    """Write a record with the digest that it has to have."""
    record["digest"] = digest_of(record)
    path.write_text(json.dumps(record))


def change_record(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change a record, and its digest with it."""
    record = read(path)
    change(record)
    write(path, record)


def reseal(model: Path, name: Path) -> None:
    """Make the digests say that a file of the model is as it should be; harmless for the records."""
    path = model / name
    if name.name in ("config.json", "state.json"):
        try:
            record = json.loads(path.read_bytes())
            if isinstance(record, dict):
                write(path, record)
        except (ValueError, RecursionError):
            pass  # Not even a forger can sign what is no JSON.
        return
    content = path.read_bytes()
    entry = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    owner = STATE if name.parent.name == "resume" else Path("config.json")
    change_record(model / owner, lambda record: record["files"].update({name.name: entry}))
    if name.name.startswith("weights-"):
        change_record(model / STATE, lambda record: record["weights"].update({name.name: entry}))
