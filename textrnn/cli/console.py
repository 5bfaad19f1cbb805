"""Writing to the two streams of a command, and figures as people read them.

Data go to stdout as UTF-8, byte for byte; everything else goes to stderr.
"""

from __future__ import annotations

import json
import os
import sys
import unicodedata
from collections.abc import Mapping
from typing import Any, TextIO

from textrnn.cli.wrapping import columns_of, wrapped

__all__ = [
    "byte_size",
    "duration",
    "fitted",
    "is_terminal",
    "may_colour",
    "note",
    "printable",
    "shortened",
    "tsv_field",
    "warn",
    "write",
    "write_json",
]

_LONGEST_MESSAGE = 1_500
_FIELD = str.maketrans({"\\": "\\\\", "\t": "\\t", "\r": "\\r", "\n": "\\n"})

# Joiners are format characters too, but emoji and several scripts need them.
_KEPT_FORMAT_CHARACTERS = "\u200c\u200d"


def write(text: str) -> None:
    """Write text to stdout and flush it.

    A terminal gets no control characters but line ends and tabs, since a text may hold sequences that
    would change the terminal; a file or pipe gets the text as it is.

    Raises:
        BrokenPipeError: the reader is gone.
        OSError: it cannot be written, a full disk for one; its ``filename`` is ``stdout``.
    """
    stream = sys.stdout
    if stream is None:
        return
    encoding = "utf-8"
    if is_terminal(stream):
        text = printable(text, keep="\n\t\r")
        encoding = stream.encoding or encoding
    try:
        stream.flush()
        stream.buffer.write(text.encode(encoding, "replace"))
        stream.buffer.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OSError(error.errno, error.strerror, "stdout") from None


def write_json(record: Mapping[str, Any]) -> None:
    """Write an object to stdout as a line of JSON."""
    write(json.dumps(record, ensure_ascii=False, allow_nan=False) + "\n")


def note(message: str) -> None:
    """Write a line to stderr; on a terminal it is broken between words."""
    if sys.stderr is not None:
        print(fitted(shortened(printable(message)), sys.stderr), file=sys.stderr, flush=True)


def warn(message: str) -> None:
    """Write a warning to stderr."""
    if sys.stderr is not None:
        label = "Warning:"
        text = fitted(shortened(printable(message)), sys.stderr, used=len(label) + 1)
        label = f"\x1b[33m{label}\x1b[0m" if may_colour(sys.stderr) else label
        print(f"{label} {text}", file=sys.stderr, flush=True)


def fitted(text: str, stream: TextIO, used: int = 0) -> str:
    """Return a text as it goes to a stream: broken between words for a terminal, else as it is.

    Args:
        text: One line or several.
        stream: Where it goes.
        used: Columns that are taken at the beginning of the first line.
    """
    return wrapped(text, columns_of(stream), used) if is_terminal(stream) else text


def is_terminal(stream: TextIO | None) -> bool:
    """Return whether a person reads the stream."""
    try:
        return stream is not None and stream.isatty()
    except ValueError:  # closed
        return False


def may_colour(stream: TextIO) -> bool:
    """Return whether colours may be used: on a terminal that has them, where nobody asked for none."""
    wanted = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return wanted and is_terminal(stream)


def printable(text: str, keep: str = "\n\t") -> str:
    r"""Return the text with everything escaped that could move a cursor, change colours or hide.

    Args:
        text: Any text.
        keep: Control characters that stay; others become ``\x1b`` or ``\u202e``.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if c in keep or _shows(c) else _escaped(c) for c in text)


def tsv_field(value: object) -> str:
    r"""Return a value as a field of tab-separated values: a tab as ``\t``, line ends as ``\n`` and ``\r``.

    A backslash becomes two, and what is not known, None, is empty.
    """
    return "" if value is None else str(value).translate(_FIELD)


def shortened(message: str) -> str:
    """Return a message without its middle where it is too long to be read: it may quote any value."""
    if len(message) <= _LONGEST_MESSAGE:
        return message
    return f"{message[: _LONGEST_MESSAGE * 2 // 3]} … {message[-_LONGEST_MESSAGE // 3 :]}"


def _shows(character: str) -> bool:
    category = unicodedata.category(character)
    if category == "Cf":
        return character in _KEPT_FORMAT_CHARACTERS
    return category not in ("Cc", "Cs", "Cn", "Zl", "Zp")


def _escaped(character: str) -> str:
    code = ord(character)
    if code < 0x20:
        return f"\\x{code:02x}"
    # As JSON escapes, so that its lines are still JSON on a terminal.
    units = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[low : low + 4]}" for low in range(0, len(units), 4))


def duration(seconds: float) -> str:
    """Return a duration in words of a clock: ``4 s``, ``1:05``, ``2:00:00``, ``3 d 01:00:00``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, s = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes}:{s:02}"
    hours, m = divmod(minutes, 60)
    if hours < 24:
        return f"{hours}:{m:02}:{s:02}"
    days, h = divmod(hours, 24)
    return f"{days} d {h:02}:{m:02}:{s:02}"


def byte_size(number: float) -> str:
    """Return a size in decimal units: ``900 bytes``, ``1.1 MB``."""
    if number < 1000:
        return f"{number:.0f} bytes"
    for unit in ("kB", "MB", "GB"):
        number /= 1000
        if number < 999.5:
            return f"{number:.3g} {unit}"
    return f"{number / 1000:.3g} TB"
