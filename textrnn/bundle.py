"""A model directory: written so that a kill at any moment leaves it whole, read without running code.

::

    book-lm/
      config.json                     names all other files with their digests; replaced last
      tokenizer.json | …              the tokenizer
      weights-00001200.safetensors    the best weights so far
      log.jsonl                       the events of training
      resume/state.json               what only a resumed run needs; names its own files likewise
      resume/last-00001200.safetensors

Files are named by step or kind and never rewritten, but for the two small JSON files, which are written
beside, flushed and renamed. Files that neither of them names are leftovers and swept at the next save.

How the files themselves are written and verified is the affair of ``textrnn.records``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from textrnn.errors import ModelError
from textrnn.records import peek_files, read_content, read_record, read_tensors
from textrnn.tokenizers import Tokenizer, load_tokenizer

__all__ = [
    "CONFIG",
    "LOG",
    "RESUME",
    "STATE",
    "Bundle",
    "open_bundle",
    "peek_bundle",
    "tokenizer_part",
]

CONFIG, LOG, RESUME, STATE = "config.json", "log.jsonl", "resume", "state.json"
_MOST_TOKENIZER = 256 << 20
_TRIES = 20


@dataclass(frozen=True)
class Bundle:
    """An opened model directory, its files verified.

    Attributes:
        path: The directory.
        config: The whole of ``config.json``.
    """

    path: Path
    config: dict[str, Any]

    @property
    def job(self) -> str:
        """``language-model`` and so on."""
        return str(self.config["job"])

    @property
    def settings(self) -> dict[str, Any]:
        """Every setting of the run that made the model, resolved."""
        return dict(self.config["settings"])

    def tokenizer(self, part: str = "tokenizer") -> Tokenizer:
        """Return the model's tokenizer, or the one of a part of it."""
        record = self.config[part]
        prefix = record.get("prefix", "")
        files = {
            name.removeprefix(prefix): read_content(self.path / name, _MOST_TOKENIZER)
            for name in record["files"]
        }
        return load_tokenizer(record["kind"], files)

    def tensors(self) -> dict[str, npt.NDArray[np.float32]]:
        """Return the best weights by name; better ones where a run has saved since the model was opened.

        Raises:
            ModelError: they cannot be read, or are not all finite.
        """
        try:
            return self._tensors()
        except ModelError:
            newer = open_bundle(self.path, self.job)
            is_newer = newer.config["weights"] != self.config["weights"]
            if not is_newer or newer.settings != self.settings:
                raise
        return newer.tensors()

    def _tensors(self) -> dict[str, npt.NDArray[np.float32]]:
        path = self.path / self.config["weights"]
        arrays = read_tensors(path)
        for name, array in arrays.items():
            if not _is_finite(array):
                raise ModelError(
                    f"{path}: {name} holds numbers that are not finite; the model is damaged"
                )
        return arrays


def tokenizer_part(
    tokenizer: Tokenizer, prefix: str = ""
) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Return a tokenizer's entry in ``config.json`` and its files by name.

    Args:
        tokenizer: The tokenizer.
        prefix: Begins the names of its files, where a model has more than one.
    """
    files = {prefix + name: content for name, content in tokenizer.to_files().items()}
    record = {
        "kind": tokenizer.kind,
        "files": sorted(files),
        "prefix": prefix,
        "vocab_size": tokenizer.vocab_size,
    }
    return record, files


def open_bundle(path: str | Path, job: str | None = None) -> Bundle:
    """Open a model directory and verify it.

    Args:
        path: The directory.
        job: The job that the model must have, if only one will do.

    Raises:
        ModelError: no such directory, not a model, damaged, of another job or of a newer format.
    """
    opened = _opened(Path(path), read_record)
    if job is not None and opened.job != job:
        held, wanted = (name.replace("-", " ") for name in (opened.job, job))
        raise ModelError(f"{path} holds a {held}; this command needs a {wanted}")
    return opened


def peek_bundle(path: str | Path) -> Bundle:
    """Open a model directory for what ``config.json`` says; of the other files only the sizes are looked at.

    Raises:
        ModelError: no such directory, not a model, its ``config.json`` damaged or of a newer format, or a
            file missing or of another size.
    """
    return _opened(Path(path), peek_files)


def _opened(path: Path, read: Callable[[Path, str], dict[str, Any]]) -> Bundle:
    if not path.exists():
        raise ModelError(f"{path}: no such model directory")
    if not (path / CONFIG).exists():
        raise ModelError(f"{path}: not a model directory (it has no {CONFIG})")
    config = _settled(path, read)
    if part := _malformed(config):
        raise ModelError(f"{path / CONFIG}: {part!r} is missing or malformed; the model is damaged")
    return Bundle(path, config)


def _settled(path: Path, read: Callable[[Path, str], dict[str, Any]]) -> dict[str, Any]:
    """Read ``config.json``, again where a run that saves replaces it, and what it names, meanwhile."""
    for _ in range(_TRIES):
        before = _stamp(path / CONFIG)
        try:
            return read(path, CONFIG)
        except ModelError:
            if _stamp(path / CONFIG) == before:
                raise
    return read(path, CONFIG)


def _stamp(path: Path) -> tuple[int, int] | None:
    """Return what changes where a file is replaced; None where it cannot be looked at."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_ino, stat.st_mtime_ns


def _malformed(config: Mapping[str, Any]) -> str | None:
    """Return the entry of ``config.json`` that its readers could not rely on, or None."""
    listed, weights = config["files"], config.get("weights")
    parts = [name for name in config if name == "tokenizer" or name.endswith("_tokenizer")]
    for part in parts or ["tokenizer"]:
        if not _is_tokenizer(config.get(part), listed):
            return part
    if not isinstance(weights, str) or weights not in listed:
        return "weights"
    if not isinstance(config.get("job"), str):
        return "job"
    if not isinstance(config.get("settings"), dict):
        return "settings"
    optional = ("training", "data", "versions")
    return next((part for part in optional if not isinstance(config.get(part, {}), dict)), None)


def _is_tokenizer(record: object, listed: Mapping[str, Any]) -> bool:
    """Return whether an entry describes a tokenizer whose files are among those listed."""
    if not isinstance(record, dict) or not isinstance(record.get("kind"), str):
        return False
    names, prefix = record.get("files"), record.get("prefix", "")
    if not isinstance(names, list) or not isinstance(prefix, str):
        return False
    whole = all(
        isinstance(name, str) and name in listed and name.startswith(prefix) for name in names
    )
    return whole and len(set(names)) == len(names)


def _is_finite(array: npt.NDArray[Any]) -> bool:
    """Return whether all numbers of an array are finite, without another array of its size."""
    if array.dtype.kind != "f" or not array.size:
        return True
    return bool(np.isfinite(array.min()) and np.isfinite(array.max()))
