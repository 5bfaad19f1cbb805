"""Training windows and evaluation segments over a store of token ids.

A *window* is what one step of truncated back-propagation sees: ``(batch, time)`` inputs and the tokens
that follow them. Windows come in runs: within a run the recurrent state is carried from window to
window, and a run's first window starts afresh.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from textrnn.data.batching import padded_time, pooled_batches
from textrnn.data.store import TokenStore
from textrnn.tokenizers.base import BOS_ID, PAD_ID

__all__ = ["Window", "document_windows", "evaluation_windows", "num_windows", "stream_windows"]

Int64 = npt.NDArray[np.int64]

SEGMENT = 4096
"""Evaluation cuts a document after this many targets, so that its parts run side by side."""
BURN_IN = 256
"""Tokens before a cut that the next part reads first, uncounted, to bring its state up to date."""
EVALUATION_ROWS = 64
EVALUATION_TIME = 128
EVALUATION_LOGITS = 1 << 24
"""Most logits of a window: memory."""


@dataclass(frozen=True)
class Window:
    """Inputs and targets of one step.

    Attributes:
        ids: Input tokens, (batch, time), int64.
        targets: The tokens that follow them, likewise.
        weights: 1 where a target counts and 0 where not, float32, likewise; None where all count.
        num_targets: How many targets count.
        fresh: Whether the recurrent state starts anew here.
        places: Where the targets stand in the store, (batch, time).
    """

    ids: Tensor
    targets: Tensor
    weights: Tensor | None
    num_targets: int
    fresh: bool
    places: Int64

    @property
    def num_tokens(self) -> int:
        """Tokens read: one for each target."""
        return self.num_targets


def num_windows(num_ids: int, batch_size: int, seq_len: int) -> int:
    """Return how many windows an epoch of :func:`stream_windows` has (0 where the text is too short)."""
    return (num_ids // batch_size) // seq_len


def stream_windows(
    store: TokenStore, batch_size: int, seq_len: int, rng: np.random.Generator, start: int = 0
) -> Iterator[Window]:
    """Yield one epoch's windows over running text, the state carried through the whole epoch.

    The text is a ring, turned by a random offset each epoch, so that windows and streams begin elsewhere
    every time. ``batch_size`` streams of equal length run side by side. Document starts are never
    targets.

    Args:
        store: The ids.
        batch_size: Streams.
        seq_len: Tokens of a stream in a window.
        rng: Draws the epoch's offset.
        start: Windows to skip, where a resumed run goes on inside an epoch.
    """
    total = len(store.ids)
    length = total // batch_size
    offset = int(rng.integers(total))
    begins = offset + length * np.arange(batch_size, dtype=np.int64)[:, None]
    steps = np.arange(seq_len + 1, dtype=np.int64)
    for index in range(start, num_windows(total, batch_size, seq_len)):
        places = (begins + index * seq_len + steps) % total
        ids = store.ids[places].astype(np.int64)
        yield _window(ids, places, ids[:, 1:] != BOS_ID, fresh=index == 0)


def document_windows(
    store: TokenStore, batch_size: int, seq_len: int, rng: np.random.Generator, start: int = 0
) -> Iterator[Window]:
    """Yield one epoch's windows over separate documents, shuffled, of like length side by side.

    Every document starts with a fresh state; one longer than ``seq_len`` goes through several windows
    with its state carried.

    Args:
        store: The ids.
        batch_size: Documents.
        seq_len: Most tokens of a document in a window.
        rng: Draws the order.
        start: Windows to skip, where a resumed run goes on inside an epoch.
    """
    index = 0
    found = pooled_batches(len(store.starts), store.lengths, batch_size, rng)
    for rows in found:
        first = np.asarray(store.starts[rows], dtype=np.int64)
        lengths = store.lengths(rows)
        for at in range(0, int(lengths.max()) - 1, seq_len):
            if index >= start:
                time = min(seq_len, padded_time(int(lengths.max()) - 1 - at))
                yield _gather(store, first, lengths, at, time, counted_from=None)
            index += 1


def evaluation_windows(
    store: TokenStore, vocab_size: int | None, most_targets: int | None = None
) -> Iterator[Window]:
    """Yield windows in which every target of the store counts exactly once.

    Long documents are cut into segments of ``SEGMENT`` targets that run side by side, each after a
    burn-in of ``BURN_IN`` uncounted tokens; what a recurrent state holds from further back changes the
    loss by less than its last printed digit.

    Args:
        store: The ids.
        vocab_size: Number of ids, for who holds all logits of a window: the more, the fewer segments run side
            by side, to save memory. None for who does not.
        most_targets: Evaluate only evenly spread segments of about so many targets in all.
    """
    first, counted, last = _segments(store)
    if most_targets is not None and len(first) > 1:
        average = float((last - counted).sum()) / len(first)
        wanted = max(1, min(len(first), round(most_targets / average)))
        chosen = np.unique(np.linspace(0, len(first) - 1, wanted).round().astype(np.int64))
        first, counted, last = first[chosen], counted[chosen], last[chosen]
    order = np.argsort(first - last, kind="stable")
    held = EVALUATION_LOGITS // (EVALUATION_TIME * (vocab_size or 1))
    side_by_side = min(EVALUATION_ROWS, max(1, held))
    for at in range(0, len(order), side_by_side):
        rows = order[at : at + side_by_side]
        lengths = last[rows] - first[rows]
        for step in range(0, int(lengths.max()) - 1, EVALUATION_TIME):
            time = min(EVALUATION_TIME, int(lengths.max()) - 1 - step)
            yield _gather(store, first[rows], lengths, step, time, counted[rows] - first[rows])


def _segments(store: TokenStore) -> tuple[Int64, Int64, Int64]:
    """Return, per segment: first id read, first input whose target counts, end (exclusive)."""
    starts = np.asarray(store.starts, dtype=np.int64)
    ends = np.append(starts[1:], len(store.ids))
    targets = np.maximum(ends - starts - 1, 0)
    parts = -(-targets // SEGMENT)
    document = np.repeat(np.arange(len(starts)), parts)
    part = np.arange(len(document)) - np.repeat(np.cumsum(parts) - parts, parts)
    # Parts of a document differ by at most one target, so that rows of a batch end together.
    low = starts[document] + targets[document] * part // parts[document]
    high = starts[document] + targets[document] * (part + 1) // parts[document]
    first = np.maximum(low - BURN_IN, starts[document])
    return first, low, high + 1


def _gather(
    store: TokenStore,
    first: Int64,
    lengths: Int64,
    at: int,
    time: int,
    counted_from: Int64 | None,
) -> Window:
    """Cut the window that starts ``at`` ids into the given rows, padded where they have ended."""
    positions = at + np.arange(time + 1, dtype=np.int64)
    inside = positions < lengths[:, None]
    places = np.minimum(first[:, None] + positions, len(store.ids) - 1)
    ids = np.where(inside, store.ids[places], PAD_ID).astype(np.int64)
    counts = inside[:, 1:]
    if counted_from is not None:
        counts = counts & (positions[:-1] >= counted_from[:, None])
    return _window(ids, places, counts, fresh=at == 0)


def _window(ids: Int64, places: Int64, counts: npt.NDArray[np.bool_], *, fresh: bool) -> Window:
    number = int(counts.sum())
    weights = None if number == counts.size else torch.from_numpy(counts.astype(np.float32))
    whole = torch.from_numpy(ids)
    return Window(whole[:, :-1], whole[:, 1:], weights, number, fresh, places[:, 1:])
