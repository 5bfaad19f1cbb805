"""Where a command's answers go: to stdout, or into a file that appears when it is done."""

from __future__ import annotations

import contextlib
import stat
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from textrnn.cli.console import note, write
from textrnn.cli.output import shown
from textrnn.errors import UsageError

__all__ = ["Results"]


class Results:
    """Takes answers; a context manager.

    A file is written beside and takes its name when the command has done all it was asked for. Where
    something ends it early, what was answered until then lies in ``NAME.part``, what was there before stays.

    Args:
        output: A file; None or ``-`` for stdout. Something that is no plain file, such as a named pipe, is
            written to as it is.
        force: Whether a file that is there may be replaced.
        option: What names the file on the command line.

    Raises:
        UsageError: the file is there already, is a folder, or its folder is missing.
    """

    def __init__(self, output: str | None, *, force: bool, option: str = "--output") -> None:
        self.path = None if output in (None, "-") else Path(str(output))
        self._target: Path | None = None
        self._part: Path | None = None
        self._file: BinaryIO | None = None
        self._is_begun = False
        self._option = option
        if self.path is not None:
            self._choose(self.path, force=force)

    @property
    def is_stdout(self) -> bool:
        """Whether answers go to stdout."""
        return self.path is None

    def write(self, text: str) -> None:
        """Write text, as UTF-8, and flush it.

        Raises:
            BrokenPipeError: the reader is gone.
            OSError: it cannot be written, a full disk for one.
        """
        if self.path is None:
            write(text)
            return
        self.write_bytes(text.encode())

    def write_bytes(self, content: bytes) -> None:
        """Write bytes into the file and flush it.

        Raises:
            BrokenPipeError, OSError: as :meth:`write`.
        """
        file = self._opened()
        try:
            file.write(content)
            file.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(self.path)) from None
        self._is_begun = self._is_begun or bool(content)

    def __enter__(self) -> Results:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give the file its name."""
        if self.path is None:
            return
        if error is None:
            self._opened()
        if self._file is None:
            return
        try:
            self._file.close()
        finally:
            if self._part is not None and self._target is not None:
                if error is None:
                    self._part.replace(self._target)
                elif self._is_begun:
                    kept = self._target.with_name(f"{self._target.name}.part")
                    self._part.replace(kept)
                    with contextlib.suppress(OSError):
                        note(f"incomplete: what was answered until now is in {shown(kept)}")
                else:
                    with contextlib.suppress(OSError):
                        self._part.unlink()

    def _choose(self, path: Path, *, force: bool) -> None:
        try:
            mode = path.stat().st_mode
        except FileNotFoundError:
            mode = None
        if mode is not None and stat.S_ISDIR(mode):
            raise UsageError(f"{self._option}: {path} is a folder; name a file")
        if mode is not None and not stat.S_ISREG(mode):
            return
        if mode is not None and not force:
            raise UsageError(
                f"{path} exists already; replace it with --force, or choose another file with {self._option}"
            )
        # Through a link the file that it names is written.
        target = path.resolve()
        if not target.parent.is_dir():
            raise UsageError(
                f"{self._option}: there is no folder {path.parent}; make it with: mkdir -p "
                f"{shown(path.parent)}"
            )
        self._target, self._part = target, target.with_name(f".{target.name}.part")

    def _opened(self) -> BinaryIO:
        if self._file is None:
            place = self._part or self.path
            assert place is not None  # noqa: S101  (stdout never comes here)
            self._file = place.open("wb")
        return self._file
