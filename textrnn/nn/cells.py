"""Recurrent layers in one-step form, in NumPy: what generation on a CPU runs.

``textrnn.nn.recurrent`` holds the same layers in whole-sequence form; tests hold the two equal.

A step at batch 1 is bound by the bytes of the weights, and calling a torch layer for it costs an
order of magnitude more than that. So weights are packed once, into matrices that BLAS walks in
memory order, and what surrounds the products is kept to a few calls:

* Arrays are feature-major, (features, batch): gates are contiguous blocks of rows, and a product
  with ``W @ x`` reads W as it lies, which is up to twice as fast as ``x @ W.T`` for small batches.
* sigmoid(x) = tanh(x / 2) / 2 + 1 / 2, so that one call of tanh serves all gates; the halving goes
  into the packed weights, exactly, since 2 is the base of floating-point numbers.
* The LSTM's and the Elman network's two products are one, with the matrix [W_ih | W_hh].

State is passed, not kept: ``step`` returns new arrays and leaves those that it was given alone.
"""

from __future__ import annotations

import abc
import functools
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

__all__ = [
    "CELLS",
    "Array",
    "Cell",
    "CellState",
    "ElmanCell",
    "GRUCell",
    "LSTMCell",
    "Pack",
    "Product",
    "ReluCell",
    "dense",
    "product",
]

Array = npt.NDArray[np.float32]
CellState = tuple[Array, ...]
"""h first, then c where there is one; each (hidden_size, batch)."""

Product = Callable[[Array], Array]
"""Multiplies packed weights by columns: (columns of the weights, batch) to (their rows, batch)."""

Pack = Callable[[Array], Product]
"""Packs weights, float32, (rows, columns), for products; ``textrnn.nn.products`` has other ways."""

_MOST_COLUMNS = 4
"""Up to so many columns, a matrix-vector product for each is faster than a matrix product."""

_HALF = np.float32(0.5)


def product(weights: Array, columns: Array) -> Array:
    """Return ``weights @ columns``, (rows, batch), by the BLAS routine that is fastest for it.

    Matrix products of a few columns spend their time on packing the weights: with 2048 x 1024
    weights and 2 columns 420 microseconds, against 220 for two matrix-vector products.
    """
    batch = columns.shape[1]
    if 1 < batch <= _MOST_COLUMNS:
        each = [weights.dot(column) for column in np.ascontiguousarray(columns.T)]
        return np.stack(each, axis=1)
    out: Array = weights.dot(columns)
    return out


def dense(weights: Array) -> Product:
    """Return the product with weights as they are, in float32; a :data:`Pack`."""
    return functools.partial(product, weights)


class Cell(abc.ABC):
    """One recurrent layer's step.

    The weights are those of ``torch.nn``'s layers, in its gate order, float32.

    Args:
        weight_ih: (gates * hidden_size, input_size).
        weight_hh: (gates * hidden_size, hidden_size).
        bias_ih: (gates * hidden_size,).
        bias_hh: Likewise.
        pack: How weights are packed.
    """

    states: ClassVar[int] = 1
    """Arrays in a state."""

    def __init__(
        self,
        weight_ih: Array,
        weight_hh: Array,
        bias_ih: Array,
        bias_hh: Array,
        *,
        pack: Pack = dense,
    ) -> None:
        self._packed = pack
        self.hidden_size = int(weight_hh.shape[1])
        self.input_size = int(weight_ih.shape[1])
        self._pack(weight_ih, weight_hh, bias_ih, bias_hh)

    def start(self, batch: int) -> CellState:
        """Return the all-zero state of ``batch`` rows."""
        return tuple(np.zeros((self.hidden_size, batch), np.float32) for _ in range(self.states))

    @abc.abstractmethod
    def _pack(self, weight_ih: Array, weight_hh: Array, bias_ih: Array, bias_hh: Array) -> None:
        """Arrange the weights as the steps want them."""

    @abc.abstractmethod
    def project(self, x: Array) -> Array:
        """Return the inputs' part of the gates, biases included.

        Where inputs come from a small vocabulary, it can be computed once for all of them; so it is
        computed in float32, however the weights are packed.

        Args:
            x: (input_size, n).

        Returns:
            (gates * hidden_size, n), in the cell's own order.
        """

    @abc.abstractmethod
    def step_projected(self, projected: Array, state: CellState) -> CellState:
        """Advance one step, the inputs' part of the gates given.

        Args:
            projected: As :meth:`project` returned it, (gates * hidden_size, batch).
            state: As :meth:`start` or an earlier step returned it.

        Returns:
            The new state; its first array is the layer's output.
        """

    @abc.abstractmethod
    def step(self, x: Array, state: CellState) -> CellState:
        """Advance one step.

        Args:
            x: Inputs, (input_size, batch).
            state: As :meth:`start` or an earlier step returned it.

        Returns:
            The new state; its first array is the layer's output.
        """


class _JoinedCell(Cell):
    """A cell whose gates are a function of W_ih x + W_hh h + b: both products are one."""

    def _arranged(self, gates: npt.NDArray[Any]) -> Array:
        """Return rows in the cell's own order and scale, a new array."""
        return np.array(gates, np.float32)

    def _pack(self, weight_ih: Array, weight_hh: Array, bias_ih: Array, bias_hh: Array) -> None:
        self._weights = self._arranged(np.concatenate((weight_ih, weight_hh), axis=1))
        self._bias = self._arranged(bias_ih + bias_hh)[:, None]

    @functools.cached_property
    def _joined(self) -> Product:
        return self._packed(self._weights)

    @functools.cached_property
    def _recurrent(self) -> Product:
        # A copy: BLAS walks rows that lie apart four times slower.
        return self._packed(np.ascontiguousarray(self._weights[:, self.input_size :]))

    def project(self, x: Array) -> Array:
        """Return the inputs' part of the gates; see ``Cell``."""
        return product(np.ascontiguousarray(self._weights[:, : self.input_size]), x) + self._bias

    def step_projected(self, projected: Array, state: CellState) -> CellState:
        """Advance one step, the inputs' part of the gates given; see ``Cell``."""
        gates = self._recurrent(state[0])
        gates += projected
        return self._update(gates, state)

    def step(self, x: Array, state: CellState) -> CellState:
        """Advance one step; see ``Cell``."""
        gates = self._joined(np.concatenate((x, state[0])))
        gates += self._bias
        return self._update(gates, state)

    @abc.abstractmethod
    def _update(self, gates: Array, state: CellState) -> CellState:
        """Return the new state; ``gates`` may be overwritten."""


class LSTMCell(_JoinedCell):
    """Long short-term memory (Hochreiter and Schmidhuber 1997; forget gate: Gers et al. 2000)."""

    states = 2

    def _arranged(self, gates: npt.NDArray[Any]) -> Array:
        i, f, g, o = np.split(gates, 4)
        # The three sigmoids first, so that one operation serves them.
        return np.concatenate((i * _HALF, f * _HALF, o * _HALF, g))

    def _update(self, gates: Array, state: CellState) -> CellState:
        size = self.hidden_size
        np.tanh(gates, out=gates)
        sigmoids = gates[: 3 * size]
        sigmoids *= _HALF
        sigmoids += _HALF
        cell = gates[size : 2 * size] * state[1]
        kept = gates[:size]
        kept *= gates[3 * size :]
        cell += kept
        hidden = np.tanh(cell)
        hidden *= gates[2 * size : 3 * size]
        return hidden, cell


class ElmanCell(_JoinedCell):
    """The simple recurrent network (Elman 1990) with tanh."""

    def _update(self, gates: Array, state: CellState) -> CellState:  # noqa: ARG002
        return (np.tanh(gates, out=gates),)


class ReluCell(_JoinedCell):
    """The simple recurrent network with rectified linear units (Le et al. 2015)."""

    def _update(self, gates: Array, state: CellState) -> CellState:  # noqa: ARG002
        return (np.maximum(gates, 0, out=gates),)


class GRUCell(Cell):
    """The gated recurrent unit (Cho et al. 2014), its reset gate acting on W_hn h as in cuDNN."""

    def _pack(self, weight_ih: Array, weight_hh: Array, bias_ih: Array, bias_hh: Array) -> None:
        size = self.hidden_size
        scale = np.ones((3 * size, 1), np.float32)
        scale[: 2 * size] = _HALF
        self._input_weights = np.ascontiguousarray(weight_ih * scale, np.float32)
        self._recurrent = self._packed(np.ascontiguousarray(weight_hh * scale, np.float32))
        # The candidate's recurrent bias stands inside the reset gate's reach; all others add up.
        bias = bias_ih + np.concatenate((bias_hh[: 2 * size], np.zeros(size, np.float32)))
        self._bias = bias[:, None] * scale
        self._candidate_bias = np.array(bias_hh[2 * size :, None], np.float32)

    @functools.cached_property
    def _input(self) -> Product:
        return self._packed(self._input_weights)

    def project(self, x: Array) -> Array:
        """Return the inputs' part of the gates; see ``Cell``."""
        return product(self._input_weights, x) + self._bias

    def step(self, x: Array, state: CellState) -> CellState:
        """Advance one step; see ``Cell``."""
        return self.step_projected(self._input(x) + self._bias, state)

    def step_projected(self, projected: Array, state: CellState) -> CellState:
        """Advance one step, the inputs' part of the gates given; see ``Cell``."""
        size, hidden = self.hidden_size, state[0]
        recurrent = self._recurrent(hidden)
        gates = recurrent[: 2 * size]
        gates += projected[: 2 * size]
        np.tanh(gates, out=gates)
        gates *= _HALF
        gates += _HALF
        candidate = recurrent[2 * size :]
        candidate += self._candidate_bias
        candidate *= gates[:size]
        candidate += projected[2 * size :]
        np.tanh(candidate, out=candidate)
        new = hidden - candidate
        new *= gates[size:]
        new += candidate
        return (new,)


CELLS: dict[str, type[Cell]] = {
    "lstm": LSTMCell,
    "gru": GRUCell,
    "rnn_tanh": ElmanCell,
    "rnn_relu": ReluCell,
}
"""By ``rnn_type``."""
