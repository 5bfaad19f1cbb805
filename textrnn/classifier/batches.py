"""Padding: from the token ids of texts to the batches that a network reads.

Every text is ``<bos> … <eos>``. One that is too long keeps its head, its tail or both; texts of like
length share a batch, padded at their ends to the longest of them or, in training, a little further.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from textrnn.classifier.truncation import cut
from textrnn.data.batching import padded_time, pooled_batches
from textrnn.data.examples import ExampleStore
from textrnn.tokenizers.base import PAD_ID

__all__ = ["ExampleBatch", "evaluation_batches", "padded", "training_batches"]

Ids = npt.NDArray[np.integer[Any]]
Int64 = npt.NDArray[np.int64]

_TOKENS_AT_ONCE = 1 << 15
"""Padded tokens of an evaluation batch."""


@dataclass(frozen=True)
class ExampleBatch:
    """Texts with their labels, padded to the longest.

    Attributes:
        ids: Token ids, (batch, time), int64, ``<pad>`` behind each text's end.
        lengths: Real tokens of each text, (batch,), int64.
        labels: Numbers of the labels, (batch,), int64.
    """

    ids: Tensor
    lengths: Tensor
    labels: Tensor

    @property
    def num_targets(self) -> int:
        """Texts, each of which counts once in the loss."""
        return len(self.labels)

    @property
    def num_tokens(self) -> int:
        """Tokens read, padding not counted."""
        return int(self.lengths.sum())

    @property
    def fresh(self) -> bool:
        """True: no state passes from text to text."""
        return True

    def to(self, device: torch.device) -> ExampleBatch:
        """Return the batch on a device; copies to a GPU do not wait for it."""
        if device.type == "cpu":
            return self
        pinned = (t.pin_memory() if device.type == "cuda" else t for t in self._tensors())
        return ExampleBatch(*(tensor.to(device, non_blocking=True) for tensor in pinned))

    def rows(self, low: int, high: int) -> ExampleBatch:
        """Return the texts from number ``low`` to ``high``, exclusive."""
        return ExampleBatch(*(tensor[low:high] for tensor in self._tensors()))

    def _tensors(self) -> tuple[Tensor, Tensor, Tensor]:
        return self.ids, self.lengths, self.labels


def padded(sequences: Sequence[Ids], time: int = 0) -> tuple[Tensor, Tensor]:
    """Return texts side by side, padded at their ends.

    Args:
        sequences: Token ids of each text, at least one id each.
        time: Least time; the longest text may take more.

    Returns:
        Ids, (batch, time), int64, and lengths, (batch,), int64.
    """
    lengths = np.fromiter(map(len, sequences), np.int64, len(sequences))
    ids = np.full((len(sequences), max(time, int(lengths.max()))), PAD_ID, np.int64)
    for row, sequence in zip(ids, sequences, strict=True):
        row[: len(sequence)] = sequence
    return torch.from_numpy(ids), torch.from_numpy(lengths)


def training_batches(
    store: ExampleStore,
    batch_size: int,
    max_length: int,
    keep: str,
    rng: np.random.Generator,
    start: int = 0,
) -> Iterator[ExampleBatch]:
    """Yield the batches of an epoch: every text once, shuffled, those of like length together.

    Args:
        store: The texts.
        batch_size: Texts in a batch; the last ones of a pool may be fewer.
        max_length: See :func:`cut`.
        keep: See :func:`cut`.
        rng: Draws the order.
        start: Batches to skip, where a resumed run goes on inside an epoch.
    """
    found = pooled_batches(
        len(store.labels),
        lambda rows: np.minimum(store.tokens.lengths(rows), max_length),
        batch_size,
        rng,
    )
    for number, rows in enumerate(found):
        if number >= start:
            longest = min(int(store.tokens.lengths(rows).max()), max_length)
            time = min(max_length, padded_time(longest))
            yield _batch(store, rows, max_length, keep, time)


def evaluation_batches(
    store: ExampleStore, max_length: int, keep: str, most: int | None = None
) -> Iterator[ExampleBatch]:
    """Yield every text once, the longest first, as many at a time as memory likes.

    Args:
        store: The texts.
        max_length: See :func:`cut`.
        keep: See :func:`cut`.
        most: Take only so many, evenly spread.
    """
    count = len(store.labels)
    chosen = np.arange(count)
    if most is not None and most < count:
        chosen = np.unique(np.linspace(0, count - 1, most).round().astype(np.int64))
    lengths = np.minimum(store.tokens.lengths(chosen), max_length)
    order = np.argsort(-lengths, kind="stable")
    at = 0
    while at < len(order):
        rows = order[at : at + max(1, _TOKENS_AT_ONCE // int(lengths[order[at]]))]
        yield _batch(store, chosen[rows], max_length, keep)
        at += len(rows)


def _batch(
    store: ExampleStore, rows: Int64, max_length: int, keep: str, time: int = 0
) -> ExampleBatch:
    first = np.asarray(store.tokens.starts[rows], np.int64)
    lengths = store.tokens.lengths(rows)
    texts = [
        cut(store.tokens.ids[low : low + length], max_length, keep)
        for low, length in zip(first.tolist(), lengths.tolist(), strict=True)
    ]
    ids, kept = padded(texts, time)
    labels = torch.from_numpy(np.asarray(store.labels[rows], np.int64))
    return ExampleBatch(ids, kept, labels)
