"""A language model's judgement of every token: its cost, its rank, what was likelier."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from textrnn import bundle
from textrnn.data.store import TokenStore
from textrnn.decoding.protocol import Ids64
from textrnn.language_model.model import RecurrentLanguageModel
from textrnn.language_model.opening import require_whole
from textrnn.language_model.settings import LanguageModelSettings
from textrnn.language_model.task import to_device
from textrnn.language_model.windows import (
    BURN_IN,
    EVALUATION_LOGITS,
    EVALUATION_ROWS,
    EVALUATION_TIME,
    SEGMENT,
    evaluation_windows,
)
from textrnn.nn.recurrent import State
from textrnn.tokenizers.base import BOS_ID
from textrnn.training.device import answering, pick_device, pick_precision, use_threads

__all__ = ["Costs", "Measure", "Stream", "open_measure"]

_Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Costs:
    """What tokens cost.

    Attributes:
        nats: (tokens,), float32; NaN where nothing was predicted.
        ranks: (tokens,), int64, from 1.
        entropies: (tokens,), float32, in nats.
        top_ids: The likeliest tokens, (tokens, top), int64.
        top_probs: Their probabilities, (tokens, top), float32.
    """

    nats: _Floats
    ranks: Ids64
    entropies: _Floats
    top_ids: Ids64
    top_probs: _Floats

    @classmethod
    def empty(cls, number: int, top: int, *, on_disk: bool = False) -> Costs:
        """Return room for so many tokens, none of them predicted; on disk where memory must stay small."""

        def room(shape: tuple[int, ...], dtype: Any) -> npt.NDArray[Any]:
            size = int(np.prod(shape)) * np.dtype(dtype).itemsize
            if not on_disk or not size:
                return np.zeros(shape, dtype)
            # The file lives as long as the mapping.
            with tempfile.TemporaryFile() as file:
                file.truncate(size)
                return np.memmap(file, dtype, "r+", shape=shape)

        nats = room((number,), np.float32)
        nats[:] = np.nan
        return cls(
            nats,
            room((number,), np.int64),
            room((number,), np.float32),
            room((number, top), np.int64),
            room((number, top), np.float32),
        )

    def put(self, places: Any, found: Costs, chosen: Any) -> None:
        """Put some of what was found at its places."""
        for mine, theirs in zip(self.arrays(), found.arrays(), strict=True):
            mine[places] = theirs[chosen]

    def taken(self, places: Any) -> Costs:
        """Return the costs at some places."""
        return Costs(*(np.asarray(array[places]) for array in self.arrays()))

    def arrays(self) -> tuple[npt.NDArray[Any], ...]:
        """Return all arrays, the tokens first in each."""
        return self.nats, self.ranks, self.entropies, self.top_ids, self.top_probs


class Measure:
    """A network that judges tokens.

    Attributes:
        settings: The model's settings.
        details: Whether ranks and entropies are computed; they are 0 where not.
        top: How many of the likeliest tokens are named.

    Args:
        settings: Resolved settings.
        network: The network, on its device.
        precision: ``float32`` or ``bf16``.
    """

    def __init__(
        self, settings: LanguageModelSettings, network: RecurrentLanguageModel, precision: str
    ) -> None:
        self.settings = settings
        self.details = True
        self.top = 0
        self._network = network
        self._precision = precision
        self._device = network.device
        self._vocab_size = network.output.out_features

    @property
    def vocab_size(self) -> int:
        """Number of ids."""
        return self._vocab_size

    def start(self, rows: int) -> State:
        """Return the state at a text's beginning."""
        return self._network.start(rows)

    def store(self, store: TokenStore, *, on_disk: bool = False) -> Costs:
        """Return what each id of a store cost, in the windows of evaluation.

        Args:
            store: The ids, in the direction in which the model reads.
            on_disk: Keep the answer on disk.
        """
        costs = Costs.empty(len(store.ids), self.named, on_disk=on_disk)
        state: State = {}
        for window in evaluation_windows(store, self._vocab_size):
            if window.fresh:
                state = self.start(len(window.ids))
            moved = to_device(window, self._device)
            found, state = self.window(moved.ids, moved.targets, state)
            counts = (
                np.ones(window.places.shape, np.bool_)
                if window.weights is None
                else window.weights.numpy() > 0
            )
            costs.put(window.places[counts], found, counts)
        return costs

    def window(self, ids: Tensor, targets: Tensor, state: State) -> tuple[Costs, State]:
        """Return what each target of a window cost, arrays (batch, time), and the new state.

        Args:
            ids: Inputs, (batch, time), int64.
            targets: The tokens that follow them, likewise.
            state: The state before them.
        """
        ids, targets = ids.to(self._device), targets.to(self._device)
        with torch.inference_mode(), answering(self._device, self._precision):
            logits, new = self._network(ids, state)
            logits = logits.float()
            wanted = targets.t()
            nats = functional.cross_entropy(
                logits.flatten(0, 1), wanted.reshape(-1), reduction="none"
            ).view(wanted.shape)
            others = self._details(logits, wanted)
        arrays = (tensor.cpu().numpy().swapaxes(0, 1) for tensor in (nats, *others))
        return Costs(*arrays), new

    def stream(self) -> Stream:
        """Return what reads one running text."""
        return Stream(self)

    @property
    def named(self) -> int:
        """How many of the likeliest tokens are named: no more than there are."""
        return min(self.top, self._vocab_size)

    def _details(self, logits: Tensor, targets: Tensor) -> tuple[Tensor, ...]:
        """Return ranks, entropies, the likeliest ids and their probabilities, (time, batch, ...)."""
        shape = targets.shape
        ranks = torch.zeros(shape, dtype=torch.int64)
        entropies = torch.zeros(shape)
        top_ids = torch.zeros((*shape, 0), dtype=torch.int64)
        top_probs = torch.zeros((*shape, 0))
        if self.details or self.named:
            logs = functional.log_softmax(logits, -1)
            if self.details:
                own = logs.gather(-1, targets.unsqueeze(-1))
                ranks = (logs >= own).sum(-1)
                entropies = -(logs.exp() * logs).sum(-1)
            if self.named:
                top_probs, top_ids = logs.topk(self.named)
                top_probs = top_probs.exp()
        return ranks, entropies, top_ids, top_probs


class Stream:
    """Judges a running text stretch by stretch, the state carried.

    A long stretch is cut into segments of about ``SEGMENT`` tokens that run side by side. The first goes on
    from the state before it, the others read ``BURN_IN`` tokens or more before they count, as in
    :func:`textrnn.language_model.windows.evaluation_windows`; all are of one length, so that they end
    together and the last one's state is that behind the stretch.

    Args:
        measure: What judges.
    """

    def __init__(self, measure: Measure) -> None:
        self._measure = measure
        self._state = measure.start(1)
        self._last = np.array([BOS_ID], np.int64)
        self.most = EVALUATION_ROWS * SEGMENT
        """Most tokens of a stretch: memory."""

    def costs(self, ids: Ids64) -> Costs:
        """Return what the next tokens cost, given all before them.

        Args:
            ids: (tokens,), int64, at least one and at most ``most``.
        """
        seen = np.concatenate((self._last, ids))
        number = len(ids)
        rows = max(1, number // SEGMENT)
        length = -(-(number + BURN_IN * (rows - 1)) // rows)
        ends = length + (number - length) * np.arange(rows) // max(1, rows - 1)
        starts = ends - length
        counted = np.concatenate(([0], ends[:-1]))
        state = self._fresh(rows)
        costs = Costs.empty(number, self._measure.named)
        time = max(1, min(EVALUATION_TIME, EVALUATION_LOGITS // (rows * self._measure.vocab_size)))
        for at in range(0, length, time):
            places = starts[:, None] + np.arange(at, min(at + time, length))
            found, state = self._measure.window(
                torch.from_numpy(seen[places]), torch.from_numpy(seen[places + 1]), state
            )
            counts = places >= counted[:, None]
            costs.put(places[counts], found, counts)
        self._state = {name: tensor[-1:] for name, tensor in state.items()}
        self._last = seen[-1:]
        return costs

    def _fresh(self, rows: int) -> State:
        """Return the carried state, and that of a beginning for the other rows."""
        if rows == 1:
            return self._state
        others = self._measure.start(rows - 1)
        return {name: torch.cat((self._state[name], others[name])) for name in others}


def open_measure(model: bundle.Bundle, device: str, precision: str, threads: int | None) -> Measure:
    """Return the network of a model directory, ready to judge.

    Args:
        model: A bundle of a language model.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
        precision: ``float32``, ``bf16``, or ``auto`` for the training's where this device is good at it.
        threads: CPU threads; None takes all.

    Raises:
        ModelError: settings, weights and tokenizer are not of one model.
        UsageError, DeviceError: an unknown or missing device.
    """
    settings = require_whole(model)
    tensors = model.tensors()
    use_threads(threads)
    place = pick_device(device)
    # The training's own precision, so that figures agree, where this device is good at it.
    wanted = "float32" if precision == "auto" and settings.precision == "float32" else precision
    vocab_size = model.tokenizer().vocab_size
    network = RecurrentLanguageModel(settings, vocab_size)
    network.load_tensors({name: torch.from_numpy(tensor) for name, tensor in tensors.items()})
    network.to(place)
    return Measure(settings, network, pick_precision(wanted, place))
