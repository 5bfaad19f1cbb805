"""Values of settings to be searched: how they are written, drawn and placed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from textrnn.classifier.settings import ClassifierSettings
from textrnn.config import make, specs
from textrnn.errors import UsageError
from textrnn.experiments.space import REFUSED, Space, parse_dimension
from textrnn.language_model.settings import LanguageModelSettings
from textrnn.translator.settings import TranslatorSettings

JOBS = (LanguageModelSettings, ClassifierSettings, TranslatorSettings)


def dimension(text: str):
    return parse_dimension(text, LanguageModelSettings)


@pytest.mark.parametrize(
    ("text", "points"),
    [
        ("hidden_size=128,256,512", (128, 256, 512)),
        ("num_layers=int:1..3", (1, 2, 3)),
        ("num_layers=1..3", (1, 2, 3)),
        ("hidden_size=100..300:100", (100, 200, 300)),
        ("hidden_size=100..350:100", (100, 200, 300)),
        ("dropout=0..0.5:0.1", (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)),
        ("dropout=0..0.5", None),
        ("learning-rate=log:1e-4..1e-2", None),
        ("rnn_type=lstm,gru", ("lstm", "gru")),
        ("tie_weights=yes,no", (True, False)),
        ("hidden_size=log:1..4", (1, 2, 3, 4)),
        ("grad_clip=int:1..3", (1, 2, 3)),
    ],
)
def test_values_are_read_and_written_again(text, points):
    found = dimension(text)
    assert found.points == points
    assert dimension(found.text) == found


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hiden_size=1,2", "unknown setting 'hiden_size'; did you mean hidden_size?"),
        ("hidden_size", "no values; write hidden_size=A,B,C or hidden_size=LOW..HIGH"),
        ("hidden_size=", "no values"),
        ("hidden_size=64", "one value leaves nothing to search; fix it with --hidden-size"),
        ("hidden_size=64,64", "a value stands there twice"),
        ("hidden_size=0,64", "hidden_size is '0'; it must be a whole number, from 1 to 65536"),
        ("dropout=0..1", "dropout is '1'; it must be a number, at least 0, below 1"),
        ("dropout=0.5..0.1", "0.5 is not less than 0.1"),
        ("dropout=log:0..0.5", "needs a lower end above 0"),
        ("dropout=0..0.5:0.7", "the step is 0.7; it must be above 0, at most 0.5"),
        ("dropout=0..0.5:x", "the step 'x' is not a number"),
        ("learning_rate=log:1e-4..1e-2:1e-3", "without log:"),
        ("hidden_size=1..8:0.5", "whole where values are"),
        ("grad_clip=int:0.5..2", "whole numbers end at whole numbers"),
        ("rnn_type=lstm..gru", "rnn_type is no number; list its values"),
        ("rnn_type=lstm,gro", "rnn_type is 'gro'; it must be one of lstm, gru"),
        ("hidden_size=log:64,128", "log: is for a range"),
        ("minutes=1..3", "minutes cannot be searched: every trial has the same time"),
        ("valid_fraction=0.1,0.2", "trials can only be compared on the same data"),
    ],
)
def test_what_cannot_be_searched_is_refused_with_the_reason(text, message):
    with pytest.raises(UsageError) as raised:
        dimension(text)
    assert str(raised.value).startswith(f"--search {text}: ")
    assert message in str(raised.value)


def test_every_refused_name_is_a_setting_of_some_job():
    known = set().union(*(specs(job) for job in JOBS))
    assert set(REFUSED) <= known


@given(st.integers(0, 1000))
def test_draws_are_settings_within_the_space(number):
    texts = [
        "learning_rate=log:1e-4..1e-2",
        "dropout=0..0.5",
        "hidden_size=log:64..512",
        "rnn_type=lstm,gru",
        "num_layers=1..3",
    ]
    space = Space.parse(texts, LanguageModelSettings)
    drawn = space.draw(np.random.default_rng(number))
    make(LanguageModelSettings, drawn)
    assert space.holds(drawn)
    assert all(-1e-9 <= unit <= 1 + 1e-9 for unit in space.units(drawn))
    assert drawn == space.draw(np.random.default_rng(number))


@pytest.mark.parametrize(
    "text", ["num_layers=1..4", "hidden_size=8,16,32,64", "num_layers=log:1..4"]
)
def test_whole_numbers_are_drawn_alike_or_by_their_ratios(text):
    found = dimension(text)
    rng = np.random.default_rng(0)
    drawn = [found.draw(rng) for _ in range(4000)]
    shares = [drawn.count(value) / 4000 for value in found.points]
    # With log: from 0.5 to 4.5, each number has the room of its ratio.
    bounds = np.log([0.5, 1.5, 2.5, 3.5, 4.5])
    wanted = np.diff(bounds) / (bounds[-1] - bounds[0]) if "log" in text else [0.25] * 4
    assert shares == pytest.approx(list(wanted), abs=0.03)


def test_a_logarithmic_range_gives_every_decade_as_much():
    rng = np.random.default_rng(0)
    drawn = [dimension("learning_rate=log:1e-4..1e-2").draw(rng) for _ in range(2000)]
    assert sum(value < 1e-3 for value in drawn) / 2000 == pytest.approx(0.5, abs=0.04)


def test_places_are_golden():
    assert dimension("learning_rate=log:1e-4..1e-2").unit(1e-3) == pytest.approx(0.5)
    assert dimension("dropout=0.1..0.5").unit(0.2) == pytest.approx(0.25)
    assert dimension("hidden_size=256,64,128").unit(128) == 0.5
    assert dimension("rnn_type=gru,lstm,rnn_tanh").unit("gru") == 0.0


@pytest.mark.parametrize(
    ("text", "value", "end"),
    [
        ("learning_rate=log:1e-4..1e-2", 0.0099, "upper"),
        ("learning_rate=log:1e-4..1e-2", 1.1e-4, "lower"),
        ("learning_rate=log:1e-4..1e-2", 0.005, None),
        ("dropout=0..0.5", 0.0, None),  # the setting itself ends there
        ("dropout=0.1..0.5", 0.1, "lower"),
        ("num_layers=1..3", 1, None),
        ("num_layers=1..3", 3, "upper"),
        ("hidden_size=512,128,256", 512, "upper"),
        ("hidden_size=512,128", 512, None),  # two values: one is always at an end
        ("rnn_type=lstm,gru,rnn_tanh", "lstm", None),
        ("tie_weights=yes,no", True, None),
    ],
)
def test_a_value_at_the_edge_is_told(text, value, end):
    assert dimension(text).edge(value) == end


def test_combinations_are_all_of_them():
    space = Space.parse(["num_layers=1,2", "rnn_type=lstm,gru"], LanguageModelSettings)
    assert space.size == 4
    assert [tuple(values.values()) for values in space.combinations()] == [
        (1, "lstm"),
        (1, "gru"),
        (2, "lstm"),
        (2, "gru"),
    ]
    endless = Space.parse(["num_layers=1,2", "dropout=0..0.5"], LanguageModelSettings)
    assert endless.size is None
    with pytest.raises(UsageError, match="a grid tries every value; list some"):
        list(endless.combinations())


def test_a_setting_is_searched_once():
    with pytest.raises(UsageError, match="dropout is searched twice"):
        Space.parse(["dropout=0..0.5", "dropout=0.1,0.2"], LanguageModelSettings)
