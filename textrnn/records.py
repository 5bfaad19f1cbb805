"""The files of a model and the JSON records that name them: written whole or not at all, read with suspicion.

A record, ``config.json`` or ``state.json``, names the files that lie beside it with their sizes and digests,
and holds a digest of itself. Files are written beside, flushed and renamed; what a record names is written
before it, so that the record is the moment at which a save becomes valid.

Digests find damage, not forgery: who can change a file can change its digest. Nothing here is pickled or
executed, so opening a stranger's model is reading data.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import threading
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from textrnn.errors import ModelError
from textrnn.files import is_plain, new_file, open_plain, parse_json, read_plain

__all__ = [
    "FORMAT",
    "Arrays",
    "FileRecord",
    "peek_files",
    "peek_record",
    "read_content",
    "read_record",
    "read_tensors",
    "sweep",
    "verify_file",
    "write_file",
    "write_record",
    "write_tensors",
]

FORMAT = 1
"""Format of the records; readers refuse a newer one by name."""

_MOST_JSON = 64 << 20
_BLOCK = 1 << 20
_WORTH_A_THREAD = 1 << 20
"""So many bytes take longer to digest than a thread to start."""
_KINDS = {
    "u8": "U64",
    "i8": "I64",
    "f8": "F64",
    "f4": "F32",
    "u4": "U32",
    "i4": "I32",
    "f2": "F16",
    "u2": "U16",
    "i2": "I16",
    "i1": "I8",
    "u1": "U8",
    "b1": "BOOL",
}
"""How safetensors name NumPy's types of numbers, in the order in which arrays of them lie in a file."""

Piece = bytes | memoryview

Arrays = Mapping[str, npt.NDArray[Any]]
FileRecord = dict[str, Any]
"""A file's entry in a record's ``files``: size and digest."""


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
        record: dict[str, Any] = parse_json(read_content(path, _MOST_JSON))
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


def peek_files(folder: Path, name: str) -> dict[str, Any]:
    """Read ``config.json`` or ``state.json`` and verify it; of the files that it names, the sizes alone.

    Raises:
        ModelError: unreadable, damaged, or of a newer format; a file is missing or of another size.
    """
    record = peek_record(folder, name)
    for file, expected in record["files"].items():
        path = _named(folder, file, expected)
        try:
            _require_size(path, path.stat().st_size, expected)
        except OSError as error:
            raise ModelError(f"{path}: cannot be read: {error.strerror}") from None
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


def write_file(path: Path, *pieces: Piece) -> FileRecord:
    """Write a file beside, flush it to disk and rename it into place.

    Args:
        path: Where it goes.
        *pieces: What it holds, one after the other: bytes, or other contiguous memory of bytes.

    Returns:
        Its entry in a record's ``files``: size and digest.
    """
    temporary = path.with_name(f".{path.name}.part")
    size = sum(map(len, pieces))
    with _digesting(pieces, size) as digest:
        try:
            with new_file(temporary) as file:
                for piece in pieces:
                    file.write(piece)
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
    return {"bytes": size, "sha256": digest.hexdigest()}


@contextlib.contextmanager
def _digesting(pieces: Iterable[Piece], size: int) -> Iterator[hashlib._Hash]:
    """Compute the digest of pieces, that of many bytes while the block writes them."""
    digest = hashlib.sha256()

    def update() -> None:
        for piece in pieces:
            digest.update(piece)

    if size < _WORTH_A_THREAD:
        update()
        yield digest
        return
    thread = threading.Thread(target=update)
    try:
        thread.start()
    except RuntimeError:
        # No more threads are to be had: then one after the other.
        update()
        yield digest
        return
    try:
        yield digest
    finally:
        thread.join()


def write_tensors(path: Path, arrays: Arrays) -> FileRecord:
    """Write arrays as safetensors, contiguous ones without a copy.

    The bytes are those of the library's ``save``: a header of JSON, its length before it, and then the
    arrays, those of the widest numbers first, so that all lie aligned
    (https://github.com/huggingface/safetensors, "Format").

    Returns:
        The file's entry in a record's ``files``.

    Raises:
        TypeError: an array holds what safetensors does not.
    """
    kinds = {name: _kind_of(name, array) for name, array in arrays.items()}
    ranks = {kind: rank for rank, kind in enumerate(_KINDS.values())}
    header: dict[str, Any] = {}
    pieces: list[Piece] = []
    at = 0
    for name in sorted(arrays, key=lambda name: (ranks[kinds[name]], name)):
        given = arrays[name]
        array = np.ascontiguousarray(given, given.dtype.newbyteorder("<"))
        header[name] = {
            "dtype": kinds[name],
            "shape": list(given.shape),
            "data_offsets": [at, at + given.nbytes],
        }
        pieces.append(array.reshape(-1).view(np.uint8).data)
        at += given.nbytes
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    return write_file(path, len(text).to_bytes(8, "little") + text, *pieces)


def _kind_of(name: str, array: npt.NDArray[Any]) -> str:
    """Return how safetensors name an array's type of numbers."""
    kind = _KINDS.get(f"{array.dtype.kind}{array.dtype.itemsize}")
    if kind is None:
        raise TypeError(f"{name} holds {array.dtype}, which safetensors do not")
    return kind


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


def read_content(path: Path, most: int) -> bytes:
    """Return the content of a model's file.

    Args:
        path: The file.
        most: Bytes that it may have.

    Raises:
        ModelError: it is no plain file, cannot be read, or is too large.
    """
    try:
        return read_plain(path, most)
    except OSError as error:
        raise ModelError(
            f"{path}: cannot be read: {error.strerror}; the model is damaged"
        ) from None


def _flush_folder(folder: Path) -> None:
    """Make a rename in the folder last; a no-op where folders cannot be flushed (Windows)."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
