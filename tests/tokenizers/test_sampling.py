"""Cuts of words drawn by their probability."""

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from textrnn.tokenizers import TokenizerSettings, UnigramTokenizer, sampling, train_tokenizer
from textrnn.tokenizers.sampling import CutSampler

TEXT = " ".join(["low", "lower", "lowest", "newer", "wider", "new"] * 20) + "\n"


def _tokenizer(**settings: str) -> UnigramTokenizer:
    wanted = TokenizerSettings(tokenizer="unigram", **settings)  # type: ignore[arg-type]
    made = train_tokenizer(lambda: iter([TEXT]), wanted)
    assert isinstance(made, UnigramTokenizer)
    return made


TOKENIZER = _tokenizer()


def drawn(alpha: float, count: int, text: str = " lowest") -> Counter[tuple[int, ...]]:
    sampler = CutSampler(TOKENIZER, alpha)
    rng = np.random.default_rng(0)
    return Counter(tuple(sampler.sample(text, rng).tolist()) for _ in range(count))


@given(st.text(max_size=30), st.integers(0, 99))
def test_the_text_is_kept(text: str, seed: int):
    sampler = CutSampler(TOKENIZER, 0.1)
    rng = np.random.default_rng(seed)
    ids = sampler.sample(text, rng)
    assert ids.dtype == np.int32
    assert TOKENIZER.decode(ids) == text
    marked = [2, *TOKENIZER.encode(text), 3]
    assert TOKENIZER.decode(sampler.recut(marked, rng)) == text


def test_ways_are_drawn_by_their_smoothed_probability():
    cuts = TOKENIZER.cuts(" lowest", sampling.MOST_CUTS)
    assert cuts[0][0] == tuple(TOKENIZER.encode(" lowest").tolist())
    assert len(cuts) > 3
    weights = [math.exp(0.3 * score) for _, score in cuts]
    found = drawn(0.3, 4000)
    for (ids, _), weight in zip(cuts, weights, strict=True):
        share = weight / sum(weights)
        assert found[ids] / 4000 == pytest.approx(share, abs=4 * math.sqrt(share / 4000))


def test_a_large_alpha_is_the_best_cut_and_a_small_one_any():
    assert list(drawn(50.0, 50)) == [tuple(TOKENIZER.encode(" lowest").tolist())]
    assert len(drawn(0.01, 500)) == len(TOKENIZER.cuts(" lowest", sampling.MOST_CUTS))


def test_the_generator_alone_decides(monkeypatch: pytest.MonkeyPatch):
    text = " ".join(["lowest newer wider"] * 9)
    first, other = (CutSampler(TOKENIZER, 0.1) for _ in range(2))
    other.sample("newer words", np.random.default_rng(7))
    one, two, three = (
        sampler.sample(text, np.random.default_rng(seed)).tolist()
        for sampler, seed in ((first, 1), (other, 1), (other, 2))
    )
    assert one == two != three
    monkeypatch.setattr(sampling, "CACHE_SIZE", 2)
    assert CutSampler(TOKENIZER, 0.1).sample(text, np.random.default_rng(1)).tolist() == one


def test_what_is_normalised_stays_so():
    tokenizer = _tokenizer(normalization="nfkc_cf")
    sampler = CutSampler(tokenizer, 0.1)
    assert (
        tokenizer.decode(sampler.sample("LOWEST ﬁne\n", np.random.default_rng(0)))
        == "lowest fine\n"
    )
