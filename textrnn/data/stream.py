"""Texts as they arrive: the lines of files and of pipes somebody is still writing to, some at a time.

What is answered text by text need not wait for the end of its input, nor fit in memory. Files come in
chunks that grow, so that the first answer is quick and the others are made in good company; from a pipe
comes what is there, as soon as nothing more is.
"""

from __future__ import annotations

import codecs
import contextlib
import io
import itertools
import select
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, BinaryIO, TypeVar, cast

from textrnn.data.bounds import bounded, cut_lines
from textrnn.data.compression import compression_of, decompressed
from textrnn.data.reading import (
    binary_reason,
    check_characters,
    codec_name,
    decoding_advice,
    not_text_reason,
    nul_fault,
    with_line_feeds,
)
from textrnn.data.sources import Report, TextSource, unreadable
from textrnn.errors import DataError, TextrnnError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

__all__ = ["in_chunks", "stream_lines", "stream_text", "whole_texts"]

T = TypeVar("T")

_FIRST_CHUNK, _MOST_CHUNK = 1 << 15, 1 << 22
"""Characters of the first chunk and of the largest one."""
_ITEM = 16
"""What a text counts besides its characters, so that blank lines do not pile up without end."""
_PATIENCE_S, _MOST_PATIENCE_S = 0.002, 0.05
"""How long a pipe may keep silent, and how long it may go on, before what has come is answered."""
_SIGNATURE = 16
"""Bytes that tell whether a file is compressed."""


def stream_lines(
    sources: Sequence[TextSource],
    encoding: str = "utf-8",
    report: Report = lambda _: None,
    *,
    errors: str = "strict",
) -> Iterator[list[str]]:
    """Yield the lines of files, pipes and stdin, some at a time, in order, blank ones kept.

    A line ends at LF and at nothing else; a CR before it goes. What follows the last LF is a line where
    it is not empty. A byte order mark at the start of a source is dropped; compressed sources are
    decompressed. Memory holds one chunk, some million characters or one line where that is longer, but no
    line of more than 128 Mi characters: what is so long, as a small compressed file may be, has no lines.

    Args:
        sources: As :func:`textrnn.data.sources.expand_inputs` returns them.
        encoding: A Python codec.
        report: Told which files of a folder are left out, since they are not text.
        errors: ``strict``, or ``replace`` for U+FFFD where bytes are not in the encoding or are a NUL
            beyond the beginning, where it tells a binary file.

    Raises:
        UsageError: no such encoding.
        DataError: a source cannot be read, is damaged, binary or not in this encoding, or holds a NUL; the
            message names the line, and the lines before it have been yielded.
    """
    codec = codec_name(encoding)
    for source in _texts_only(sources, codec, report):
        with _opened(source) as file:
            decoded = _decoded(_blocks(file, source.name), codec, source.name, errors)
            lines = cut_lines(decoded, source.name)
            yield from in_chunks(lines, len, _watch(file) if source.once else None)


def stream_text(
    source: TextSource, encoding: str = "utf-8", newlines: str = "lf", *, errors: str = "strict"
) -> Iterator[str]:
    """Yield the text of one source, some at a time, line ends and all; otherwise as :func:`stream_lines`.

    Args:
        source: One of those that :func:`textrnn.data.sources.expand_inputs` returns.
        encoding: A Python codec.
        newlines: ``lf`` turns CRLF into LF and leaves a CR that stands alone; ``keep`` changes nothing.
        errors: ``strict``, or ``replace``.
    """
    codec = codec_name(encoding)
    with _opened(source) as file:
        chunks = _decoded(_blocks(file, source.name), codec, source.name, errors)
        text = with_line_feeds(chunks) if newlines == "lf" else chunks
        pieces = ([piece] for piece in text)
        for some in in_chunks(pieces, len, _watch(file) if source.once else None):
            yield "".join(some)


def whole_texts(
    sources: Sequence[TextSource],
    encoding: str = "utf-8",
    report: Report = lambda _: None,
    *,
    errors: str = "strict",
) -> Iterator[list[tuple[str, str]]]:
    """Yield the name and the text of each source, some at a time; otherwise as :func:`stream_lines`."""
    codec = codec_name(encoding)

    def texts() -> Iterator[list[tuple[str, str]]]:
        for source in _texts_only(sources, codec, report):
            with _opened(source) as file:
                decoded = _decoded(_blocks(file, source.name), codec, source.name, errors)
                text = "".join(bounded(decoded, source.name))
                yield [(source.name, text.replace("\r\n", "\n"))]

    yield from in_chunks(texts(), lambda named: len(named[1]))


def in_chunks(
    lists: Iterable[Sequence[T]],
    size: Callable[[T], int],
    has_more: Callable[[], bool] | None = None,
) -> Iterator[list[T]]:
    """Yield items in chunks that grow up to some million characters.

    Args:
        lists: The items, as many at a time as come together.
        size: Tells an item's characters.
        has_more: Tells whether more has arrived already; where it has not, what is held is yielded. None
            where nobody waits for the first items while later ones are still being made.

    Raises:
        TextrnnError: what reading the items raises, after those before it have been yielded.
    """
    most = _FIRST_CHUNK
    held: list[T] = []
    total = 0
    since = 0.0
    try:
        for items in lists:
            if not held:
                since = time.monotonic()
            for item in items:
                held.append(item)
                total += size(item) + _ITEM
                if total >= most:
                    yield held
                    held, total, since = [], 0, time.monotonic()
                    most = min(2 * most, _MOST_CHUNK)
            if held and has_more is not None:
                is_late = time.monotonic() - since > _MOST_PATIENCE_S
                if is_late or not has_more():
                    yield held
                    held, total = [], 0
    except TextrnnError:
        if held:
            yield held
        raise
    if held:
        yield held


def _texts_only(sources: Sequence[TextSource], codec: str, report: Report) -> Iterator[TextSource]:
    """Yield the sources but for those found in a folder that are not text."""
    for source in sources:
        if source.from_folder and source.path is not None:
            reason = binary_reason(source.path, codec, source.name)
            if reason is not None:
                report(f"{source.name}: left out, {reason}")
                continue
        yield source


@contextlib.contextmanager
def _opened(source: TextSource) -> Iterator[BinaryIO]:
    """Open a source such that reading returns what is there."""
    if source.path is None:
        if sys.stdin is None:
            raise DataError("stdin is closed; give a file")
        yield sys.stdin.buffer
        return
    try:
        file = source.path.open("rb", buffering=0)
    except OSError as error:
        raise unreadable(source.name, error) from None
    with file:
        yield cast(BinaryIO, file)


def _watch(file: BinaryIO) -> Callable[[], bool]:
    """Return a question: whether something can be read from a pipe without waiting, or almost."""

    def has_more() -> bool:
        try:
            return bool(select.select([file], [], [], _PATIENCE_S)[0])
        except (OSError, ValueError):
            return False  # no pipe of the system's, or one that cannot be asked

    return has_more


def _blocks(file: BinaryIO, name: str) -> Iterator[bytes]:
    """Yield a source's bytes, decompressed, as they arrive."""
    read: Callable[[int], bytes] = getattr(file, "read1", file.read)
    try:
        first = b""
        # No line is complete before its LF, and no signature holds one: waiting for it delays no answer.
        while len(first) < _SIGNATURE and b"\n" not in first:
            if not (more := read(io.DEFAULT_BUFFER_SIZE)):
                break
            first += more
        arriving = cast(BinaryIO, _Arriving(first, read))
        yield from decompressed(arriving, compression_of(first, name), name)
    except OSError as error:
        raise unreadable(name, error) from None


class _Arriving(io.RawIOBase):
    """A file whose first bytes have been read already; reading returns what is there."""

    def __init__(self, first: bytes, read: Callable[[int], bytes]) -> None:
        super().__init__()
        self._first = first
        self._read = read

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        if self._first:
            data, self._first = self._first[: len(view)], self._first[len(view) :]
        else:
            data = self._read(len(view))
        view[: len(data)] = data
        return len(data)


def _decoded(blocks: Iterable[bytes], codec: str, name: str, errors: str) -> Iterator[str]:
    """Yield the text of blocks, and that before a fault before the error that names its line."""
    decoder = codecs.getincrementaldecoder(codec)(errors)
    line = 1
    is_begun = is_checked = False
    for block in itertools.chain(blocks, [b""]):
        if not is_checked and (reason := not_text_reason(block, codec)):
            raise DataError(f"{name}: {reason}")
        is_checked = True
        text, fault = _decode(decoder, block)
        check_characters(text, codec, f"{name}:{line}")
        if errors == "replace":
            text = text.replace("\0", "\ufffd")
        nul = nul_fault(text, name, line)
        line += text.count("\n")
        if text and not is_begun:
            is_begun, text = True, text.removeprefix("\ufeff")
        yield text if nul is None else text[: text.index("\0")]
        if nul is not None:
            raise nul
        if fault is not None:
            raise DataError(f"{name}:{line}: {_told(fault, codec)}; {decoding_advice(codec)}")


def _decode(decoder: codecs.IncrementalDecoder, block: bytes) -> tuple[str, UnicodeError | None]:
    """Return the text of a block, and the fault where one ends it; an empty block is the end."""
    state: tuple[bytes, int] = decoder.getstate()
    try:
        return decoder.decode(block, final=not block), None
    except UnicodeDecodeError as error:
        # What the decoder had at hand is what it held back and the block.
        good = error.start - (len(error.object) - len(block))
        decoder.setstate(state)
        with contextlib.suppress(UnicodeError):  # as in UTF-16 without a mark
            return decoder.decode(block[: max(0, good)]), error
        return "", error
    except UnicodeError as error:
        return "", error


def _told(fault: UnicodeError, codec: str) -> str:
    if isinstance(fault, UnicodeDecodeError):
        return f"byte 0x{fault.object[fault.start]:02x} is not valid {codec} ({fault.reason})"
    return f"not valid {codec}: {fault}"
