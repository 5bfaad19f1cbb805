"""What decoding needs of a model: one step at a time, state passed in and out."""

from __future__ import annotations

from typing import NamedTuple, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

__all__ = ["Banned", "BeamModel", "Candidates", "Ids64", "Logits", "RowModel", "StepModel"]

Ids64 = npt.NDArray[np.int64]
Logits = npt.NDArray[np.float32]
Banned = tuple[Ids64, Ids64]
"""Rows and, for each of them, an id that may not follow there."""

StateT = TypeVar("StateT")


class RowModel(Protocol[StateT]):
    """A recurrent model that reads one token per row and call.

    The state is the model's own affair: an object that holds all rows of a batch. No method changes
    a state that it is given, so a caller may keep one and go on from it several times.
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


class StepModel(RowModel[StateT], Protocol[StateT]):
    """A model that starts from nothing and reads texts of any kind."""

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

    def join(self, first: StateT, second: StateT) -> StateT:
        """Return the state of the rows of both, those of ``first`` first."""


class Candidates(NamedTuple):
    """The likeliest next tokens of every row.

    Probabilities are those of the whole vocabulary: what may not follow takes none of its own away.

    Attributes:
        ids: (rows, count), int64, the likeliest first, of equals the lowest id; never ``<eos>``.
        log_probs: Their log-probabilities, (rows, count), in nats; -inf where an id may not follow.
        ends: The log-probability of ``<eos>``, (rows,).
    """

    ids: Ids64
    log_probs: npt.NDArray[np.floating]
    ends: npt.NDArray[np.floating]


class BeamModel(Protocol[StateT]):
    """A model whose likeliest continuations are asked for, as beam search does.

    It may find them where its logits are, on another device, so that they alone need to travel.
    The state is as for :class:`RowModel`.
    """

    def extend(
        self, ids: Ids64, state: StateT, count: int, banned: Banned | None
    ) -> tuple[Candidates, StateT]:
        """Read one token per row and name the likeliest that may follow.

        Args:
            ids: (rows,), int64.
            state: The state before it.
            count: How many candidates a row is to have, at least 1; fewer where the vocabulary has
                no more, but as many in every row.
            banned: What may not follow, or None.
        """

    def reorder(self, state: StateT, index: Ids64) -> StateT:
        """Return the state of the rows ``index``; as for :class:`RowModel`."""
