"""A batch of texts in the making, token by token."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt

from textrnn.decoding.protocol import Ids64, RowModel, StepModel
from textrnn.decoding.randomness import Keys, uniforms
from textrnn.decoding.sampling import Sampler
from textrnn.tokenizers.base import PAD_ID

__all__ = ["SampledBatch", "read_prompts"]

StateT = TypeVar("StateT")

_BLOCK = 256
"""Random numbers are made for so many positions at once."""


def read_prompts(model: StepModel[StateT], prompts: Sequence[npt.NDArray[np.integer]]) -> StateT:
    """Return the state after all but the last token of each prompt.

    Prompts of different lengths end together: the longest begins, and the others join when as many
    tokens are left to read as they have. So no row reads padding, and none waits.

    Args:
        model: What reads.
        prompts: At least one, each of at least one id.

    Returns:
        The state, its rows in the order of the prompts.
    """
    # Longest first; equals in their order.
    order = sorted(range(len(prompts)), key=lambda row: -len(prompts[row]))
    lengths = [len(prompts[row]) - 1 for row in order]
    state = model.start(lengths.count(lengths[0]))
    rows = lengths.count(lengths[0])
    for left in range(lengths[0], 0, -1):
        joining = lengths[rows:].count(left)
        if joining:
            state = model.join(state, model.start(joining))
            rows += joining
        ids = [prompts[row][-1 - left] for row in order[:rows]]
        state = model.advance(np.array(ids, np.int64), state)
    if rows < len(order):
        state = model.join(state, model.start(len(order) - rows))
    return model.reorder(state, np.argsort(order))


class SampledBatch(Generic[StateT]):
    """Rows that grow by one sampled token each at every call.

    Memory does not grow with the number of tokens.

    Args:
        model: What says which tokens may follow.
        sampler: What chooses among them.
        state: The model's state before each row's last token.
        prompts: Each row's ids so far, at least one.
        keys: Keys of the rows' random numbers, (batch, 2).
        window: How many of the last ids count as recent; 0 where nobody asks for them.
        skipped: Ids at each prompt's beginning that never count as recent.
    """

    def __init__(
        self,
        model: RowModel[StateT],
        sampler: Sampler,
        state: StateT,
        prompts: Sequence[npt.NDArray[np.integer]],
        keys: Keys,
        *,
        window: int = 0,
        skipped: int = 0,
    ) -> None:
        self._model = model
        self._sampler = sampler
        self._state = state
        self._keys = keys
        self._last = np.array([prompt[-1] for prompt in prompts], np.int64)
        self._position = 0
        self._numbers = np.empty((0, len(prompts)))
        self._window = window
        self._recent = np.full((len(prompts), window), PAD_ID, np.int64)
        for row, prompt in enumerate(prompts):
            seen = prompt[skipped:][-window:] if window else prompt[:0]
            self._recent[row, window - len(seen) :] = seen

    def next_ids(self) -> Ids64:
        """Sample one more token for every row; returns them, (batch,)."""
        logits, self._state = self._model.step(self._last, self._state)
        recent = self._recent if self._window else None
        numbers = self._next_numbers() if self._sampler.is_random else None
        ids = self._sampler.choose(logits, recent, numbers)
        if self._window:
            self._recent[:, self._position % self._window] = ids
        self._position += 1
        self._last = ids
        return ids

    def keep(self, rows: Sequence[int]) -> None:
        """Go on with these rows only."""
        index = np.array(rows, np.int64)
        self._state = self._model.reorder(self._state, index)
        self._keys = self._keys[index]
        self._last = self._last[index]
        self._recent = self._recent[index]
        self._numbers = self._numbers[:, index]

    def _next_numbers(self) -> npt.NDArray[np.float64]:
        """Return the random numbers of the present position, (batch,)."""
        place = self._position % _BLOCK
        if place == 0:
            self._numbers = uniforms(self._keys, self._position, _BLOCK)
        numbers: npt.NDArray[np.float64] = self._numbers[place]
        return numbers
