"""Saves that fail while a run goes on: told once, tried again, and what the end of the run makes of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from torch import Tensor

from textrnn.training.checkpoint import RunDirectory
from textrnn.training.events import Event, Saved, SaveFailed
from textrnn.training.save_error import SaveError
from textrnn.training.state import RunState

__all__ = ["RETRY_S", "Saver"]

RETRY_S = 30.0
"""A save that failed is tried again after so long, or where the next one is due."""


class Saver:
    """Saves a run into its directory.

    A full disk or a folder that is away for a while costs a run nothing but the saves that fell into
    that time: it goes on with what it has in memory. Only the saves that end a run must succeed, and
    the first one, before anything has been spent.

    Args:
        directory: Where the run is saved.
        clock: Seconds since the command's start, monotonic.
    """

    def __init__(self, directory: RunDirectory, clock: Callable[[], float]) -> None:
        self._directory = directory
        self._clock = clock
        self._retry_at_s: float | None = None
        self._failed = 0

    def is_retry_due(self) -> bool:
        """Return whether the last save failed, long enough ago."""
        return self._retry_at_s is not None and self._clock() >= self._retry_at_s

    def save(self, state: RunState, tensors: Mapping[str, Tensor], *, must: bool) -> Event:
        """Save, and tell how it went.

        Args:
            state: Where the run stands.
            tensors: Everything of it that is a tensor, by name.
            must: Whether a failure ends the run.

        Raises:
            SaveError: it failed and must not.
        """
        begun = self._clock()
        path = str(self._directory.path)
        try:
            self._directory.save(state, tensors)
        except SaveError as error:
            if must:
                raise
            self._retry_at_s = self._clock() + RETRY_S
            self._failed += 1
            return SaveFailed(
                state.step,
                path,
                error.reason,
                self._directory.saved_step,
                RETRY_S,
                self._failed,
            )
        failed, self._failed, self._retry_at_s = self._failed, 0, None
        return Saved(state.step, path, self._clock() - begun, failed)
