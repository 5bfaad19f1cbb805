"""The bytes of a file, decompressed where the file is compressed."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zlib
from collections.abc import Callable, Iterator
from typing import BinaryIO

from textrnn.errors import DataError

__all__ = ["SUFFIXES", "compression_of", "decompressed"]

SUFFIXES = {".gz": "gzip", ".xz": "xz", ".bz2": "bzip2", ".zst": "zstd"}
"""File name endings that promise a compression."""

_SIGNATURES = {
    b"\x1f\x8b\x08": "gzip",
    b"\xfd7zXZ\0": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
    # The second is what an empty file becomes.
    **{
        b"BZh%d" % level + begin: "bzip2"
        for level in range(1, 10)
        for begin in (b"1AY&SY", b"\x17rE8P\x90")
    },
}
_OPENERS: dict[str, Callable[[BinaryIO], io.BufferedIOBase]] = {
    "gzip": lambda file: gzip.GzipFile(fileobj=file),
    "bzip2": bz2.BZ2File,
    "xz": lzma.LZMAFile,
}
_BLOCK = 1 << 20
# A block of 4 bytes can stand for 128 KiB in zstd, so that little is fed to it at a time.
_ZSTD_FEED = 1 << 10


def compression_of(first: bytes, name: str) -> str | None:
    """Return how a file is compressed: by its first bytes, else by the ending of its name.

    Args:
        first: The first bytes of the file, at least 16 where it has so many.
        name: Its name.

    Returns:
        ``gzip``, ``xz``, ``bzip2``, ``zstd``, or None where it is not compressed.
    """
    for signature, kind in _SIGNATURES.items():
        if first.startswith(signature):
            return kind
    return next((kind for suffix, kind in SUFFIXES.items() if name.lower().endswith(suffix)), None)


def decompressed(file: BinaryIO, kind: str | None, name: str) -> Iterator[bytes]:
    """Yield a file's bytes in blocks, in bounded memory.

    Args:
        file: Open at its start.
        kind: As :func:`compression_of` returns it.
        name: What messages call the file.

    Raises:
        DataError: the compressed data are damaged or end too early.
        OSError: the file cannot be read.
    """
    if kind is None:
        while block := file.read(_BLOCK):
            yield block
        return
    try:
        yield from _zstd(file) if kind == "zstd" else _standard(file, kind)
    except EOFError:
        raise DataError(
            f"{name}: the {kind} data end too early; the file is incomplete, fetch or make it again"
        ) from None
    except (zlib.error, lzma.LZMAError, ValueError) as error:
        raise DataError(_damaged(name, kind, error)) from None
    except OSError as error:
        # What the system reports has a number; what gzip and bz2 find wrong with the data has none.
        if error.errno is not None:
            raise
        raise DataError(_damaged(name, kind, error)) from None


def _damaged(name: str, kind: str, error: Exception) -> str:
    return (
        f"{name}: not valid {kind} data ({error}); fetch or make the file again, or rename it "
        "if it is not compressed"
    )


def _standard(file: BinaryIO, kind: str) -> Iterator[bytes]:
    with _OPENERS[kind](file) as stream:
        while block := stream.read(_BLOCK):
            yield block


def _zstd(file: BinaryIO) -> Iterator[bytes]:
    import zstandard

    # The library's own file object ends quietly where the data are cut off; its frames do not.
    frame = None
    block = bytearray()
    try:
        while data := file.read(_ZSTD_FEED):
            while data:
                frame = frame or zstandard.ZstdDecompressor().decompressobj()
                block += frame.decompress(data)
                data = frame.unused_data if frame.eof else b""
                frame = None if frame.eof else frame
            if len(block) >= _BLOCK:
                # Or whoever decodes what a little of a bomb stands for has several times as much.
                for low in range(0, len(block), _BLOCK):
                    yield bytes(block[low : low + _BLOCK])
                block.clear()
    except zstandard.ZstdError as error:
        raise ValueError(str(error)) from None
    if block:
        yield bytes(block)
    if frame is not None:
        raise EOFError
