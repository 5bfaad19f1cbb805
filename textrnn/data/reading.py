"""The text of a file: decompressed, decoded, line ends normalised, in chunks of bounded size."""

from __future__ import annotations

import codecs
import contextlib
import encodings.aliases
import itertools
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from textrnn.config import nearest
from textrnn.data.compression import compression_of, decompressed
from textrnn.data.sources import TextSource, expand_inputs, printable, unreadable
from textrnn.errors import DataError, UsageError

__all__ = [
    "FileStamp",
    "TextSource",
    "UndecodableError",
    "binary_reason",
    "check_characters",
    "codec_name",
    "decoding_advice",
    "expand_inputs",
    "not_text_reason",
    "nul_fault",
    "read_text",
    "refuse_endless",
    "with_line_feeds",
]

_SNIFF = 8192
_LF = "\n"
_NUL = "a NUL character; the file is damaged or no text, make it again without"
_ORDER_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_STRICT = ("utf-8", "utf-16", "utf-32", "ascii", "iso8859", "cp")
"""Codecs by their names' beginnings that never let half a surrogate pair through."""
_HALF_PAIR = re.compile("[\ud800-\udfff]")


class UndecodableError(DataError):
    """Bytes that are not valid in the encoding.

    Attributes:
        line_ends: How many LF stand between the text read so far and those bytes.
    """

    def __init__(self, message: str, line_ends: int) -> None:
        super().__init__(message)
        self.line_ends = line_ends


@dataclass(frozen=True)
class FileStamp:
    """What tells without reading that a file is the one seen before."""

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int

    @classmethod
    def of(cls, status: os.stat_result) -> FileStamp:
        """Return the stamp of a ``stat`` result."""
        return cls(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)

    def same_content(self, other: FileStamp) -> bool:
        """Tell whether nothing was written in between (a new name or mode is no matter)."""
        return (self.size, self.mtime_ns) == (other.size, other.mtime_ns)


def codec_name(encoding: str) -> str:
    """Return the one name of an encoding: ``utf-8`` for ``UTF8``, ``utf_8`` and so on.

    Raises:
        UsageError: no such encoding.
    """
    try:
        name = codecs.lookup(encoding).name
        # Decoding says which codecs are not about text; an empty string would skip the question.
        with contextlib.suppress(UnicodeDecodeError):  # "a" is not a whole text in utf-16
            b"a".decode(encoding)
    except (LookupError, ValueError):
        names = itertools.chain(*encodings.aliases.aliases.items())
        known = sorted({name.replace("_", "-") for name in names})
        hint = nearest(encoding.lower().replace("_", "-"), known)
        raise UsageError(
            f"--encoding: unknown encoding {encoding!r}{hint} (there are utf-8, utf-16, cp1252, "
            "latin-1 and many more)"
        ) from None
    return name


def read_text(
    path: Path,
    encoding: str = "utf-8",
    newlines: str = "lf",
    *,
    name: str | None = None,
    expected: FileStamp | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> Iterator[str]:
    """Yield the text of a file in chunks of about a million characters, cut anywhere.

    Files compressed by gzip, xz, bzip2 or zstd are decompressed. A byte order mark at the start is
    dropped.

    Args:
        path: A regular file.
        encoding: A Python codec.
        newlines: ``lf`` turns CRLF into LF and leaves a CR that stands alone; ``keep`` changes
            nothing.
        name: What messages call the file; its path by default.
        expected: The state in which the file must still be.
        progress: Told how many bytes of the file have been read so far, now and then.

    Raises:
        UsageError: no such encoding.
        DataError: missing, unreadable, damaged, binary, not in this encoding (the message names the byte
            offset), with a NUL further on (it names the line), or changed before or while it was read.
    """
    codec = codec_name(encoding)
    name = name or printable(path)
    chunks = _decoded(_file_blocks(path, name, expected, progress), codec, name)
    chunks = _without_mark(chunks)
    return with_line_feeds(chunks) if newlines == "lf" else chunks


def binary_reason(path: Path, encoding: str, name: str) -> str | None:
    """Return why a file cannot be text in this encoding, judged by its first bytes, or None.

    Raises:
        DataError: the file cannot be read or decompressed.
    """
    for block in _file_blocks(path, name, None, lambda _: None):
        return not_text_reason(block, codec_name(encoding))
    return None


def _file_blocks(
    path: Path, name: str, expected: FileStamp | None, progress: Callable[[int], None]
) -> Iterator[bytes]:
    try:
        with path.open("rb", buffering=0) as file:
            before = FileStamp.of(os.fstat(file.fileno()))
            if expected is not None and not before.same_content(expected):
                raise _changed(name, expected, before)
            kind = compression_of(file.read(16), name)
            file.seek(0)
            for block in decompressed(cast(BinaryIO, file), kind, name):
                progress(file.tell())
                yield block
            after = FileStamp.of(os.fstat(file.fileno()))
            if not after.same_content(before):
                raise _changed(name, before, after)
    except OSError as error:
        raise unreadable(name, error) from None


def _changed(name: str, before: FileStamp, after: FileStamp) -> DataError:
    return DataError(
        f"{name}: changed while it was being read (from {before.size:,} to {after.size:,} bytes); "
        "try again when it is complete, or use a copy"
    )


def _decoded(blocks: Iterator[bytes], codec: str, name: str) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder(codec)()
    fed = 0
    line = 1
    for block in itertools.chain(blocks, [b""]):
        if fed == 0 and (reason := not_text_reason(block, codec)):
            raise DataError(f"{name}: {reason}")
        fed += len(block)
        try:
            text = decoder.decode(block, final=not block)
        except UnicodeDecodeError as error:
            # What the decoder had at hand is the end of what it was fed.
            raise _undecodable(name, codec, error, fed - len(error.object)) from None
        except UnicodeError as error:
            raise DataError(
                f"{name}: not valid {codec}: {error}; give another --encoding"
            ) from None
        check_characters(text, codec, name)
        if (nul := nul_fault(text, name, line)) is not None:
            raise nul
        line += text.count(_LF)
        if text:
            yield text


def _undecodable(name: str, codec: str, error: UnicodeDecodeError, base: int) -> UndecodableError:
    before = error.object[: error.start].decode(codec, "replace")
    return UndecodableError(
        f"{name}: byte 0x{error.object[error.start]:02x} at offset {base + error.start} is not "
        f"valid {codec} ({error.reason}); {decoding_advice(codec)}",
        before.count("\n"),
    )


def decoding_advice(codec: str) -> str:
    """Return what to do about bytes that are not valid in an encoding."""
    if codec == "utf-8":
        return "if it is in an older Western encoding, give --encoding cp1252 or --encoding latin-1"
    return "give the encoding that it is in with --encoding"


def check_characters(text: str, codec: str, name: str) -> None:
    """Refuse half a surrogate pair, which some codecs let through and which is no character.

    Raises:
        DataError: there is one.
    """
    if not codec.startswith(_STRICT) and (half := _HALF_PAIR.search(text)):
        raise DataError(
            f"{name}: decoded as {codec}, it holds U+{ord(half[0]):04X}, half a surrogate pair "
            "and no character; give another --encoding"
        )


def nul_fault(text: str, name: str, line: int) -> DataError | None:
    """Return the error for a text that holds a NUL, which is no part of any text; None where it holds none.

    Args:
        text: Some text of a file.
        name: What messages call the file.
        line: The line that the text begins in.
    """
    at = text.find("\0")
    return None if at < 0 else DataError(f"{name}:{line + text.count(_LF, 0, at)}: {_NUL}")


def not_text_reason(first: bytes, codec: str) -> str | None:
    """Return why a file that starts with these bytes is not text in this encoding, or None.

    Args:
        first: Its first bytes, decompressed.
        codec: As :func:`codec_name` returns it.
    """
    if first.startswith(b"%PDF-"):
        return "this is a PDF, not text; extract its text first, with pdftotext for example"
    if not _extends_ascii(codec):
        return None
    for mark, name in _ORDER_MARKS.items():
        if first.startswith(mark):
            return f"it starts with the byte order mark of {name}; give --encoding {name}"
    at = first.find(b"\0", 0, _SNIFF)
    if at >= 0:
        return (
            f"it looks binary (a zero byte at offset {at}); if it is text in UTF-16, give "
            "--encoding utf-16-le or utf-16-be"
        )
    return None


def refuse_endless(first: bytes, encoding: str, name: str) -> None:
    """Refuse what cannot be text before it is copied: some devices, such as ``/dev/zero``, never end.

    Args:
        first: Its first bytes, compressed or not.
        encoding: A Python codec.
        name: What messages call it.

    Raises:
        UsageError: no such encoding.
        DataError: it begins as neither text nor anything compressed nor a Parquet table does.
    """
    if compression_of(first, name) is None and not first.startswith(b"PAR1"):
        reason = not_text_reason(first, codec_name(encoding))
        if reason is not None:
            raise DataError(f"{name}: {reason}")


def _extends_ascii(codec: str) -> bool:
    try:
        return b"az09".decode(codec) == "az09"
    except UnicodeError:
        return False


def _without_mark(chunks: Iterator[str]) -> Iterator[str]:
    for first in chunks:
        if text := first.removeprefix("\ufeff"):
            yield text
        break
    yield from chunks


def with_line_feeds(chunks: Iterator[str]) -> Iterator[str]:
    """Yield a text's chunks with every CRLF as LF; a CR that stands alone stays."""
    held = ""
    for chunk in chunks:
        text = held + chunk if held else chunk
        # A CR at the end may be half of a CRLF.
        held = "\r" if text.endswith("\r") else ""
        text = text.removesuffix("\r")
        if "\r" in text:
            text = text.replace("\r\n", "\n")
        if text:
            yield text
    if held:
        yield held
