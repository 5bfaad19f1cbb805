"""What decoding needs of a model: one step at a time, state passed in and out."""

from __future__ import annotations

from typing import Protocol, TypeVar

import numpy as np
import numpy.typing as npt

__all__ = ["Ids64", "Logits", "StepModel"]

Ids64 = npt.NDArray[np.int64]
Logits = npt.NDArray[np.float32]

StateT = TypeVar("StateT")


class StepModel(Protocol[StateT]):
    """A recurrent model that reads one token per row and call.

    The state is the model's own affair: an object that holds all rows of a batch. No method changes
    a state that it is given, so a caller may keep one and go on from it several times.
    """

    @property
    def vocab_size(self) -> int:
        """Number of ids."""

    def start(self, batch: int) -> StateT:
        """Return the state of ``batch`` rows before their first token."""

    def advance(self, ids: Ids64, state: StateT) -> StateT:
        """Read one token per row, without computing what may follow it.

        Args:
            ids: (batch,), int64.
            state: The state before it.
        """

    def step(self, ids: Ids64, state: StateT) -> tuple[Logits, StateT]:
        """Read one token per row and say what may follow.

        Args:
            ids: (batch,), int64.
            state: The state before it.

        Returns:
            The next token's logits, (batch, vocab_size), float32, on the CPU, and the new state.
        """

    def reorder(self, state: StateT, index: Ids64) -> StateT:
        """Return the state of the rows ``index``, (new batch,), int64.

        Rows may be dropped, repeated and in any order.
        """

    def join(self, first: StateT, second: StateT) -> StateT:
        """Return the state of the rows of both, those of ``first`` first."""
