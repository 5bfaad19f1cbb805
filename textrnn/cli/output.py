"""Where a new model goes, and what may be replaced for it."""

from __future__ import annotations

import contextlib
import os
import shlex
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

from textrnn import bundle
from textrnn.cli.aside import OWN, bring_back, discard, hold, put_aside, recover, remove_own
from textrnn.cli.console import note
from textrnn.data.sources import is_data_set
from textrnn.errors import TrainingError, UsageError

__all__ = ["Output", "default_output", "shown"]

_COMPRESSED = (".gz", ".xz", ".bz2", ".zst")


def default_output(first_input: str, suffix: str) -> Path:
    """Return the model directory for an input: ``book-lm`` for ``texts/book.txt.gz``.

    Args:
        first_input: A file, a folder, a data set, or ``-``.
        suffix: What tells the job, ``-lm``.
    """
    if first_input == "-":
        return Path(f"stdin{suffix}")
    if is_data_set(first_input):
        return Path(first_input.split(":")[1].split("/")[-1] + suffix)
    path = Path(first_input)
    if path.is_dir():
        name = path.resolve().name
    else:
        whole = Path(path.stem) if path.suffix.lower() in _COMPRESSED else path
        name = whole.stem
    return Path(f"{name or 'text'}{suffix}")


def shown(path: Path) -> str:
    """Return a path as it may stand in a command of the shell."""
    text = str(path)
    return shlex.quote(f"./{text}" if text.startswith("-") else text)


class Output:
    """The directory that a new model is written to.

    A model that a killed run had put aside there comes back first.

    Args:
        path: The directory.
        force: Whether a model that is there may be replaced.

    Raises:
        UsageError: something is there that is not to be replaced.
        TrainingError: a run is writing there.
    """

    def __init__(self, path: Path, *, force: bool) -> None:
        self.path = path
        self._force = force
        self._old: Path | None = None
        self._look()

    def _look(self) -> bool:
        """Return whether something is there, which may be replaced."""
        recover(self.path)
        if not os.path.lexists(self.path) or _is_empty(self.path):
            return False
        if not self._force:
            raise UsageError(_refusal(self.path))
        _require_replaceable(self.path)
        return True

    @property
    def is_pending(self) -> bool:
        """Whether the model that was there would still come back."""
        return self._old is not None

    @contextlib.contextmanager
    def replaced(self) -> Iterator[None]:
        """Put what is there aside; it comes back where the block ends without :meth:`commit`."""
        # Again, since reading the data took a while: another run may have begun here, or ended.
        is_there = self._look()
        with contextlib.ExitStack() as stack:
            if is_there:
                if (self.path / bundle.CONFIG).exists():
                    self._old = put_aside(self.path)
                    stack.enter_context(hold(self._old))
                else:
                    remove_own(self.path)
            try:
                yield
            finally:
                self._restore()

    def commit(self) -> None:
        """Delete what was there, since the new model is worth more."""
        if self._old is not None:
            old, self._old = self._old, None
            discard(old)

    def _restore(self) -> None:
        if self._old is None:
            return
        old, self._old = self._old, None
        bring_back(self.path, old)
        with contextlib.suppress(OSError):
            note(f"{self.path}: the model that was here before is back")


def _refusal(path: Path) -> str:
    if (path / bundle.CONFIG).is_file():
        return (
            f"{path} exists already and holds a model; train it further with --resume {shown(path)}, "
            f"replace it with --force, or choose another directory with --output"
        )
    if path.is_dir() and _is_leftover(path) and not _strangers(path):
        return (
            f"{path} exists already; it holds what is left of a run that ended before its first save: "
            f"replace it with --force, or choose another directory with --output"
        )
    return f"{path} exists already; choose another directory with --output"


def _is_empty(path: Path) -> bool:
    return path.is_dir() and not any(path.iterdir())


def _require_replaceable(path: Path) -> None:
    """Refuse to replace anything but a model, or what is left of a run, that nobody is writing."""
    if not path.is_dir():
        raise UsageError(
            f"{path} exists and is not a directory; --force replaces nothing but models: choose another "
            f"directory with --output"
        )
    strange = _strangers(path)
    if strange or not ((path / bundle.CONFIG).exists() or _is_leftover(path)):
        what = f"holds {strange[0]}, which is no part of a model" if strange else "is not a model"
        raise UsageError(
            f"{path} {what}; --force replaces nothing but models: choose another directory with --output"
        )
    _require_unlocked(path)


def _strangers(path: Path) -> list[str]:
    """Return the names in a directory that no run has written."""
    names = [entry.name for entry in path.iterdir()]
    return sorted(name for name in names if not any(fnmatch(name, own) for own in OWN))


def _is_leftover(path: Path) -> bool:
    """Return whether a run has begun to write here: it makes a folder for its state first of all."""
    folder = path / bundle.RESUME
    own = (".lock", bundle.STATE, "last-*.safetensors", ".*.part")
    return folder.is_dir() and all(
        any(fnmatch(entry.name, name) for name in own) for entry in folder.iterdir()
    )


def _require_unlocked(path: Path) -> None:
    """Refuse to replace a model that a run is writing."""
    try:
        import fcntl
    except ImportError:  # pragma: no cover  (Windows keeps open files from being moved by itself)
        return
    with (
        contextlib.suppress(FileNotFoundError),
        (path / bundle.RESUME / ".lock").open("rb") as lock,
    ):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise TrainingError(
                f"{path}: a run is writing into this directory; wait for it or choose another with --output"
            ) from None
