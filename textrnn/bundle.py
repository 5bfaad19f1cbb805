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

Digests find damage, not forgery: who can change a file can change its digest. Nothing here is pickled or
executed, so opening a stranger's model is reading data.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from textrnn.errors import ModelError
from textrnn.files import is_plain, new_file, open_plain, parse_json, read_plain
from textrnn.tokenizers import Tokenizer, load_tokenizer

__all__ = [
    "CONFIG",
    "FORMAT",
    "LOG",
    "RESUME",
    "STATE",
    "Bundle",
    "open_bundle",
    "peek_bundle",
    "peek_record",
    "read_record",
    "read_tensors",
    "sweep",
    "tokenizer_part",
    "verify_file",
    "write_file",
    "write_record",
    "write_tensors",
]

FORMAT = 1
"""Format of the directory; readers refuse a newer one by name."""

CONFIG, LOG, RESUME, STATE = "config.json", "log.jsonl", "resume", "state.json"
_MOST_JSON = 64 << 20
_MOST_TOKENIZER = 256 << 20
_BLOCK = 1 << 20
_TRIES = 20

Arrays = Mapping[str, npt.NDArray[Any]]
FileRecord = dict[str, Any]


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
            name.removeprefix(prefix): _content(self.path / name, _MOST_TOKENIZER)
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
    return _opened(Path(path), _peeked_with_sizes)


def _peeked_with_sizes(folder: Path, name: str) -> dict[str, Any]:
    record = peek_record(folder, name)
    for file, expected in record["files"].items():
        path = _named(folder, file, expected)
        try:
            _require_size(path, path.stat().st_size, expected)
        except OSError as error:
            raise ModelError(f"{path}: cannot be read: {error.strerror}") from None
    return record


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


def read_record(folder: Path, name: str) -> dict[str, Any]:
    """Read ``config.json`` or ``state.json`` and verify it and every file that it names.

    Raises:
        ModelError: unreadable, damaged, or of a newer format.
    """
    record = peek_record(folder, name)
    for file, expected in record["files"].items():
        verify_file(folder, file, expected)
    return record


def peek_record(folder: Path, name: str) -> dict[str, Any]:
    """Read ``config.json`` or ``state.json`` and verify it alone, which takes no time by the files' sizes.

    Raises:
        ModelError: unreadable, damaged, or of a newer format.
    """
    try:
        return _peeked(folder / name)
    except MemoryError:
        raise ModelError(
            f"{folder / name}: takes more memory than there is; the model is damaged"
        ) from None


def _peeked(path: Path) -> dict[str, Any]:
    try:
        record: dict[str, Any] = parse_json(_content(path, _MOST_JSON))
    except ValueError:
        raise ModelError(f"{path}: not valid JSON; the model is damaged") from None
    form = record.get("format") if isinstance(record, dict) else None
    if isinstance(form, int) and form > FORMAT:
        versions = record.get("versions")
        version = versions.get("textrnn") if isinstance(versions, dict) else None
        version = version if isinstance(version, str) else "a newer version"
        raise ModelError(
            f"{path}: written in format {form} by textrnn {version}; this version reads formats up to "
            f"{FORMAT}: upgrade with pip install --upgrade textrnn"
        )
    if form is None:
        raise ModelError(f"{path}: no model of textrnn, or one that is damaged: it names no format")
    if form != FORMAT or record.get("digest") != _digest_of(record):
        raise ModelError(f"{path}: its digest does not match; the model is damaged")
    files = record.get("files")
    if not isinstance(files, dict):
        raise ModelError(f"{path}: incomplete; the model is damaged")
    return record


def write_record(folder: Path, name: str, record: Mapping[str, Any]) -> None:
    """Write ``config.json`` or ``state.json``: the moment at which a save becomes valid.

    Args:
        folder: Where it goes; the files that it names lie there already.
        name: ``config.json`` or ``state.json``.
        record: Its content, with ``files``; format and digest are added.
    """
    whole = {"format": FORMAT, **record}
    whole["digest"] = _digest_of(whole)
    text = json.dumps(whole, indent=1, allow_nan=False)
    write_file(folder / name, text.encode())


def write_file(path: Path, content: bytes) -> FileRecord:
    """Write a file beside, flush it to disk and rename it into place.

    Returns:
        Its entry in a record's ``files``: size and digest.
    """
    temporary = path.with_name(f".{path.name}.part")
    try:
        with new_file(temporary) as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        # Where a disk is full the system does not say under which file.
        error.filename = error.filename or str(path)
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
    _flush_folder(path.parent)
    return {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def write_tensors(path: Path, arrays: Arrays) -> FileRecord:
    """Write arrays as safetensors; returns the file's entry in a record's ``files``."""
    from safetensors.numpy import save

    contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    return write_file(path, save(contiguous))


def read_tensors(path: Path) -> dict[str, npt.NDArray[Any]]:
    """Read arrays from a safetensors file.

    Raises:
        ModelError: missing, or not such a file.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        return dict(load_file(path))
    except FileNotFoundError:
        raise ModelError(f"{path}: missing; the model is damaged") from None
    except (SafetensorError, OSError, ValueError, TypeError, AttributeError, KeyError) as error:
        # The last three: a type of numbers that NumPy does not know, such as bfloat16.
        raise ModelError(f"{path}: cannot be read as safetensors: {error}") from None


def sweep(folder: Path, keep: Iterable[str], patterns: Iterable[str]) -> None:
    """Delete leftovers: files that match a pattern and are not to be kept."""
    kept = set(keep)
    for pattern in patterns:
        for path in folder.glob(pattern):
            if path.name not in kept:
                path.unlink(missing_ok=True)


def _digest_of(record: Mapping[str, Any]) -> str:
    """Return the digest of a record without its ``digest``, independent of layout."""
    rest = {key: value for key, value in record.items() if key != "digest"}
    text = json.dumps(rest, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def verify_file(folder: Path, name: str, expected: Any) -> None:
    """Hold a file against its entry in a record's ``files``.

    Raises:
        ModelError: missing, changed, not a plain file, or outside the folder.
    """
    path = _named(folder, name, expected)
    try:
        digest = hashlib.sha256()
        with open_plain(path) as file:
            _require_size(path, os.fstat(file.fileno()).st_size, expected)
            while block := file.read(_BLOCK):
                digest.update(block)
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror}") from None
    if digest.hexdigest() != expected.get("sha256"):
        raise ModelError(f"{path}: its digest does not match; the model is damaged")


def _named(folder: Path, name: str, expected: Any) -> Path:
    """Return where a file of a record lies; refused where that is outside, or no plain file."""
    path = folder / name
    if not name or Path(name).name != name or "\\" in name or not isinstance(expected, dict):
        raise ModelError(f"{folder}: names a file outside itself ({name!r}); refused")
    if not is_plain(path):
        raise ModelError(f"{path}: missing or not a plain file; the model is damaged")
    return path


def _require_size(path: Path, size: int, expected: Mapping[str, Any]) -> None:
    wanted = expected.get("bytes")
    if size != wanted:
        raise ModelError(f"{path}: {size} bytes instead of {wanted}; the model is damaged")


def _content(path: Path, most: int) -> bytes:
    """Return the content of a model's file.

    Raises:
        ModelError: it is no plain file, cannot be read, or is too large.
    """
    try:
        return read_plain(path, most)
    except OSError as error:
        raise ModelError(
            f"{path}: cannot be read: {error.strerror}; the model is damaged"
        ) from None


def _is_finite(array: npt.NDArray[Any]) -> bool:
    """Return whether all numbers of an array are finite, without another array of its size."""
    if array.dtype.kind != "f" or not array.size:
        return True
    return bool(np.isfinite(array.min()) and np.isfinite(array.max()))


def _flush_folder(folder: Path) -> None:
    """Make a rename in the folder last; a no-op where folders cannot be flushed (Windows)."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
