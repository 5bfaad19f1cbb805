"""Where settings come from: combinations, chance, a model of the trials."""

import math

import pytest

from textrnn.errors import UsageError
from textrnn.experiments.space import Space
from textrnn.experiments.strategies import (
    GridStrategy,
    ModelStrategy,
    RandomStrategy,
    make_strategy,
)
from textrnn.experiments.trial import Trial
from textrnn.language_model.settings import LanguageModelSettings

WIDE = Space.parse(
    [
        "learning_rate=log:1e-4..1e-1",
        "dropout=0..0.8",
        "rnn_type=lstm,gru,rnn_tanh",
        "num_layers=1..4",
    ],
    LanguageModelSettings,
)
SMALL = Space.parse(["num_layers=1,2,3", "rnn_type=lstm,gru"], LanguageModelSettings)


def ended(number, settings, value, state="done", curve=()):
    return Trial(number, state, settings, settings, value, {}, "", 1, 1, 1.0, tuple(curve))


def played(strategy, count, figure):
    """Let a strategy choose trials, of which ``figure`` tells what comes."""
    history = []
    for number in range(1, count + 1):
        settings = strategy.suggest(history, number)
        if settings is None:
            break
        history.append(ended(number, dict(settings), figure(settings)))
    return history


def figure(settings):
    """Best at a rate of 0.01 and a dropout of 0.4, with two layers of LSTM."""
    return (
        math.log10(settings["learning_rate"] / 0.01) ** 2
        + 4 * (settings["dropout"] - 0.4) ** 2
        + 0.3 * (settings["rnn_type"] != "lstm")
        + 0.2 * abs(settings["num_layers"] - 2)
    )


@pytest.mark.parametrize("make", [GridStrategy, RandomStrategy])
def test_a_small_space_is_tried_whole_and_nothing_twice(make):
    history = played(make(SMALL, 3), 20, lambda settings: 1.0)
    tried = [tuple(trial.settings.values()) for trial in history]
    assert len(tried) == len(set(tried)) == SMALL.size == 6


def test_the_model_too_ends_where_nothing_is_left():
    history = played(ModelStrategy(SMALL, 3, False, startup=3), 20, lambda s: s["num_layers"])
    assert len({tuple(trial.settings.values()) for trial in history}) == len(history) == 6


@pytest.mark.parametrize("make", [GridStrategy, RandomStrategy])
def test_the_seed_decides(make):
    first = [trial.settings for trial in played(make(SMALL, 1), 6, lambda s: 1.0)]
    assert first == [trial.settings for trial in played(make(SMALL, 1), 6, lambda s: 1.0)]
    assert first != [trial.settings for trial in played(make(SMALL, 2), 6, lambda s: 1.0)]


def test_a_draw_depends_on_the_number_alone():
    strategy = RandomStrategy(WIDE, 5)
    assert strategy.suggest([], 7) == strategy.suggest(played(strategy, 3, figure), 7)


def test_the_model_begins_as_chance_does_and_repeats_itself():
    pytest.importorskip("optuna")
    model, chance = ModelStrategy(WIDE, 4, False, startup=5), RandomStrategy(WIDE, 4)
    history = played(model, 12, figure)
    assert [t.settings for t in history[:5]] == [t.settings for t in played(chance, 5, figure)]
    assert [t.settings for t in history] == [t.settings for t in played(model, 12, figure)]
    assert all(WIDE.holds(trial.settings) for trial in history)


@pytest.mark.parametrize("maximize", [False, True])
def test_the_model_learns_where_good_settings_lie(maximize):
    pytest.importorskip("optuna")
    sign = -1 if maximize else 1
    found = []
    for seed in range(3):
        model = played(
            ModelStrategy(WIDE, seed, maximize, startup=10), 30, lambda s: sign * figure(s)
        )
        later = [figure(trial.settings) for trial in model[15:]]
        chance = [figure(t.settings) for t in played(RandomStrategy(WIDE, seed), 30, figure)[15:]]
        found.append(sum(later) / len(later) < 0.7 * sum(chance) / len(chance))
    assert all(found)


def test_trials_of_every_fate_and_the_defaults_are_borne():
    pytest.importorskip("optuna")
    model = ModelStrategy(WIDE, 0, False, startup=2)
    history = played(RandomStrategy(WIDE, 0), 4, figure)
    values = history[0].settings
    history += [
        Trial(5, "done", {}, {**values, "learning_rate": 0.014}, 0.5, {}, "", 1, 1, 1.0),
        Trial(6, "done", {}, {**values, "learning_rate": 5.0}, 0.5, {}, "", 1, 1, 1.0),  # outside
        ended(7, values, 3.0, "pruned", [(0.3, 3.0)]),
        ended(8, values, None, "failed"),
        ended(9, values, None, "running"),
        Trial(10, "running", {}, {}, None, {}, "", 1, 1, 1.0),  # not planned yet
    ]
    assert WIDE.holds(model.suggest(history, 11))


def test_strategies_by_name():
    assert isinstance(make_strategy("grid", SMALL, 0, maximize=False, trials=None), GridStrategy)
    assert isinstance(make_strategy("random", WIDE, 0, maximize=False, trials=9), RandomStrategy)
    with pytest.raises(UsageError, match="a grid tries every value"):
        make_strategy("grid", WIDE, 0, maximize=False, trials=None)


def test_without_optuna_it_is_told_how_to_get_it(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(
        UsageError, match=r"pip install 'textrnn\[tune\]', or use --strategy random"
    ):
        make_strategy("tpe", WIDE, 0, maximize=False, trials=9)
