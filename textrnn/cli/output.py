"""Where a new model goes, and what may be replaced for it."""

from __future__ import annotations

import contextlib
import os
import secrets
import shlex
import shutil
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

from textrnn import bundle
from textrnn.errors import TrainingError, UsageError

__all__ = ["Output", "default_output", "shown"]

TENSORBOARD = "tensorboard"
_COMPRESSED = (".gz", ".xz", ".bz2", ".zst")
_OWN = (
    bundle.CONFIG,
    bundle.LOG,
    bundle.RESUME,
    TENSORBOARD,
    "tokenizer.*",
    "weights-*.safetensors",
    ".*.part",
    ".replaced-*",
)


def default_output(first_input: str) -> Path:
    """Return the model directory for an input: ``book-lm`` for ``texts/book.txt.gz``."""
    if first_input == "-":
        return Path("stdin-lm")
    path = Path(first_input)
    if path.is_dir():
        name = path.resolve().name
    else:
        whole = Path(path.stem) if path.suffix.lower() in _COMPRESSED else path
        name = whole.stem
    return Path(f"{name or 'text'}-lm")


def shown(path: Path) -> str:
    """Return a path as it may stand in a command of the shell."""
    text = str(path)
    return shlex.quote(f"./{text}" if text.startswith("-") else text)


class Output:
    """The directory that a new model is written to.

    Args:
        path: The directory.
        force: Whether a model that is there may be replaced.

    Raises:
        UsageError: something is there that is not to be replaced.
        TrainingError: a run is writing there.
    """

    def __init__(self, path: Path, *, force: bool) -> None:
        self.path = path
        self._old: Path | None = None
        if not os.path.lexists(path) or _is_empty(path):
            return
        if not force:
            raise UsageError(_refusal(path))
        _require_model(path)
        _require_unlocked(path)

    @contextlib.contextmanager
    def replaced(self) -> Iterator[None]:
        """Put what is there aside; it comes back where the block ends without :meth:`commit`.

        It is put aside inside the directory itself, which may be a link, a mount point or the working
        directory, none of which can be moved.
        """
        if self.path.is_dir() and not _is_empty(self.path):
            _require_model(self.path)
            aside = self.path / f".replaced-{secrets.token_hex(4)}"
            aside.mkdir()
            # config.json first: without it nobody takes the half that is left for a model.
            for entry in sorted(self.path.iterdir(), key=lambda entry: entry.name != bundle.CONFIG):
                if entry != aside:
                    entry.rename(aside / entry.name)
            self._old = aside
        try:
            yield
        finally:
            self._restore()

    def commit(self) -> None:
        """Delete what was there, since the new model stands."""
        if self._old is not None:
            shutil.rmtree(self._old, ignore_errors=True)
            self._old = None

    def _restore(self) -> None:
        if self._old is None:
            return
        for entry in self.path.iterdir():
            if entry != self._old:
                _remove(entry)
        for entry in sorted(self._old.iterdir(), key=lambda entry: entry.name == bundle.CONFIG):
            entry.rename(self.path / entry.name)
        self._old.rmdir()
        self._old = None


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def _refusal(path: Path) -> str:
    if (path / bundle.CONFIG).is_file():
        return (
            f"{path} exists already and holds a model; train it further with --resume {shown(path)}, "
            f"replace it with --force, or choose another directory with --output"
        )
    return f"{path} exists already; choose another directory with --output"


def _is_empty(path: Path) -> bool:
    return path.is_dir() and not any(path.iterdir())


def _require_model(path: Path) -> None:
    """Refuse to replace anything but a model directory without other things in it."""
    if not path.is_dir():
        raise UsageError(
            f"{path} exists and is not a directory; --force replaces nothing but models: choose another "
            f"directory with --output"
        )
    names = [entry.name for entry in path.iterdir()]
    strange = sorted(name for name in names if not any(fnmatch(name, own) for own in _OWN))
    is_model = bundle.CONFIG in names or (path / bundle.RESUME).is_dir()
    if strange or not is_model:
        what = f"holds {strange[0]}, which is no part of a model" if strange else "is not a model"
        raise UsageError(
            f"{path} {what}; --force replaces nothing but models: choose another directory with --output"
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
