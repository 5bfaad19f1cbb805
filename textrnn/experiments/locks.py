"""Locks that the system releases when whoever holds them is gone, however that happened."""

from __future__ import annotations

from pathlib import Path
from typing import IO

__all__ = ["hold", "is_held"]


def hold(path: Path) -> IO[bytes] | None:
    """Take a lock and return the open file that holds it; None where somebody else does.

    A child process that inherits the file's descriptor holds the lock as well: it is free again when the
    last of them has closed it or ended.

    Args:
        path: The lock's file, made where it is missing.
    """
    file = path.open("ab")
    try:
        import fcntl
    except ImportError:  # pragma: no cover  (Windows: one process works on a study at a time)
        return file
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        return None
    return file


def is_held(path: Path) -> bool:
    """Return whether somebody holds a lock."""
    file = hold(path)
    if file is None:
        return True
    file.close()
    return False
