"""How many lines an input has: told by the standard library alone, beside the readers under test."""

import bz2
import gzip
import io
import lzma

import zstandard

__all__ = ["expected_lines", "unpacked"]


def unpacked(data: bytes) -> bytes:
    """The bytes of a file that may be compressed by what its first bytes say."""
    if data.startswith(b"\x1f\x8b\x08"):
        return gzip.decompress(data)
    if data.startswith(b"\xfd7zXZ\0"):
        return lzma.decompress(data)
    if data[:3] == b"BZh" and data[4:10] in (b"1AY&SY", b"\x17rE8P\x90"):
        return bz2.decompress(data)
    if data.startswith(b"\x28\xb5\x2f\xfd"):
        reader = zstandard.ZstdDecompressor().stream_reader(
            io.BytesIO(data), read_across_frames=True
        )
        return reader.read()
    return data


def expected_lines(data: bytes, encoding: str = "utf-8", errors: str = "strict") -> list[str]:
    """The lines of a text: they end at LF, a CR before it goes; the last need not end."""
    text = unpacked(data).decode(encoding, errors).removeprefix("\ufeff")
    *whole, rest = text.split("\n")
    found = [line.removesuffix("\r") for line in whole]
    return [*found, rest] if rest else found
