from __future__ import annotations

import dataclasses
import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oven import BAKED, Oven

from textrnn.config import as_dict, make, nearest, specs
from textrnn.errors import UsageError
from textrnn.language_model.settings import LanguageModelSettings


def test_every_default_of_a_language_model_is_allowed():
    for name, spec in specs(LanguageModelSettings).items():
        assert spec.check(spec.default, name) == spec.default
        assert spec.help.endswith((".", "!"))


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("loaves", 3, 3),
        ("loaves", 3.0, 3),
        ("loaves", "3", 3),
        ("loaves", " 3 ", 3),
        ("loaves", "3.0", 3),
        ("loaves", "1e3", 1000),
        ("loaves", "1_000", 1000),
        ("loaves", 2**53 + 1, 2**53 + 1),
        ("loaves", str(2**53 + 1), 2**53 + 1),
        ("loaves", f"{2**53 + 1}.0", 2**53 + 1),
        ("loaves", "1e23", 10**23),
        ("loaves", 10**400, 10**400),
        ("seed", "9223372036854775807", 2**63 - 1),
        ("seed", 2**63 - 1, 2**63 - 1),
        ("degrees", 50, 50),
        ("degrees", 300, 300),
        ("degrees", None, None),
        ("salt", 0, 0.0),
        ("salt", "0.5", 0.5),
        ("salt", ".5", 0.5),
        ("hours", 5e-324, 5e-324),
        ("hours", 10**300, 1e300),
        ("at_most", 2, 2.0),
        ("at_most", -1e308, -1e308),
        *(("crust", word, True) for word in (True, "1", "true", "True", "YES")),
        *(("crust", word, False) for word in (False, "0", "false", "no", "No")),
        ("fuel", "gas", "gas"),
        ("label", "", ""),
    ],
)
def test_values_are_taken_as_what_they_are(name: str, value: object, expected: object):
    converted = getattr(make(Oven, {name: value}), name)
    assert converted == expected
    assert type(converted) is type(expected)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("loaves", v) for v in (0, -1, 1.5, "1.5", "x", "", "1e400", "1e-400", "0x10", "nan")),
        *(("loaves", v) for v in (math.inf, math.nan, True, None, [1], {}, b"\xff", "9" * 5000)),
        *(("loaves", v) for v in ("1e999999999", "1e-999999999", "0e99999999999999999999")),
        *(("seed", v) for v in (2**63, str(2**63), "9223372036854775808", 10**400, "1e19", -1)),
        *(("degrees", v) for v in (49, 301, 49.999, "50.5")),
        *(("salt", v) for v in (1, 1.0, -1e-9, "1", 10**400, "1e400", math.nan, "inf", True, None)),
        *(("hours", v) for v in (0, 0.0, -1, 10**400, -(10**400))),
        *(("at_most", v) for v in (2.0000001, 10**400, math.inf)),
        *(("crust", v) for v in (1, 0, "", "on", "maybe", None, 1.0)),
        *(("fuel", v) for v in ("Wood", "", "coal", 1, None, ["wood"])),
        *(("label", v) for v in (1, None, b"x", True)),
    ],
    ids=lambda value: str(value)[:40],
)
def test_wrong_values_are_refused_in_a_line(name: str, value: object):
    with pytest.raises(UsageError, match=name) as caught:
        make(Oven, {name: value})
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 250


@given(st.integers(1))
def test_whole_numbers_stay_exact_however_they_are_given(number: int):
    assert make(Oven, {"loaves": number}).loaves == number
    assert make(Oven, {"loaves": str(number)}).loaves == number


@given(st.floats(min_value=1, allow_infinity=False))
def test_floats_are_whole_numbers_where_they_are_whole(number: float):
    if number.is_integer():
        assert make(Oven, {"loaves": number}).loaves == number
    else:
        with pytest.raises(UsageError):
            make(Oven, {"loaves": number})


def test_numbers_of_numpy_count():
    numpy = pytest.importorskip("numpy")
    oven = make(Oven, {"loaves": numpy.int64(2**53 + 1), "salt": numpy.float32(0.5)})
    assert (oven.loaves, oven.salt) == (2**53 + 1, 0.5)


def test_unknown_names_are_refused_with_the_nearest():
    with pytest.raises(
        UsageError, match=r"settings: unknown setting 'loavs'; did you mean loaves\?"
    ):
        make(Oven, {"loavs": 1})
    with pytest.raises(UsageError, match=r"here: unknown setting 'xyz'$"):
        make(Oven, {"xyz": 1}, "here")
    assert nearest("lstn", ["gru", "lstm"]) == "; did you mean lstm?"
    assert nearest("q", ["gru", "lstm"]) == ""


def test_specs_say_what_readers_need():
    known = specs(Oven)
    assert list(known) == [f.name for f in dataclasses.fields(Oven) if f.name != "other"]
    spec = known["at_most"]
    assert (spec.option, spec.variable, spec.type) == ("--at-most", "TEXTRNN_AT_MOST", float)
    assert not spec.optional
    assert known["hours"].optional
    assert {name: spec.allowed for name, spec in known.items()} == {
        "fuel": "one of wood, gas",
        "label": "",
        "degrees": "from 50 to 300",
        "seed": "from 0 to 9223372036854775807",
        "loaves": "at least 1",
        "salt": "at least 0, below 1",
        "hours": "above 0",
        "at_most": "at most 2",
        "crust": "",
    }


def test_the_order_of_values_does_not_matter():
    values = list(as_dict(BAKED).items())
    for seed in range(5):
        random.Random(seed).shuffle(values)
        assert make(Oven, dict(values)) == BAKED
