"""A trained language model in one-step form, without torch: what generation on a CPU runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from textrnn.config import as_dict, make
from textrnn.decoding.protocol import Ids64, Logits, StepModel
from textrnn.errors import ModelError, UsageError
from textrnn.language_model.settings import LanguageModelSettings
from textrnn.nn.cells import CELLS, Array, Cell, CellState, Pack, dense
from textrnn.nn.ngrams import rows_of_ngrams
from textrnn.nn.sizes import Shapes, layer_shapes

__all__ = ["NumpyStepModel", "StepState", "check_weights", "make_stepper", "model_settings"]

_MOST_TABLE_BYTES = 16 << 20
"""The first layer's input products are computed ahead for all ids if they fit into this.

A table saves the product with W_ih in every step; one of this size takes about 50 ms to make.
"""

_LEAST_OUTPUT_BYTES = 1 << 20
"""A smaller output layer stays in float32: another precision would gain nothing."""

_EPSILON = np.float32(1e-5)
"""``torch.nn.LayerNorm``'s."""


class StepState(NamedTuple):
    """State of a batch.

    Attributes:
        layers: Each recurrent layer's state, arrays (hidden_size, batch).
        history: The ids before the next one, newest first, (ngram_order - 1, batch).
    """

    layers: tuple[CellState, ...]
    history: Ids64


def make_stepper(
    tensors: Mapping[str, Any],
    settings: Mapping[str, Any],
    device: str = "cpu",
    where: str = "the model",
    precision: str = "float32",
) -> StepModel[Any]:
    """Return a language model in one-step form.

    Args:
        tensors: Its weights by name, float32: NumPy arrays, or torch tensors on any device.
        settings: Its resolved settings by name.
        device: ``cpu``, which needs no torch, or a torch device.
        where: The model's name in messages.
        precision: ``float32``; on a CPU also ``bf16`` or ``int8``, which need torch.

    Raises:
        ModelError: wrong settings, or weights that do not fit them.
    """
    checked = model_settings(settings, where)
    check_weights(tensors, checked, where)
    arrays = {name: _as_array(tensor) for name, tensor in tensors.items()}
    if device == "cpu":
        return NumpyStepModel(arrays, as_dict(checked), precision)
    from textrnn.language_model.torch_stepper import TorchStepModel

    return TorchStepModel(arrays, as_dict(checked), device)


def model_settings(values: Mapping[str, Any], where: str) -> LanguageModelSettings:
    """Return a trained model's recorded settings, checked.

    Args:
        values: The settings by name, as ``config.json`` holds them.
        where: The model's name in messages.

    Raises:
        ModelError: unknown names, values of a wrong type or out of range, or sizes that are missing.
    """
    try:
        settings = make(LanguageModelSettings, values, where)
    except UsageError as error:
        raise ModelError(f"{error}; the model is damaged, or of a newer textrnn") from None
    sizes = ("hidden_size", "num_layers", "embedding_dim", "ngram_order")
    missing = [name for name in sizes if getattr(settings, name) is None]
    if missing:
        raise ModelError(f"{where}: its settings lack {', '.join(missing)}; the model is damaged")
    return settings


def check_weights(tensors: Mapping[str, Any], settings: LanguageModelSettings, where: str) -> None:
    """Hold weights against the settings, before anything is made in the sizes that these name.

    Args:
        tensors: Weights by name: arrays or torch tensors.
        settings: As :func:`model_settings` returns them.
        where: The model's name in messages.

    Raises:
        ModelError: a tensor is missing, too many, or of another shape.
    """
    expected = _shapes(settings, tensors)
    fault = f"{where}: its weights do not fit its settings"
    for problem, names in (("no", expected.keys() - tensors), ("also", tensors.keys() - expected)):
        if names:
            shown = ", ".join(sorted(names)[:3])
            raise ModelError(f"{fault}: there is {problem} {shown}; the model is damaged")
    for name, shape in expected.items():
        given = tuple(tensors[name].shape)
        if given != shape:
            raise ModelError(
                f"{fault}: {name} has shape {given}, not {shape}; the model is damaged"
            )
        if str(tensors[name].dtype) not in ("float32", "torch.float32"):
            raise ModelError(
                f"{fault}: {name} holds {tensors[name].dtype}, not float32; the model is damaged"
            )


def _shapes(settings: LanguageModelSettings, tensors: Mapping[str, Any]) -> Shapes:
    """Return the shapes that a model's tensors must have; the embedding's rows count the ids."""
    hidden, embedding = settings.hidden_size or 0, settings.embedding_dim or 0
    order = settings.ngram_order or 1
    embedded = tensors.get("embedding.weight")
    (vocab_size,) = (0,) if embedded is None else tuple(embedded.shape[:1]) or (0,)
    # A tied output matrix is the embedding's, which then has the outputs' columns.
    shapes: Shapes = {
        "embedding.weight": (vocab_size, hidden if settings.tie_weights else embedding)
    }
    if order > 1:
        shapes["embedding.ngrams"] = ((order - 1) * settings.ngram_rows, embedding)
    shapes["output.bias"] = (vocab_size,)
    for layer in range(settings.num_layers or 0):
        name, norm = (f"recurrent.{kind}.{layer}" for kind in ("layers", "norms"))
        shapes |= layer_shapes(settings, name, norm, hidden if layer else embedding, hidden)
    if not settings.tie_weights:
        shapes["output.weight"] = (vocab_size, hidden)
    return shapes


class NumpyStepModel:
    """The model of ``textrnn.language_model.model`` as a ``textrnn.decoding.protocol.StepModel``.

    One row runs on matrix-vector products, a batch on matrix products.

    Args:
        tensors: Weights by name, float32.
        settings: Resolved settings by name.
        precision: Of a step's matrix products: ``float32``, ``bf16`` or ``int8``. All else is float32.
    """

    def __init__(
        self,
        tensors: Mapping[str, Array],
        settings: Mapping[str, Any],
        precision: str = "float32",
    ) -> None:
        pack = _pack(precision)
        layers = range(settings["num_layers"])
        order = settings["ngram_order"] or 1
        cell = CELLS[settings["rnn_type"]]
        weights = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        self._cells: list[Cell] = [
            cell(*(tensors[f"recurrent.layers.{layer}.{name}"] for name in weights), pack=pack)
            for layer in layers
        ]
        self._norms = [
            tuple(
                tensors[f"recurrent.norms.{layer}.{name}"][:, None] for name in ("weight", "bias")
            )
            for layer in layers
            if settings["layer_norm"]
        ]
        self._embedding = tensors["embedding.weight"]
        tied = settings["tie_weights"]
        output = np.ascontiguousarray(tensors["embedding.weight" if tied else "output.weight"])
        self._output = (dense if output.nbytes < _LEAST_OUTPUT_BYTES else pack)(output)
        self._output_bias = tensors["output.bias"]
        self._rows = settings["ngram_rows"]
        self._history = order - 1
        self._ngrams = tensors["embedding.ngrams"] if order > 1 else None
        # Packed products come out as rows, to which columns are slow to add.
        self._is_by_rows = pack is not dense
        self._table = self._input_products()

    @property
    def vocab_size(self) -> int:
        """Number of ids."""
        return len(self._output_bias)

    def start(self, batch: int) -> StepState:
        """Return the state before a text's first token."""
        layers = tuple(cell.start(batch) for cell in self._cells)
        return StepState(layers, np.zeros((self._history, batch), np.int64))

    def advance(self, ids: Ids64, state: StepState) -> StepState:
        """Read one token per row; see ``StepModel``."""
        x: Array | None = None
        layers = []
        for layer, (cell, before) in enumerate(zip(self._cells, state.layers, strict=True)):
            if x is not None:
                after = cell.step(self._normed(layer - 1, x), before)
            elif self._table is not None:
                after = cell.step_projected(self._projected(ids), before)
            else:
                after = cell.step(self._embed(ids, state.history), before)
            x = after[0]
            layers.append(after)
        history = state.history
        if self._history:
            history = np.concatenate((ids[None], history[:-1]))
        return StepState(tuple(layers), history)

    def step(self, ids: Ids64, state: StepState) -> tuple[Logits, StepState]:
        """Read one token per row and say what may follow; see ``StepModel``."""
        new = self.advance(ids, state)
        last = len(self._cells) - 1
        logits = self._output(self._normed(last, new.layers[last][0])).T
        return logits + self._output_bias, new

    def reorder(self, state: StepState, index: Ids64) -> StepState:
        """Return the state of the rows ``index``; see ``StepModel``."""
        layers = tuple(tuple(part.take(index, axis=1) for part in parts) for parts in state.layers)
        return StepState(layers, state.history.take(index, axis=1))

    def join(self, first: StepState, second: StepState) -> StepState:
        """Return the state of the rows of both; see ``StepModel``."""
        layers = tuple(
            tuple(np.concatenate(pair, axis=1) for pair in zip(*parts, strict=True))
            for parts in zip(first.layers, second.layers, strict=True)
        )
        return StepState(layers, np.concatenate((first.history, second.history), axis=1))

    def _input_products(self) -> tuple[Array, Array] | None:
        """Return the first layer's input products of each id, as rows and as columns, if they fit.

        One row of a batch reads its products as they lie, a batch gathers columns: turning gathered
        rows into columns takes four times as long.
        """
        cell = self._cells[0]
        size = 4 * len(self._embedding) * len(cell.project(self._embedding[:1].T))
        if self._ngrams is not None or size > _MOST_TABLE_BYTES:
            return None
        columns = cell.project(np.ascontiguousarray(self._embedding.T))
        return np.ascontiguousarray(columns.T), columns

    def _projected(self, ids: Ids64) -> Array:
        """Return the input products of ids, (gates * hidden_size, batch)."""
        assert self._table is not None  # noqa: S101  (asked only where there is one)
        rows, columns = self._table
        is_by_rows = self._is_by_rows or len(ids) == 1
        projected: Array = rows[ids].T if is_by_rows else columns.take(ids, axis=1)
        return projected

    def _embed(self, ids: Ids64, history: Ids64) -> Array:
        """Return the embeddings of ids, those of the n-grams that they end added, (dim, batch)."""
        embedded = self._embedding[ids]
        if self._ngrams is not None:
            embedded += self._ngrams[self._ngram_rows(ids, history)].sum(axis=0)
        columns: Array = embedded.T
        return columns

    def _ngram_rows(self, ids: Ids64, history: Ids64) -> npt.NDArray[np.int64]:
        """Return the rows of the n-grams that ids end, (ngram_order - 1, batch)."""
        if len(ids) > 1:
            return np.stack(rows_of_ngrams([ids, *history], self._rows))
        # Python's integers are an order of magnitude faster than arrays of one.
        newest_first = [*ids.tolist(), *history[:, 0].tolist()]
        return np.array(rows_of_ngrams(newest_first, self._rows))[:, None]

    def _normed(self, layer: int, x: Array) -> Array:
        """Return a layer's output as the next one sees it, (hidden_size, batch)."""
        if not self._norms:
            return x
        weight, bias = self._norms[layer]
        centred = x - x.mean(axis=0)
        variance = np.square(centred).mean(axis=0)
        normed: Array = centred * (weight / np.sqrt(variance + _EPSILON)) + bias
        return normed


def _pack(precision: str) -> Pack:
    """Return what packs weights for products in a precision; but for float32 it starts torch."""
    if precision == "float32":
        return dense
    from textrnn.nn.products import Bf16Product, Int8Product

    packs: dict[str, Pack] = {"bf16": Bf16Product, "int8": Int8Product}
    return packs[precision]


def _as_array(tensor: Any) -> Array:
    """Return a torch tensor on any device, or an array, as a float32 array."""
    if not isinstance(tensor, np.ndarray):
        tensor = tensor.detach().cpu().float().numpy()
    array: Array = np.asarray(tensor, np.float32)
    return array
