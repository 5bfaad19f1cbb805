"""Every error that textrnn raises on purpose.

A message says what was wrong, where, the value, what is allowed and what to do next; the command line
prints it without a traceback and exits with the class's ``exit_code``.
"""

from __future__ import annotations

__all__ = [
    "DataError",
    "DeviceError",
    "ModelError",
    "TextrnnError",
    "TrainingError",
    "TrainingInterrupted",
    "UsageError",
]


class TextrnnError(Exception):
    """Base of all errors that textrnn raises on purpose."""

    exit_code: int = 1


class UsageError(TextrnnError):
    """A setting, option or argument is wrong: its name, its value or its combination with others."""

    exit_code = 2


class DataError(TextrnnError):
    """An input cannot be read, decoded or used: the message names the file and the place in it."""


class ModelError(TextrnnError):
    """A model directory is missing, damaged, of another job or of a newer format."""


class DeviceError(TextrnnError):
    """A device is not there or cannot do what was asked."""


class TrainingError(TextrnnError):
    """Training cannot go on: it diverged too often, or its state could not be written."""


class TrainingInterrupted(TextrnnError):  # noqa: N818  (an event more than an error)
    """Training was stopped by a signal after its state had been saved.

    ``exit_code`` is 128 plus the signal's number, as shells report it.
    """

    def __init__(self, message: str, signal_number: int) -> None:
        super().__init__(message)
        self.exit_code = 128 + signal_number
