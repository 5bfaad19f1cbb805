"""One run at a time writes into a model directory, and only as long as it is the one that it began in."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import IO

from textrnn import bundle
from textrnn.errors import TrainingError

__all__ = ["DirectoryLock"]


class DirectoryLock:
    """Keeps other runs out of a model directory; goes with the process, however that ends.

    Args:
        path: The model directory; its folder ``resume`` exists.

    Raises:
        TrainingError: another run is writing there.
        OSError: the lock's file cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._place = path / bundle.RESUME / ".lock"
        self._file = self._place.open("ab")
        try:
            _lock(self._file)
            # Between opening and locking, another run may have put the directory's content aside.
            self.require_held()
        except BaseException as error:
            self._file.close()
            if isinstance(error, (BlockingIOError, FileNotFoundError)):
                raise TrainingError(
                    f"{path}: another run is writing into this directory; wait for it or choose another "
                    f"with --output"
                ) from None
            raise

    def require_held(self) -> None:
        """Make sure that the directory is still the one that was locked.

        Raises:
            FileNotFoundError: it was moved away or deleted, whatever lies in its place now.
        """
        own = os.fstat(self._file.fileno())
        try:
            there = self._place.stat()
        except FileNotFoundError:
            there = None
        if there is None or (own.st_dev, own.st_ino) != (there.st_dev, there.st_ino):
            said = "the directory was moved away, deleted or replaced"
            raise FileNotFoundError(errno.ENOENT, said, str(self._path))

    def close(self) -> None:
        """Let other runs in."""
        self._file.close()


def _lock(file: IO[bytes]) -> None:
    """Lock a file, where its file system has locks.

    Raises:
        BlockingIOError: another process holds the lock.
    """
    if os.name == "nt":  # pragma: no cover
        import msvcrt

        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        except OSError:
            raise BlockingIOError from None
        return
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError:  # pragma: no cover
        pass  # A file system without locks.
