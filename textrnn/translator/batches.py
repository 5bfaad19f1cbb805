"""From the token ids of pairs to the batches that an encoder and a decoder read.

A source goes in as its ids and ``<eos>``; a decoder reads ``<bos>`` and the target's ids, and is to
say these ids and ``<eos>``. Pairs of like length share a batch, padded at their ends to the longest.
"""

from __future__ import annotations

import itertools
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from textrnn.data.batching import pools
from textrnn.data.pairs import PairStore
from textrnn.data.store import TokenStore
from textrnn.errors import UsageError
from textrnn.tokenizers import Tokenizer, UnigramTokenizer
from textrnn.tokenizers.base import BOS_ID, EOS_ID, PAD_ID
from textrnn.tokenizers.sampling import CutSampler

__all__ = [
    "PairBatch",
    "Samplers",
    "batch_of",
    "evaluation_batches",
    "fitting",
    "padded",
    "samplers_of",
    "token_batches",
]

_TILE = 16
_SRC_STEP, _TGT_STEP = 4, 2
"""Times of training batches are multiples of these: each shape costs a plan of its kernels, in time and in
memory. Beside batches padded to their longest alone, a run holds a third less memory and is no slower."""

Ids = npt.NDArray[np.integer[Any]]
Int64 = npt.NDArray[np.int64]
Samplers = tuple[CutSampler, CutSampler]
"""What cuts sources and targets anew."""

_ROUGHLY = 2.0
"""Tokens by which the order of sources is disturbed: two keep padding at a tenth and change a third of
the company more than none (Multi30k)."""
_TOKENS_AT_ONCE = 1 << 12
"""Padded target tokens of an evaluation batch: its logits are so many times the vocabulary."""


@dataclass(frozen=True)
class PairBatch:
    """Pairs, padded to the longest.

    Attributes:
        src: Token ids of the sources, each with ``<eos>``, (batch, src_time), int64, ``<pad>`` behind
            each end.
        src_lengths: Real tokens of each source, ``<eos>`` among them, (batch,), int64.
        tgt_in: What the decoder reads, ``<bos> …``, (batch, tgt_time), int64, padded likewise.
        tgt_out: What it is to say at the same places, ``… <eos>``, likewise.
        tgt_lengths: Real tokens of each of the latter two, (batch,), int64.
        num_targets: Real tokens of ``tgt_out``, ``<eos>`` among them.
    """

    src: Tensor
    src_lengths: Tensor
    tgt_in: Tensor
    tgt_out: Tensor
    tgt_lengths: Tensor
    num_targets: int

    @property
    def num_tokens(self) -> int:
        """Target tokens, padding not counted: what speeds are told in."""
        return self.num_targets

    @property
    def fresh(self) -> bool:
        """True: no state passes from pair to pair."""
        return True

    def __len__(self) -> int:
        """How many pairs there are."""
        return len(self.src)

    def to(self, device: torch.device) -> PairBatch:
        """Return the batch on a device; copies to a GPU do not wait for it."""
        if device.type == "cpu":
            return self

        def move(tensor: Tensor) -> Tensor:
            held = tensor.pin_memory() if device.type == "cuda" else tensor
            return held.to(device, non_blocking=True)

        return self._each(move, self.num_targets)

    def rows(self, low: int, high: int) -> PairBatch:
        """Return the pairs from number ``low`` to ``high``, exclusive; the batch is on the CPU."""
        return self._each(lambda tensor: tensor[low:high], int(self.tgt_lengths[low:high].sum()))

    def _each(self, change: Callable[[Tensor], Tensor], num_targets: int) -> PairBatch:
        return PairBatch(
            change(self.src),
            change(self.src_lengths),
            change(self.tgt_in),
            change(self.tgt_out),
            change(self.tgt_lengths),
            num_targets,
        )


def padded(sequences: Sequence[Ids], step: int = 1) -> tuple[Tensor, Tensor]:
    """Return sequences side by side, padded at their ends.

    Args:
        sequences: Token ids, at least one of each.
        step: The time is a multiple of this.

    Returns:
        Ids, (batch, time), int64, and lengths, (batch,), int64.
    """
    lengths = np.fromiter(map(len, sequences), np.int64, len(sequences))
    ids = np.full((len(sequences), int(_rounded(lengths.max(), step))), PAD_ID, np.int64)
    for row, sequence in zip(ids, sequences, strict=True):
        row[: len(sequence)] = sequence
    return torch.from_numpy(ids), torch.from_numpy(lengths)


def fitting(store: PairStore, max_length: int) -> Int64:
    """Return the numbers of the pairs neither side of which is longer, shape (pairs,).

    Args:
        store: The pairs.
        max_length: Most tokens of a source or a target, ``<eos>`` not counted.
    """
    every = np.arange(len(store), dtype=np.int64)
    return every[
        (_sizes(store.src, every) <= max_length) & (_sizes(store.tgt, every) <= max_length)
    ]


def samplers_of(
    src_tokenizer: Tokenizer, tgt_tokenizer: Tokenizer, alpha: float | None
) -> Samplers | None:
    """Return what cuts sources and targets anew; see :class:`textrnn.tokenizers.sampling.CutSampler`.

    Args:
        src_tokenizer: That of sources.
        tgt_tokenizer: That of targets.
        alpha: Power of the probabilities, above 0; None cuts nothing anew.

    Raises:
        UsageError: other tokenizers than unigram, which alone knows how probable a cut is.
    """
    if alpha is None:
        return None
    samplers = []
    for tokenizer in (src_tokenizer, tgt_tokenizer):
        if not isinstance(tokenizer, UnigramTokenizer):
            raise UsageError(
                f"--subword-alpha {alpha:g}: texts can be cut anew by --tokenizer unigram alone, not by "
                f"{tokenizer.kind}; leave one of them out"
            )
        samplers.append(CutSampler(tokenizer, alpha))
    return samplers[0], samplers[1]


def token_batches(
    store: PairStore,
    tokens_per_batch: int,
    max_length: int,
    rng: np.random.Generator,
    start: int = 0,
    samplers: Samplers | None = None,
) -> Iterator[PairBatch]:
    """Yield the batches of an epoch: every pair that fits once, shuffled, those of like length together.

    Pairs are shuffled as :func:`textrnn.data.batching.pools` does it; within a pool they are sorted by
    target length, then roughly by source length so that company changes from epoch to epoch, and cut
    into batches of like size, of at most ``tokens_per_batch`` padded target tokens, which come in
    random order.

    Args:
        store: The pairs.
        tokens_per_batch: Most rows times time of ``tgt_out``; a single pair may have more.
        max_length: Pairs with a side of more tokens, ``<eos>`` not counted, are left out.
        rng: Draws the order.
        start: Batches to skip, where a resumed run goes on inside an epoch.
        samplers: What cuts sources and targets anew, if anything does; which pairs fit is said by the
            cuts stored.
    """
    found = _batches(store, tokens_per_batch, max_length, rng, samplers)
    for sources, targets in itertools.islice(found, start, None):
        yield _side_by_side(sources, targets, _SRC_STEP, _TGT_STEP)


def evaluation_batches(
    store: PairStore, max_length: int, most: int | None = None
) -> Iterator[PairBatch]:
    """Yield the pairs that fit once, the longest first, as many at a time as memory likes.

    Args:
        store: The pairs.
        max_length: As in :func:`token_batches`.
        most: Take only so many, evenly spread.
    """
    chosen = fitting(store, max_length)
    if most is not None and most < len(chosen):
        places = np.linspace(0, len(chosen) - 1, most).round().astype(np.int64)
        chosen = chosen[np.unique(places)]
    lengths = _sizes(store.tgt, chosen) + 1
    order = np.lexsort((-_sizes(store.src, chosen), -lengths))
    at = 0
    while at < len(order):
        rows = order[at : at + max(1, _TOKENS_AT_ONCE // int(lengths[order[at]]))]
        yield batch_of(store, chosen[rows])
        at += len(rows)


def batch_of(store: PairStore, rows: Int64) -> PairBatch:
    """Return the pairs with the given numbers, in this order, shape (pairs,), at least one."""
    return _side_by_side(_documents(store.src, rows), _documents(store.tgt, rows))


def _side_by_side(
    sources: Sequence[Ids], targets: Sequence[Ids], src_step: int = 1, tgt_step: int = 1
) -> PairBatch:
    """Return texts with ``<bos>`` and ``<eos>`` as a batch, their times multiples of the steps."""
    src, src_lengths = padded([ids[1:] for ids in sources], src_step)
    tgt_in, tgt_lengths = padded([ids[:-1] for ids in targets], tgt_step)
    tgt_out, _ = padded([ids[1:] for ids in targets], tgt_step)
    return PairBatch(src, src_lengths, tgt_in, tgt_out, tgt_lengths, int(tgt_lengths.sum()))


def _batches(
    store: PairStore,
    tokens_per_batch: int,
    max_length: int,
    rng: np.random.Generator,
    samplers: Samplers | None,
) -> Iterator[tuple[list[Ids], list[Ids]]]:
    """Yield the sources and the targets of each batch."""
    for pool in pools(len(store), rng):
        fits = (_sizes(store.src, pool) <= max_length) & (_sizes(store.tgt, pool) <= max_length)
        sources, targets = (_documents(side, pool[fits]) for side in (store.src, store.tgt))
        if samplers is not None:
            sources, targets = _recut(sources, samplers[0], rng), _recut(targets, samplers[1], rng)
        lengths, others = (
            np.fromiter(map(len, side), np.int64, len(side)) for side in (targets, sources)
        )
        order = np.lexsort((others + _ROUGHLY * rng.random(len(others)), lengths))
        cuts = _even_cuts(_rounded(lengths[order] - 1, _TGT_STEP), tokens_per_batch)
        for number in rng.permutation(len(cuts) - 1):
            rows = order[cuts[number] : cuts[number + 1]].tolist()
            yield [sources[row] for row in rows], [targets[row] for row in rows]


def _recut(documents: list[Ids], sampler: CutSampler, rng: np.random.Generator) -> list[Ids]:
    return [np.concatenate([[BOS_ID], sampler.recut(ids, rng), [EOS_ID]]) for ids in documents]


def _rounded(lengths: Int64, step: int) -> Int64:
    """Return lengths rounded up to multiples of a step."""
    return -(-lengths // step) * step


def _even_cuts(lengths: Int64, most: int) -> list[int]:
    """Return :func:`_cuts` with the smallest bound that makes no more batches.

    A remainder would hold the longest pairs, with the weight of a whole batch.
    """
    count = len(_cuts(lengths, most))
    low = min(int(lengths.max(initial=1)), most)
    bounds = range(low, most)
    enough = bisect_left(bounds, True, key=lambda bound: len(_cuts(lengths, bound)) <= count)
    return _cuts(lengths, low + enough)


def _cuts(lengths: Int64, most: int) -> list[int]:
    """Return where batches begin and the last one ends, in lengths that never fall."""
    cuts = [0]
    for place, length in enumerate(lengths.tolist()):
        while place > cuts[-1] and (place + 1 - cuts[-1]) * length > most:
            rows = place - cuts[-1]
            # Matrix products in bf16 take whole tiles of rows: others cost a quarter more time.
            cuts.append(place - rows % _TILE if rows > 2 * _TILE else place)
    return [*cuts, len(lengths)] if len(lengths) else cuts


def _sizes(store: TokenStore, rows: Int64) -> Int64:
    """Return the tokens of texts, without ``<bos>`` and ``<eos>``."""
    return store.lengths(rows) - 2


def _documents(store: TokenStore, rows: Int64) -> list[Ids]:
    first = np.asarray(store.starts[rows], np.int64)
    ends = first + store.lengths(rows)
    plain = np.asarray(store.ids)  # slices of a mapped array take much longer
    return [plain[low:high] for low, high in zip(first.tolist(), ends.tolist(), strict=True)]
