"""A model that is put aside while another takes its place, and how it comes back whatever happens.

It lies inside the model directory itself, which may be a link, a mount point or the working directory,
none of which can be moved. The name of its folder says how far a move has come, so that a kill at any
moment loses nothing:

* ``.replacing-*``: on its way there or back; all that lies around it is of the same model;
* ``.replaced-*``: wholly put aside; what lies around it is of the run that is to replace it;
* ``.discarded-*``: replaced by something better and being deleted.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

from textrnn import bundle
from textrnn.cli.console import note
from textrnn.errors import ModelError, TrainingError
from textrnn.files import is_plain

__all__ = [
    "OWN",
    "TENSORBOARD",
    "bring_back",
    "discard",
    "hold",
    "open_model",
    "put_aside",
    "recover",
    "remove_own",
]

_MOVING, _WHOLE, _DEAD = ".replacing-", ".replaced-", ".discarded-"

TENSORBOARD = "tensorboard"

OWN = (
    bundle.CONFIG,
    bundle.LOG,
    bundle.RESUME,
    TENSORBOARD,
    "tokenizer.*",
    "*-tokenizer.*",
    "weights-*.safetensors",
    ".*.part",
)
"""What a run writes into its directory."""


def put_aside(path: Path) -> Path:
    """Put the model in a directory aside and return the folder that it lies in now."""
    token = secrets.token_hex(4)
    moving = path / f"{_MOVING}{token}"
    moving.mkdir()
    # config.json first: without it nobody takes the half that is left for a model.
    try:
        for entry in sorted(_own(path), key=lambda entry: entry.name != bundle.CONFIG):
            entry.rename(moving / entry.name)
    except BaseException:
        bring_back(path, moving)
        raise
    return moving.rename(path / f"{_WHOLE}{token}")


def bring_back(path: Path, aside: Path) -> None:
    """Put a model back in the place of whatever a run has written meanwhile."""
    if aside.name.startswith(_WHOLE):
        remove_own(path)
        aside = aside.rename(path / aside.name.replace(_WHOLE, _MOVING))
    for entry in sorted(aside.iterdir(), key=lambda entry: entry.name == bundle.CONFIG):
        entry.rename(path / entry.name)
    aside.rmdir()


def discard(aside: Path) -> None:
    """Delete a model that was put aside, since a better one stands."""
    dead = aside.rename(aside.with_name(aside.name.replace(_WHOLE, _DEAD)))
    shutil.rmtree(dead, ignore_errors=True)


def remove_own(path: Path) -> None:
    """Delete what a run has written into a directory; what else lies there stays."""
    # The folder by which leftovers are known for some goes last.
    order = {bundle.CONFIG: -1, bundle.RESUME: 1}
    for entry in sorted(_own(path), key=lambda entry: order.get(entry.name, 0)):
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def recover(path: Path) -> None:
    """Bring back a model that a killed run had put aside, and say so in a line.

    A run that was killed after it had evaluated and saved has replaced the model: then the one put
    aside goes.

    Raises:
        TrainingError: a run is replacing the model at this moment.
    """
    if not path.is_dir():
        return
    for dead in filter(_is_folder, path.glob(f"{_DEAD}*")):
        shutil.rmtree(dead, ignore_errors=True)
    for aside in _set_aside(path):
        with hold(aside):
            if aside.name.startswith(_WHOLE) and _is_evaluated(path):
                discard(aside)
                continue
            bring_back(path, aside)
        note(
            f"{path}: the run that was to replace this model was killed before its first evaluation; the "
            f"model is back"
        )


def open_model(path: Path | str, job: str | None = None) -> bundle.Bundle:
    """Open a model as :func:`textrnn.bundle.open_bundle` does; say where one that was put aside is.

    Raises:
        ModelError: as ``open_bundle``.
    """
    path = Path(path)
    aside = None if (path / bundle.CONFIG).exists() else next(iter(_set_aside(path)), None)
    if aside is not None:
        from textrnn.cli.jobs import job_named
        from textrnn.cli.output import shown

        try:
            command = f"textrnn train {job_named(bundle.open_bundle(aside).job).command} --resume"
        except ModelError:
            command = "textrnn train lm --resume"
        raise ModelError(
            f"{path}: its model lies in {aside}, put aside by a run that was to replace it; if that run was "
            f"killed, the model is put back by: {command} {shown(path)}"
        )
    return bundle.open_bundle(path, job)


@contextlib.contextmanager
def hold(aside: Path) -> Iterator[None]:
    """Keep other processes from taking a model that is put aside for a killed run's.

    Raises:
        TrainingError: another process holds it.
    """
    try:
        import fcntl
    except ImportError:  # pragma: no cover  (Windows keeps open files from being moved by itself)
        yield
        return
    handle = os.open(aside, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise TrainingError(
                f"{aside.parent}: a run is replacing this model; wait for it or choose another directory"
            ) from None
        except OSError:  # pragma: no cover
            pass  # A file system without locks.
        yield
    finally:
        os.close(handle)


def _own(path: Path) -> list[Path]:
    return [entry for entry in path.iterdir() if any(fnmatch(entry.name, own) for own in OWN)]


def _set_aside(path: Path) -> list[Path]:
    """Return the folders of models put aside, the last one first."""
    if not path.is_dir():
        return []
    found = [
        entry
        for entry in path.iterdir()
        if entry.name.startswith((_MOVING, _WHOLE)) and _is_folder(entry)
    ]
    return sorted(found, key=lambda entry: entry.stat().st_mtime, reverse=True)


def _is_folder(entry: Path) -> bool:
    """Return whether an entry is a folder of the directory's own: where a link leads, nothing is touched."""
    return is_plain(entry, folder=True)


def _is_evaluated(path: Path) -> bool:
    """Return whether a model stands in the directory that is worth more than its starting weights."""
    try:
        return bool(bundle.open_bundle(path).config["training"]["metrics"])
    except (ModelError, KeyError, TypeError):
        return False
