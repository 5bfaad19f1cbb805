import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from textrnn.config import make, specs
from textrnn.decoding.sampling import (
    Sampler,
    SamplingSettings,
    keep_largest,
    penalise_repetition,
    with_seed,
)
from textrnn.errors import ModelError, UsageError

# Ids 0 to 3 are special; the others have these probabilities.
SHARES = np.array([0.1, 0.4, 0.05, 0.2, 0.25])
LOGITS = np.concatenate(([9.0, 9.0, 9.0, 9.0], np.log(SHARES) + 3)).astype(np.float32)[None]


def shares(**options: object) -> list[float]:
    """Return the probabilities of ids 4, 5, … under the options."""
    weights = Sampler(SamplingSettings(**options), allow_eos=False).weights(LOGITS, None)[0]
    assert (weights[:4] == 0).all()
    return (weights[4:] / weights.sum()).tolist()


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, [0.1, 0.4, 0.05, 0.2, 0.25]),
        # Squared at temperature 1/2: .01 .16 .0025 .04 .0625, sum .275.
        (
            {"temperature": 0.5},
            [0.01 / 0.275, 0.16 / 0.275, 0.0025 / 0.275, 0.04 / 0.275, 0.0625 / 0.275],
        ),
        ({"top_k": 1}, [0, 1, 0, 0, 0]),
        ({"top_k": 2}, [0, 0.4 / 0.65, 0, 0, 0.25 / 0.65]),
        ({"top_k": 99}, [0.1, 0.4, 0.05, 0.2, 0.25]),
        # .4 + .25 = .65 falls short of .7; with .2 it is .85.
        ({"top_p": 0.7}, [0, 0.4 / 0.85, 0, 0.2 / 0.85, 0.25 / 0.85]),
        ({"top_p": 0.39}, [0, 1, 0, 0, 0]),
        # Half of the likeliest, .4, is .2: .25 stays, and .21 would.
        ({"min_p": 0.55}, [0, 0.4 / 0.65, 0, 0, 0.25 / 0.65]),
        ({"min_p": 0.45}, [0, 0.4 / 0.85, 0, 0.2 / 0.85, 0.25 / 0.85]),
        ({"min_p": 1.0}, [0, 1, 0, 0, 0]),
        # Of the three that top-k leaves (.4 .25 .2 of .85), the first two are 76% of the mass.
        ({"top_k": 3, "top_p": 0.75}, [0, 0.4 / 0.65, 0, 0, 0.25 / 0.65]),
        # top-p sees the shares after the temperature: .16 of .275 is 58%.
        ({"temperature": 0.5, "top_p": 0.58}, [0, 1, 0, 0, 0]),
    ],
)
def test_filters_worked_by_hand(options: dict[str, float], expected: list[float]):
    np.testing.assert_allclose(shares(**options), expected, atol=1e-6)


def test_repetition_penalty_worked_by_hand():
    scores = np.array([[3.0, -1.0, 2.0, 0.0, -4.0], [1.0, 1.0, 1.0, 1.0, 1.0]])
    recent = np.array([[0, 1, 1, 1, 3], [4, 4, 4, 4, 4]])
    penalise_repetition(scores, recent, 2.0)
    expected = [[1.5, -2.0, 2.0, 0.0, -4.0], [1.0, 1.0, 1.0, 1.0, 0.5]]
    np.testing.assert_array_equal(scores, expected)


def test_the_penalty_reaches_the_draw():
    logits = np.array([[0, 0, 0, 0, 2.0, 1.5, -1.0]], np.float32)
    greedy = Sampler(SamplingSettings(temperature=0, repetition_penalty=1.5), allow_eos=False)
    assert greedy.choose(logits, np.array([[0, 6]])).tolist() == [4]
    assert greedy.choose(logits, np.array([[4, 6]])).tolist() == [5]


def test_equals_keep_the_lowest_ids():
    weights = np.array([[0.5, 1, 0.5, 0.5, 1], [1, 1, 1, 1, 1]])
    keep_largest(weights, np.array([3, 3]))
    np.testing.assert_array_equal(weights, [[0.5, 1, 0, 0, 1], [1, 1, 1, 0, 0]])


WEIGHTS = arrays(np.float64, (3, 6), elements=st.sampled_from([0.0, 0.1, 0.2, 0.5, 1.0]))


@given(WEIGHTS, st.lists(st.integers(1, 6), min_size=3, max_size=3))
def test_keep_largest_is_a_stable_sort_cut_off(weights, counts):
    expected = np.zeros_like(weights)
    for row, count in enumerate(counts):
        kept = np.argsort(-weights[row], kind="stable")[:count]
        expected[row, kept] = weights[row, kept]
    keep_largest(weights, np.array(counts))
    np.testing.assert_array_equal(weights, expected)


OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "temperature": st.sampled_from([1e-6, 0.3, 1.0, 100.0]),
        "top_k": st.integers(0, 9),
        "top_p": st.floats(0.01, 1),
        "min_p": st.floats(0, 1),
        "repetition_penalty": st.sampled_from([0.5, 1.0, 1.3, 1000.0]),
    },
)
MANY = arrays(np.float32, (4, 9), elements=st.floats(-80, 80, width=32))


@given(MANY, OPTIONS, st.booleans(), st.integers(0, 2**32))
def test_a_batch_is_its_rows(logits, options, allow_eos, seed):
    rng = np.random.default_rng(seed)
    recent = rng.integers(0, 9, (4, 5))
    numbers = rng.random(4)
    sampler = Sampler(SamplingSettings(**options), allow_eos=allow_eos)
    together = sampler.choose(logits, recent, numbers)
    apart = [
        sampler.choose(logits[r : r + 1], recent[r : r + 1], numbers[r : r + 1])[0]
        for r in range(4)
    ]
    assert together.tolist() == [int(chosen) for chosen in apart]
    assert (together >= (3 if allow_eos else 4)).all()
    weights = sampler.weights(logits, recent)
    assert (weights[np.arange(4), together] > 0).all()
    assert (weights.max(axis=1) == 1).all()


def test_the_draw_inverts_the_distribution_function():
    sampler = Sampler(SamplingSettings(), allow_eos=False)

    def chosen(number: float) -> int:
        return int(sampler.choose(LOGITS, None, np.array([number]))[0])

    # Cumulated: .1 .5 .55 .75 1.
    numbers = [0.0, 0.099, 0.101, 0.499, 0.501, 0.549, 0.551, 0.749, 0.751, 1 - 2**-53]
    assert [chosen(number) for number in numbers] == [4, 4, 5, 5, 6, 6, 7, 7, 8, 8]


@given(arrays(np.float32, (2, 8), elements=st.sampled_from([-1.0, 0.0, 2.0])))
def test_greedy_is_argmax_with_the_lowest_id_of_equals(logits):
    sampler = Sampler(SamplingSettings(temperature=0), allow_eos=False)
    assert not sampler.is_random
    assert sampler.choose(logits).tolist() == (4 + logits[:, 4:].argmax(axis=1)).tolist()


@pytest.mark.parametrize("temperature", [5e-324, 1e-30, 1e-6, 1e-3])
def test_the_coldest_temperatures_are_greedy(temperature: float):
    logits = np.array([[0, 0, 0, 0, 1, 3e38, -3e38, 2.9e38]], np.float32)
    sampler = Sampler(SamplingSettings(temperature=temperature), allow_eos=False)
    with np.errstate(all="raise", under="ignore"):
        assert sampler.choose(logits, None, np.array([0.999])).tolist() == [5]


def test_the_hottest_temperatures_are_uniform():
    sampler = Sampler(SamplingSettings(temperature=1e300), allow_eos=True)
    weights = sampler.weights(np.array([[0, 0, 0, -80, 80, 3]], np.float32), None)
    np.testing.assert_allclose(weights, [[0, 0, 0, 1, 1, 1]])


@pytest.mark.parametrize("temperature", [0.0, 1.0])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_useless_logits_are_refused(temperature: float, bad: float):
    logits = np.array([[0, 0, 0, 0, 1, bad]], np.float32)
    sampler = Sampler(SamplingSettings(temperature=temperature), allow_eos=False)
    with pytest.raises(ModelError, match="not finite"):
        sampler.choose(logits, None, np.array([0.5]))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("top_p", 3),
        ("top_p", 0),
        ("min_p", -0.1),
        ("temperature", -1),
        ("temperature", float("nan")),
        ("top_k", -1),
        ("max_new_tokens", -2),
        ("repetition_penalty", 0),
        ("seed", -1),
    ],
)
def test_values_out_of_range_are_refused(name: str, value: float):
    with pytest.raises(UsageError, match=name):
        make(SamplingSettings, {name: value})


def test_defaults_are_in_range_and_a_missing_seed_is_drawn():
    settings = SamplingSettings()
    for name, spec in specs(SamplingSettings).items():
        spec.check(getattr(settings, name), "default")
    assert with_seed(settings).seed is not None
    assert with_seed(settings) != with_seed(settings)
    fixed = dataclasses.replace(settings, seed=0)
    assert with_seed(fixed) == fixed
