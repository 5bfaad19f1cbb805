"""Temperatures and the expected calibration error."""

import numpy as np
import pytest

from textrnn.classifier.calibration import (
    HIGHEST_TEMPERATURE,
    LOWEST_TEMPERATURE,
    confidence_bins,
    error_of_bins,
    expected_calibration_error,
    fit_bag_share,
    fit_temperature,
)


def softmax(logits: np.ndarray) -> np.ndarray:
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True)


def loss(logits: np.ndarray, labels: np.ndarray, temperature: float) -> float:
    chosen = softmax(logits / temperature)[np.arange(len(labels)), labels]
    return float(-np.log(np.maximum(chosen, 1e-300)).mean())


def drawn(rows: int, labels: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Logits, and labels drawn from just the probabilities that they give."""
    rng = np.random.default_rng(seed)
    logits = 2 * rng.normal(size=(rows, labels))
    return logits, (logits + rng.gumbel(size=logits.shape)).argmax(axis=1)


def test_the_share_of_the_bag_is_found_where_the_rows_can_bear_it_out():
    # Labels drawn from the pool in which the bag has the weight 1.5 and the network, too sure of itself, 0.5.
    rng = np.random.default_rng(1)
    network, bag = (np.log(softmax(2 * rng.normal(size=(4000, 3)))) for _ in range(2))
    pool = 0.5 * network + 1.5 * bag
    true = (pool + rng.gumbel(size=pool.shape)).argmax(axis=1)
    assert fit_bag_share(network, bag, true) == pytest.approx(0.75, abs=0.051)
    assert fit_bag_share(bag, network, true) == pytest.approx(0.25, abs=0.051)
    # A few rows move it little, and none not at all.
    assert abs(fit_bag_share(network[:3], bag[:3], true[:3]) - 0.5) <= 0.25
    assert fit_bag_share(network[:0], bag[:0], true[:0]) == 0.5
    # Experts that agree leave nothing to choose.
    assert fit_bag_share(bag, bag, true) == 0.5


@pytest.mark.parametrize("scale", [0.2, 1.0, 5.0])
@pytest.mark.parametrize("labels", [2, 5])
def test_the_temperature_is_where_the_loss_is_least(scale, labels):
    logits, true = drawn(5000, labels)
    found = fit_temperature((scale * logits).astype(np.float32), true)
    assert found == pytest.approx(scale, rel=0.06)  # what the labels were drawn with
    grid = found * np.exp(np.linspace(-0.3, 0.3, 301))
    best = grid[np.argmin([loss(scale * logits, true, each) for each in grid])]
    assert found == pytest.approx(best, rel=0.005)


def test_scaling_calibrates():
    logits, true = drawn(4000, 3, seed=1)
    logits *= 4
    before = expected_calibration_error(softmax(logits), true)
    after = expected_calibration_error(softmax(logits / fit_temperature(logits, true)), true)
    assert before > 0.1
    assert after < 0.03


@pytest.mark.parametrize(
    ("logits", "labels"),
    [
        (np.zeros((0, 3)), []),
        (np.zeros((4, 1)), [0, 0, 0, 0]),
        (np.full((4, 3), 7.0), [0, 1, 2, 0]),
        (np.full((2, 2), np.nan), [0, 1]),
    ],
    ids=["no rows", "one label", "equal logits", "no numbers"],
)
def test_where_rows_say_nothing_the_temperature_is_one(logits, labels):
    assert fit_temperature(logits, np.array(labels, np.int64)) == 1.0


def test_without_mistakes_certainty_grows_with_the_rows_that_bear_it_out():
    logits = 5 * np.random.default_rng(0).normal(size=(10_000, 3))
    right = logits.argmax(axis=1)
    found = [fit_temperature(logits[:n], right[:n]) for n in (3, 100, 10_000)]
    assert found[0] > found[1] > found[2] > LOWEST_TEMPERATURE
    assert loss(logits, right, found[2]) < 0.01
    assert LOWEST_TEMPERATURE < fit_temperature(logits, 0 * right) <= HIGHEST_TEMPERATURE
    assert fit_temperature(logits, logits.argmin(axis=1)) == pytest.approx(
        HIGHEST_TEMPERATURE, rel=1e-4
    )
    assert fit_temperature(1e-3 * logits, right) == pytest.approx(LOWEST_TEMPERATURE, rel=1e-4)


@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_any_finite_logits_give_a_temperature_in_range(scale):
    logits, true = drawn(50, 3)
    assert LOWEST_TEMPERATURE <= fit_temperature(scale * logits, true) <= HIGHEST_TEMPERATURE


def test_rows_without_numbers_are_left_out():
    logits, true = drawn(200, 3)
    spoilt = np.concatenate([logits, [[np.inf, 0, 0], [np.nan, 0, 0]]])
    assert fit_temperature(spoilt, np.append(true, [0, 1])) == fit_temperature(logits, true)


def test_the_calibration_error_by_hand():
    # Bins of a third: (0, 1/3], (1/3, 2/3], (2/3, 1].
    probabilities = np.array([[0.6, 0.4], [0.55, 0.45], [0.9, 0.1], [0.2, 0.8]])
    labels = np.array([0, 1, 0, 1])
    by_hand = (abs(1 - (0.6 + 0.55)) + abs(2 - (0.9 + 0.8))) / 4
    assert expected_calibration_error(probabilities, labels, bins=3) == pytest.approx(by_hand)
    assert expected_calibration_error(np.eye(2), np.array([0, 1])) == 0.0
    assert expected_calibration_error(np.eye(2), np.array([1, 0])) == 1.0
    assert expected_calibration_error(np.zeros((0, 2)), np.zeros(0, np.int64)) == 0.0


def test_an_upper_edge_belongs_to_its_bin_and_sums_of_batches_add_up():
    confidence = np.array([0.25, 0.5, 0.75, 1.0, 0.3])
    is_right = np.array([True, False, True, True, True])
    whole = confidence_bins(confidence, is_right, bins=4)
    assert whole[0].tolist() == [1, 2, 1, 1]
    parts = confidence_bins(confidence[:2], is_right[:2], 4) + confidence_bins(
        confidence[2:], is_right[2:], 4
    )
    np.testing.assert_allclose(parts, whole)
    assert error_of_bins(np.zeros((3, 4))) == 0.0
