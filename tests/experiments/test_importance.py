"""What mattered: shares that are known beforehand, and chance that is called by its name."""

import numpy as np
import pytest

from textrnn.experiments.importance import LEAST_TRIALS, edges, importance_of
from textrnn.experiments.space import Space
from textrnn.experiments.trial import Trial
from textrnn.language_model.settings import LanguageModelSettings

SPACE = Space.parse(
    ["learning_rate=log:1e-4..1e-2", "dropout=0..0.5", "num_layers=1,2,3"], LanguageModelSettings
)


def trials(count, figure, state="done"):
    made = []
    for number in range(1, count + 1):
        values = SPACE.draw(np.random.default_rng([5, number]))
        value = float(figure(SPACE.units(values)))
        made.append(Trial(number, state, values, values, value, {}, "", 1, 1, 1.0))
    return made


def test_shares_of_a_sum_are_those_of_its_parts():
    # Var(3u) is nine times Var(u): of a sum of both, 90% and 10%; ranks hardly change that.
    found = importance_of(SPACE, trials(60, lambda units: 3 * units[0] + units[1]))
    shares = {share.name: share for share in found.shares}
    assert [share.name for share in found.shares][:2] == ["learning_rate", "dropout"]
    assert shares["learning_rate"].share == pytest.approx(0.9, abs=0.06)
    assert shares["dropout"].share == pytest.approx(0.1, abs=0.06)
    assert shares["num_layers"].share < 0.02
    assert all(s.low <= s.share <= s.high for s in found.shares)
    assert found.predicted > 0.8
    assert found.is_trustworthy


def test_chance_is_not_trusted():
    rng = np.random.default_rng(0)
    found = importance_of(SPACE, trials(12, lambda units: rng.normal()))
    assert not found.is_trustworthy


def test_one_trial_that_went_astray_is_not_all_that_counts():
    made = trials(30, lambda units: units[0])
    astray = made[4]
    made[4] = Trial(5, "done", astray.settings, astray.settings, 1e6, {}, "", 1, 1, 1.0)
    found = importance_of(SPACE, made)
    assert found.shares[0].name == "learning_rate"
    assert found.shares[0].share > 0.6


def test_too_little_says_nothing():
    assert importance_of(SPACE, trials(LEAST_TRIALS - 1, lambda units: units[0])) is None
    assert importance_of(SPACE, trials(20, lambda units: 1.0)) is None
    assert importance_of(SPACE, trials(20, lambda units: units[0], state="pruned")) is None


def test_edges_are_told_of_what_was_searched():
    values = {"learning_rate": 0.0099, "dropout": 0.0, "num_layers": 3}
    assert edges(SPACE, values) == [("learning_rate", "upper"), ("num_layers", "upper")]
    assert edges(SPACE, {"learning_rate": 0.5, "dropout": None}) == []
