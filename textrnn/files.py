"""Files of unknown origin, read as data and nothing else: no links, pipes or devices; JSON within bounds."""

from __future__ import annotations

import errno
import json
import math
import os
import stat
from pathlib import Path
from typing import Any, BinaryIO

__all__ = ["is_plain", "new_file", "open_plain", "parse_json", "read_plain"]

_DEEPEST = 32
"""Levels of lists and objects within each other; what textrnn writes has fewer than ten."""
_LONGEST_NUMBER = 300
"""Digits of a whole number that can be turned into a float."""
_READ = os.O_RDONLY | getattr(os, "O_BINARY", 0)
# A pipe without a writer must not be waited for, and a link not followed.
_READ |= getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)


def open_plain(path: Path) -> BinaryIO:
    """Open a file for reading that is a file: no link, folder, pipe or device.

    Raises:
        OSError: it is not, is not there or may not be read; ``strerror`` says so in words.
    """
    try:
        handle = os.open(path, _READ)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise _not_plain(path) from None
        raise
    except ValueError:  # a name that the system cannot have
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path)) from None
    if not stat.S_ISREG(os.fstat(handle).st_mode) or path.is_symlink():
        os.close(handle)
        raise _not_plain(path)
    return os.fdopen(handle, "rb")


def read_plain(path: Path, most: int) -> bytes:
    """Return the content of a file that is a file; see :func:`open_plain`.

    Args:
        path: The file.
        most: Bytes that it may have.

    Raises:
        OSError: as :func:`open_plain`, or it has more.
    """
    with open_plain(path) as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, "too large to be what it should be", str(path))
    return content


def is_plain(path: Path, *, folder: bool = False) -> bool:
    """Return whether a path is a file, or a folder, of its own: no link to one."""
    try:
        mode = path.lstat().st_mode
    except (OSError, ValueError):
        return False
    return stat.S_ISDIR(mode) if folder else stat.S_ISREG(mode)


def new_file(path: Path) -> BinaryIO:
    """Open a new file for writing; whatever has its name goes, and is never written through.

    Raises:
        OSError: it cannot be made.
    """
    path.unlink(missing_ok=True)
    return os.fdopen(os.open(path, _NEW, 0o666), "wb")


def parse_json(content: bytes) -> Any:
    """Return what JSON says, where it is such as textrnn writes.

    Numbers are finite, and nothing is nested deeper than 32 levels.

    Raises:
        ValueError: it is not.
    """
    try:
        value = json.loads(
            content.decode("utf-8"), parse_constant=_refuse, parse_int=_whole, parse_float=_finite
        )
    except RecursionError:
        raise ValueError("nested too deeply") from None
    layer = [value]
    for _ in range(_DEEPEST):
        layer = [inner for outer in layer for inner in _inside(outer)]
        if not layer:
            return value
    raise ValueError("nested too deeply")


def _inside(value: Any) -> list[Any]:
    """Return the lists and objects in a list or object."""
    if isinstance(value, dict):
        found = list(value.values())
    elif isinstance(value, list):
        found = value
    else:
        return []
    return [inner for inner in found if isinstance(inner, (dict, list))]


def _refuse(word: str) -> Any:
    raise ValueError(f"{word} is no number")


def _whole(digits: str) -> int:
    if len(digits) > _LONGEST_NUMBER:
        raise ValueError(f"a number of {len(digits)} digits")
    return int(digits)


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(f"{digits} is too large")
    return number


def _not_plain(path: Path) -> OSError:
    return OSError(errno.EINVAL, "not a plain file", str(path))
