"""Shifted targets, padding, and batches of like length by number of tokens."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from textrnn.data.pairs import PairStore
from textrnn.data.store import TokenStore
from textrnn.errors import UsageError
from textrnn.tokenizers import ByteTokenizer, TokenizerSettings, UnigramTokenizer, train_tokenizer
from textrnn.tokenizers.base import BOS_ID, EOS_ID
from textrnn.tokenizers.sampling import CutSampler
from textrnn.translator.batches import (
    PairBatch,
    batch_of,
    evaluation_batches,
    fitting,
    padded,
    samplers_of,
    token_batches,
)

Lengths = list[tuple[int, int]]
LENGTHS = st.lists(st.tuples(st.integers(0, 25), st.integers(0, 25)), min_size=1, max_size=80)
FIRST = 10


def side(lengths: list[int]) -> TokenStore:
    """Texts whose ids are their own number, from ``FIRST``, so that they can be told apart."""
    texts = [[BOS_ID, *[FIRST + n] * length, EOS_ID] for n, length in enumerate(lengths)]
    starts = np.cumsum([0, *map(len, texts[:-1])]).astype(np.int64)
    return TokenStore(np.concatenate(texts).astype(np.int32), starts, characters=1, unknown=0)


def store(lengths: Lengths) -> PairStore:
    src, tgt = zip(*lengths, strict=True)
    return PairStore(side(list(src)), side(list(tgt)))


def epoch(
    pairs: PairStore, tokens: int, most: int, seed: int = 0, start: int = 0
) -> list[PairBatch]:
    return list(token_batches(pairs, tokens, most, np.random.default_rng(seed), start))


def shapes(batch: PairBatch) -> Lengths:
    """Tokens of both sides of each pair, which must be of the same number."""
    found = []
    for src, tgt_in, tgt_out in zip(batch.src, batch.tgt_in, batch.tgt_out, strict=True):
        source = [i for i in src.tolist() if i >= FIRST]
        target = [i for i in tgt_out.tolist() if i >= FIRST]
        assert len({*source, *target}) <= 1
        assert src.tolist() == [*source, EOS_ID] + [0] * (len(src) - len(source) - 1)
        padding = [0] * (len(tgt_out) - len(target) - 1)
        assert tgt_in.tolist() == [BOS_ID, *target, *padding]
        assert tgt_out.tolist() == [*target, EOS_ID, *padding]
        found.append((len(source), len(target)))
    return found


def test_targets_are_shifted_and_ends_padded():
    batch = batch_of(store([(2, 1), (1, 3)]), np.array([1, 0]))
    assert batch.src.tolist() == [[11, EOS_ID, 0], [10, 10, EOS_ID]]
    assert batch.tgt_in.tolist() == [[BOS_ID, 11, 11, 11], [BOS_ID, 10, 0, 0]]
    assert batch.tgt_out.tolist() == [[11, 11, 11, EOS_ID], [10, EOS_ID, 0, 0]]
    assert batch.src_lengths.tolist() == [2, 3]
    assert batch.tgt_lengths.tolist() == [4, 2]
    assert (batch.num_targets, batch.num_tokens, len(batch)) == (6, 6, 2)
    assert {tensor.dtype for tensor in (batch.src, batch.tgt_in, batch.tgt_lengths)} == {
        torch.int64
    }
    assert batch.fresh


def test_padding_stands_behind_each_text():
    ids, lengths = padded([np.array([7, 8]), np.array([9])])
    assert ids.tolist() == [[7, 8], [9, 0]]
    assert lengths.tolist() == [2, 1]


@given(LENGTHS, st.integers(1, 200), st.integers(1, 25))
def test_an_epoch_has_every_pair_that_fits_once(lengths: Lengths, tokens: int, most: int):
    pairs = store(lengths)
    seen: Lengths = []
    for batch in epoch(pairs, tokens, most):
        assert batch.tgt_out.numel() <= tokens or len(batch) == 1
        assert batch.num_targets == int(batch.tgt_lengths.sum())
        found = shapes(batch)
        assert batch.src_lengths.tolist() == [src + 1 for src, _ in found]
        assert batch.tgt_lengths.tolist() == [tgt + 1 for _, tgt in found]
        seen += found
    fits = [(src, tgt) for src, tgt in lengths if src <= most and tgt <= most]
    assert sorted(seen) == sorted(fits)
    assert len(fitting(pairs, most)) == len(fits)


def test_batches_are_of_like_length_and_full():
    rng = np.random.default_rng(1)
    tgt = rng.integers(3, 30, 2000)
    src = tgt + rng.integers(0, 6, 2000)
    batches = epoch(store(list(zip(src.tolist(), tgt.tolist(), strict=True))), 400, 60)
    real = sum(batch.num_targets for batch in batches)
    assert real > 0.95 * sum(batch.tgt_out.numel() for batch in batches)
    read = sum(int(batch.src_lengths.sum()) for batch in batches)
    assert read > 0.75 * sum(batch.src.numel() for batch in batches)
    assert len(batches) < 1.1 * real / 400


def test_the_longest_pairs_are_no_remainder():
    batches = epoch(store([(3, 9)] * 10 + [(3, 20)]), 70, 60)
    # Greedily there would be 7, 3 and 1.
    assert sorted(len(batch) for batch in batches) == [1, 5, 5]
    for count in range(61, 80):
        found = epoch(store([(3, 9)] * count), 200, 60)
        sizes = [len(batch) for batch in found]
        assert max(sizes) - min(sizes) <= len(sizes)
        assert len(sizes) == -(-count // 20)


def test_the_order_is_the_generators_and_can_be_taken_up():
    pairs = store([(n % 7, n % 5) for n in range(60)])
    whole = epoch(pairs, 30, 9)
    for one, other in zip(epoch(pairs, 30, 9, start=3), whole[3:], strict=True):
        assert torch.equal(one.src, other.src)
    other = epoch(pairs, 30, 9, seed=1)
    assert [batch.src.tolist() for batch in other] != [batch.src.tolist() for batch in whole]
    lengths = [int(batch.tgt_lengths.max()) for batch in whole]
    assert lengths != sorted(lengths)
    # Company changes, too: not only the order of the same batches.
    assert {str(sorted(b.src.tolist())) for b in other} != {
        str(sorted(b.src.tolist())) for b in whole
    }


def test_texts_are_cut_anew_by_the_epochs_generator():
    text = " ".join(["low", "lower", "lowest", "newer", "wider", "new"] * 20)
    tokenizer = train_tokenizer(lambda: iter([text]), TokenizerSettings(tokenizer="unigram"))
    assert isinstance(tokenizer, UnigramTokenizer)
    encoded = [
        [BOS_ID, *tokenizer.encode(" ".join(text.split()[n : n + 5])), EOS_ID] for n in range(40)
    ]
    starts = np.cumsum([0, *map(len, encoded[:-1])]).astype(np.int64)
    one = TokenStore(np.concatenate(encoded).astype(np.int32), starts, characters=1, unknown=0)
    samplers = CutSampler(tokenizer, 0.1), CutSampler(tokenizer, 50.0)
    assert samplers_of(tokenizer, tokenizer, None) is None
    found = samplers_of(tokenizer, tokenizer, 0.1)
    assert found is not None
    again = [s.sample(text, np.random.default_rng(0)) for s in (found[1], samplers[0])]
    assert np.array_equal(*again)
    with pytest.raises(UsageError, match="by --tokenizer unigram alone, not by byte"):
        samplers_of(tokenizer, ByteTokenizer(), 0.1)

    def batches(seed: int, start: int = 0) -> list[PairBatch]:
        rng = np.random.default_rng(seed)
        return list(token_batches(PairStore(one, one), 60, 99, rng, start, samplers))

    whole = batches(0)
    for batch in whole:
        for src, tgt in zip(batch.src.numpy(), batch.tgt_out.numpy(), strict=True):
            assert tokenizer.decode(src) == tokenizer.decode(tgt)
        assert batch.num_targets == int(batch.tgt_lengths.sum())
    sources, targets = (sum(int(b.src_lengths.sum()) for b in whole), sum(map(_targets, whole)))
    assert sources > 1.2 * targets == 1.2 * sum(len(ids) - 1 for ids in encoded)
    for again, first in zip(batches(0, start=2), whole[2:], strict=True):
        assert torch.equal(again.src, first.src)
    assert {str(b.src[0].tolist()) for b in batches(1)} != {str(b.src[0].tolist()) for b in whole}
    assert all(batch.tgt_out.numel() <= 60 for batch in whole)


def _targets(batch: PairBatch) -> int:
    return batch.num_targets


def test_nothing_fits():
    assert epoch(store([(9, 1), (1, 9)]), 100, 8) == []
    assert list(evaluation_batches(store([(9, 1)]), 8)) == []


@given(LENGTHS, st.integers(1, 25))
def test_evaluation_has_every_pair_that_fits_once(lengths: Lengths, most: int):
    batches = list(evaluation_batches(store(lengths), most))
    seen = [shape for batch in batches for shape in shapes(batch)]
    assert [tgt for _, tgt in seen] == sorted((tgt for _, tgt in seen), reverse=True)
    assert sorted(seen) == sorted((s, t) for s, t in lengths if s <= most and t <= most)


def test_evaluation_of_some_spreads_them():
    pairs = store([(5, n) for n in range(20)])
    seen = [tgt for batch in evaluation_batches(pairs, 30, 4) for _, tgt in shapes(batch)]
    assert seen == [19, 13, 6, 0]


def test_evaluation_is_bounded(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("textrnn.translator.batches._TOKENS_AT_ONCE", 24)
    batches = list(evaluation_batches(store([(3, 5)] * 10), 30))
    assert [tuple(batch.tgt_out.shape) for batch in batches] == [(4, 6), (4, 6), (2, 6)]


def test_rows_of_a_batch_count_their_own_targets():
    batch = batch_of(store([(2, 1), (1, 3), (4, 4)]), np.arange(3))
    parts = [batch.rows(0, 1), batch.rows(1, 3)]
    assert [part.num_targets for part in parts] == [2, 9]
    assert sum(part.num_targets for part in parts) == batch.num_targets
    assert torch.equal(parts[1].src, batch.src[1:])
    assert batch.to(torch.device("cpu")) is batch
    moved = batch.to(torch.device("meta"))
    assert moved.tgt_in.shape == batch.tgt_in.shape
    assert (moved.src.device.type, moved.num_targets) == ("meta", batch.num_targets)
