"""What is told where a model directory cannot be written, and what can be done about it."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Callable, Iterator
from pathlib import Path

from textrnn.errors import TrainingError

__all__ = ["SaveError", "explained"]

_REMEDIES = {
    errno.ENOSPC: "make room",
    errno.EDQUOT: "make room",
    errno.EFBIG: "allow larger files (ulimit -f)",
    errno.EACCES: "make it writable",
    errno.EPERM: "make it writable",
    errno.EROFS: "make it writable",
    errno.ENOENT: "put it back",
}


class SaveError(TrainingError):
    """A model directory could not be written; what was saved in it before is whole.

    Attributes:
        reason: What could not be written, and why.
    """

    def __init__(self, reason: str, advice: str) -> None:
        super().__init__(f"{reason}; {advice}")
        self.reason = reason


@contextlib.contextmanager
def explained(path: Path, saved_step: Callable[[], int | None] = lambda: None) -> Iterator[None]:
    """Turn an OSError while writing into a message that says what could not be written.

    Args:
        path: The model directory.
        saved_step: Returns the step of the last save there; None before the first.
    """
    try:
        yield
    except OSError as error:
        file = Path(str(error.filename or path))
        if file.suffix == ".part":
            # It is written beside and renamed.
            file = file.with_name(file.stem.removeprefix("."))
        reason = f"{file}: cannot be written: {error.strerror or error}"
        remedy = _REMEDIES.get(error.errno or 0, "mend that")
        advice = f"{remedy}, or choose another directory with --output"
        step = saved_step()
        if step is not None:
            advice = (
                f"what was saved at step {step:,} is whole: {remedy}, and go on from there with "
                f"--resume {path}"
            )
        raise SaveError(reason, advice) from error
