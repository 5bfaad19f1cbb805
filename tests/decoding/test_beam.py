"""Beam search, against models whose every probability is known."""

import itertools
import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from textrnn.decoding.beam import BeamSettings, Hypothesis, beam_search, length_norm
from textrnn.decoding.candidates import best_candidates
from textrnn.decoding.protocol import Banned, Candidates, Ids64
from textrnn.decoding.repeats import repeating
from textrnn.errors import ModelError, UsageError
from textrnn.tokenizers.base import BOS_ID, EOS_ID

A, B, C = 4, 5, 6
VOCAB = 7

State = list[tuple[int, tuple[int, ...]]]
"""Each row's sentence and what has been read of it."""


class TableModel:
    """A model that looks its logits up by the sentence and everything said so far."""

    def __init__(self, logits: Callable[[int, tuple[int, ...]], Sequence[float]]) -> None:
        self.logits = logits
        self.rows: list[int] = []

    def extend(
        self, ids: Ids64, state: State, count: int, banned: Banned | None
    ) -> tuple[Candidates, State]:
        new = [
            (sentence, (*said, token))
            for (sentence, said), token in zip(state, ids.tolist(), strict=True)
        ]
        assert all(said[0] == BOS_ID for _, said in new)
        self.rows.append(len(new))
        table = np.array([self.logits(sentence, said[1:]) for sentence, said in new], np.float32)
        return best_candidates(table, count, banned), new

    def reorder(self, state: State, index: Ids64) -> State:
        return [state[row] for row in index.tolist()]


def search(model: TableModel, limits: Sequence[int], **settings: float) -> list[list[Hypothesis]]:
    start: State = [(sentence, ()) for sentence in range(len(limits))]
    found = beam_search(model, start, np.array(limits, np.int64), BeamSettings(**settings))
    return [each[: int(settings.get("n_best", 1))] for each in found]


def told(found: Sequence[Hypothesis]) -> list[tuple[int, ...]]:
    return [tuple(each.ids.tolist()) for each in found]


def shares(table: Mapping[tuple[int, ...], Mapping[int, float]]) -> TableModel:
    """A model of probabilities by what was said; anything else ends at once."""

    def logits(sentence: int, said: tuple[int, ...]) -> list[float]:
        row = table.get(said, {EOS_ID: 1.0})
        return [math.log(row.get(token, 1e-30)) for token in range(VOCAB)]

    return TableModel(logits)


def noise(seed: int) -> Callable[[int, tuple[int, ...]], Sequence[float]]:
    """Logits that look random, and are the same for the same sentence and beginning."""

    def logits(sentence: int, said: tuple[int, ...]) -> Sequence[float]:
        rng = np.random.default_rng([seed, sentence, *said])
        return (2 * rng.standard_normal(VOCAB)).tolist()

    return logits


def log_softmax(logits: Sequence[float]) -> list[float]:
    row = np.asarray(np.asarray(logits, np.float32), np.float64)
    return (row - np.logaddexp.reduce(row)).tolist()


def forced(model: TableModel, sentence: int, ids: Sequence[int]) -> float:
    """The log-probability of a text and its end, token by token."""
    total = 0.0
    for place, token in enumerate([*ids, EOS_ID]):
        total += log_softmax(model.logits(sentence, tuple(ids[:place])))[token]
    return total


# Greedy takes a (.5), whose best text has .5 * .4 = .2; b leads to .4 * .9 = .36.
GARDEN = {
    (): {A: 0.5, B: 0.4, EOS_ID: 0.1},
    (A,): {A: 0.35, B: 0.25, EOS_ID: 0.4},
    (B,): {C: 0.9, EOS_ID: 0.1},
    (B, C): {EOS_ID: 1.0},
    (A, A): {EOS_ID: 1.0},
    (A, B): {EOS_ID: 1.0},
}


def test_a_beam_finds_what_greedy_misses_worked_by_hand():
    (greedy,) = search(shares(GARDEN), [5], beam_size=1, length_penalty=0)
    assert told(greedy) == [(A,)]
    assert greedy[0].log_prob == pytest.approx(math.log(0.2), abs=1e-6)
    (found,) = search(shares(GARDEN), [5], beam_size=2, n_best=2, length_penalty=0)
    assert told(found) == [(B, C), (A,)]
    assert [each.log_prob for each in found] == pytest.approx([math.log(0.36), math.log(0.2)])
    (wide,) = search(shares(GARDEN), [5], beam_size=9, n_best=6, length_penalty=0)
    assert told(wide) == [(B, C), (A,), (A, A), (A, B), (), (B,)]
    assert [math.exp(each.score) for each in wide] == pytest.approx(
        [0.36, 0.2, 0.175, 0.125, 0.1, 0.04], rel=1e-5
    )


def test_the_length_penalty_favours_long_texts_as_its_formula_says():
    # The end at once has .42; the long text .58, then .7 = .406.
    table = {(): {A: 0.58, EOS_ID: 0.42}, (A,): {EOS_ID: 0.7, B: 0.3}}
    (plain,) = search(shares(table), [4], beam_size=4, length_penalty=0)
    assert told(plain) == [()]
    (long,) = search(shares(table), [4], beam_size=4, length_penalty=1, n_best=3)
    assert told(long) == [(A,), (), (A, B)]
    # One token counts 6/6, two 7/6, three 8/6.
    expected = [math.log(0.406) * 6 / 7, math.log(0.42), math.log(0.58 * 0.3) * 6 / 8]
    assert [each.score for each in long] == pytest.approx(expected, abs=1e-6)
    assert length_norm([1, 7], 2.0).tolist() == [1.0, 4.0]


@given(st.integers(0, 10_000), st.lists(st.integers(0, 9), min_size=1, max_size=4))
def test_a_beam_of_one_is_greedy(seed, limits):
    model = TableModel(noise(seed))
    found = search(model, limits, beam_size=1, length_penalty=0.7)
    for sentence, limit in enumerate(limits):
        said: list[int] = []
        while len(said) < limit:
            row = model.logits(sentence, tuple(said))
            best = max(
                (token for token in range(VOCAB) if token not in (0, BOS_ID)), key=row.__getitem__
            )
            if best == EOS_ID:
                break
            said.append(best)
        assert told(found[sentence]) == [tuple(said)]


@pytest.mark.parametrize("penalty", [0.0, 0.6, 1.0])
def test_a_beam_that_holds_everything_finds_the_best_of_all(penalty):
    words, limit = (1, A, B, C), 3
    for seed in range(8):
        model = TableModel(noise(seed))
        scored = []
        for length in range(limit + 1):
            norm = float(length_norm(length + 1, penalty))
            for ids in itertools.product(words, repeat=length):
                scored.append((forced(model, 0, ids) / norm, ids))  # noqa: PERF401
        scored.sort(reverse=True)
        # Without a penalty it may end before all has been found, and has found the best.
        n_best = 6 if penalty == 0 else len(scored)
        (found,) = search(model, [limit], beam_size=400, n_best=n_best, length_penalty=penalty)
        assert told(found) == [ids for _, ids in scored[:n_best]]
        scores = [score for score, _ in scored[:n_best]]
        assert [each.score for each in found] == pytest.approx(scores)


def test_unlikely_short_texts_do_not_shut_out_a_likely_long_one():
    # Sure of every token of a long text, and next to nothing else than an early end is likelier.
    def logits(sentence: int, said: tuple[int, ...]) -> list[float]:
        ends = len(said) >= 12
        return [
            9.0 * (token == (EOS_ID if ends else A)) + (token == EOS_ID) for token in range(VOCAB)
        ]

    for beam in (1, 2, 5):
        (found,) = search(TableModel(logits), [40], beam_size=beam)
        assert told(found) == [(A,) * 12]


@pytest.mark.parametrize(
    ("ends", "limit"),
    [
        # Its end at once has the score log .5 = -.69; the long text's is log .3 / (14 / 6) = -.52.
        (0.5, 8),
        # log .427 = -.85; the longest that the limit allows, log .3 / (9 / 6) = -.80, is just enough.
        (0.427, 3),
    ],
)
def test_a_search_goes_on_while_a_longer_text_may_still_surpass_within_the_limit(ends, limit):
    table: dict[tuple[int, ...], dict[int, float]] = {
        (): {EOS_ID: ends, A: 0.3, B: 1 - ends - 0.3},
        (A,) * limit: {EOS_ID: 1.0},
    }
    for length in range(1, limit + 1):
        if length < limit:
            table[(A,) * length] = {A: 1.0}
        # The other one never ends.
        table[(B,) * length] = {B: 1.0}
    (found,) = search(shares(table), [limit], beam_size=2, length_penalty=1)
    assert told(found) == [(A,) * limit]
    expected = math.log(0.3) / float(length_norm(limit + 1, 1))
    assert found[0].score == pytest.approx(expected, abs=1e-6)


@given(
    st.integers(0, 10_000),
    st.lists(st.integers(0, 8), min_size=1, max_size=5),
    st.integers(1, 6),
    st.sampled_from([0.0, 1.0]),
    st.integers(0, 3),
)
def test_scores_are_those_of_forced_decoding_and_company_changes_nothing(
    seed, limits, beam, penalty, ngram
):
    model = TableModel(noise(seed))
    options = {"beam_size": beam, "length_penalty": penalty, "no_repeat_ngram": ngram}
    together = search(model, limits, n_best=beam, **options)
    for sentence, (limit, found) in enumerate(zip(limits, together, strict=True)):
        assert 1 <= len(found) <= beam
        assert len(set(told(found))) == len(found)
        scores = [each.score for each in found]
        assert scores == sorted(scores, reverse=True)
        for each in found:
            assert len(each.ids) <= limit
            assert each.log_prob == pytest.approx(forced(model, sentence, each.ids.tolist()))
            norm = float(length_norm(len(each.ids) + 1, penalty))
            assert each.score == pytest.approx(each.log_prob / norm)
        alone = TableModel(lambda _, said, number=sentence: noise(seed)(number, said))
        assert told(search(alone, [limit], n_best=beam, **options)[0]) == told(found)


def test_no_run_of_tokens_is_said_twice():
    # Left alone it says a b a b a b ... up to the limit.
    def logits(sentence: int, said: tuple[int, ...]) -> list[float]:
        likely = B if said and said[-1] == A else A
        return [5.0 if token == likely else 1.0 if token == C else 0.0 for token in range(VOCAB)]

    for beam in (1, 3):
        (free,) = search(TableModel(logits), [9], beam_size=beam, length_penalty=3)
        assert told(free) == [(A, B, A, B, A, B, A, B, A)]
    for size in (1, 2, 3):
        (found,) = search(TableModel(logits), [9], beam_size=1, no_repeat_ngram=size)
        ids = told(found)[0]
        runs = [ids[place : place + size] for place in range(len(ids) - size + 1)]
        assert len(set(runs)) == len(runs)
        assert ids[: size + 1] == (A, B, A, B)[: size + 1] if size > 1 else (A, B)


def test_what_repeats_worked_by_hand():
    said = np.array([[A, B, C, A, B], [A, A, A, A, A], [B, C, B, A, C]])
    rows, ids = repeating(said, 3)
    assert set(zip(rows.tolist(), ids.tolist(), strict=True)) == {(0, C), (1, A)}
    rows, ids = repeating(said, 2)
    assert set(zip(rows.tolist(), ids.tolist(), strict=True)) == {(0, C), (1, A), (2, B)}
    rows, ids = repeating(said, 1)
    assert {token for row, token in zip(rows.tolist(), ids.tolist(), strict=True) if row == 1} == {
        A
    }
    assert repeating(said[:, :2], 3) is None


def test_a_limit_ends_a_text_at_the_price_of_its_end():
    endless = TableModel(lambda _, said: [0.0, 0.0, 0.0, -9.0, 8.0, 1.0, 0.0])
    for beam in (1, 2):
        nothing, three = search(endless, [0, 3], beam_size=beam)
        assert told(nothing) == [()]
        assert told(three) == [(A, A, A)]
        assert three[0].log_prob == pytest.approx(forced(endless, 1, (A, A, A)))
    assert endless.rows[:4] == [2, 1, 1, 1]


def test_sentences_that_are_done_are_read_no_further():
    def logits(sentence: int, said: tuple[int, ...]) -> list[float]:
        ends = len(said) >= sentence
        return [20.0 * (token == (EOS_ID if ends else A)) for token in range(VOCAB)]

    model = TableModel(logits)
    found = search(model, [9] * 4, beam_size=3)
    assert [told(each) for each in found] == [[()], [(A,)], [(A, A)], [(A, A, A)]]
    assert model.rows == [4, 9, 6, 3]


def test_of_equals_the_better_beginning_and_the_lower_id_come_first():
    level = TableModel(lambda _, said: [0.0] * VOCAB)
    for _ in range(3):
        (found,) = search(level, [1], beam_size=9, n_best=5, length_penalty=0)
        assert told(found) == [(), (1,), (A,), (B,), (C,)]
    (greedy,) = search(level, [3], beam_size=1)
    assert told(greedy) == [(1, 1, 1)]


def test_candidates_worked_by_hand():
    logits = np.log(np.array([[0.3, 0.05, 0.2, 0.1, 0.1, 0.1, 0.15], [0.1] * 6 + [0.4]]))
    found = best_candidates(logits, 3)
    assert found.ids.tolist() == [[C, A, B], [C, 1, A]]
    assert np.exp(found.log_probs[0]) == pytest.approx([0.15, 0.1, 0.1])
    assert np.exp(found.ends) == pytest.approx([0.1, 0.1])
    banned = (np.array([0, 1, 1]), np.array([C, C, A]))
    assert best_candidates(logits, 2, banned).ids.tolist() == [[A, B], [1, B]]
    assert best_candidates(logits, 1).ids.tolist() == [[C], [C]]
    assert best_candidates(logits, 99, never=(0, 1, 2)).ids.tolist() == [[C, A, B]] * 2


def test_wrong_settings_and_broken_models_are_told():
    with pytest.raises(UsageError, match="n_best is 3 and beam_size 2"):
        BeamSettings(beam_size=2, n_best=3)
    with pytest.raises(ModelError, match="no number"):
        search(TableModel(lambda _, said: [math.nan] * VOCAB), [3], beam_size=2)
