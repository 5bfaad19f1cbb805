"""Bytes that are not valid in an encoding: how many, where, and which encoding it may be instead."""

from __future__ import annotations

import codecs
import itertools
from collections.abc import Iterator
from typing import BinaryIO, cast

from textrnn.data.checking.report import Remark
from textrnn.data.compression import compression_of, decompressed
from textrnn.data.intake import TextFile
from textrnn.data.reading import codec_name, read_text
from textrnn.errors import DataError

__all__ = ["bad_bytes"]

_MARK = "\uffff"
"""Stands where a byte was not valid: a noncharacter, which no text has."""
_MOST_PLACES = 10
_OTHERS = ("cp1252", "latin-1")


def bad_bytes(file: TextFile, encoding: str) -> Remark | None:
    """Return the remark about a file's bytes that are not valid; None where they are not the trouble."""
    count = letters = 0
    places: list[str] = []
    line = 1
    try:
        for text in _marked(file, encoding):
            count += text.count(_MARK)
            letters += 0 if text.isascii() else sum(not c.isascii() for c in text)
            at = -1
            while len(places) < _MOST_PLACES and (at := text.find(_MARK, at + 1)) >= 0:
                place = f"{file.name}:{line + text.count(chr(10), 0, at)}"
                if place not in places:
                    places.append(place)
            line += text.count("\n")
    except (DataError, UnicodeError, OSError):
        return None
    if not count:
        return None
    # Among many characters of several bytes each, a few bad ones are damage.
    if letters - count > 10 * count:
        advice = f"the file is damaged; drop them with: iconv -c -f {encoding} -t {encoding} FILE > MENDED"
    else:
        found = next((other for other in _OTHERS if _reads(file, other)), None)
        advice = f"--encoding {found} reads all of it" if found else "give its --encoding"
    bytes_are = "1 byte is" if count == 1 else f"{count:,} bytes are"
    what = f"{file.name}: {bytes_are} not valid {codec_name(encoding)}; training stops at the first"
    return Remark("refusal", "encoding", what, advice, tuple(places))


def _marked(file: TextFile, encoding: str) -> Iterator[str]:
    """Yield a file's text with a mark for every byte that is not valid."""
    codecs.register_error("textrnn-mark", _mark)
    decoder = codecs.getincrementaldecoder(encoding)("textrnn-mark")
    with file.path.open("rb", buffering=0) as raw:
        kind = compression_of(raw.read(16), file.name)
        raw.seek(0)
        blocks = decompressed(cast(BinaryIO, raw), kind, file.name)
        for block in itertools.chain(blocks, [b""]):
            yield decoder.decode(block, final=not block)


def _mark(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return _MARK, error.end


def _reads(file: TextFile, encoding: str) -> bool:
    try:
        for _ in read_text(file.path, encoding, name=file.name):
            pass
    except DataError:
        return False
    return True
