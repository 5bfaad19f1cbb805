from __future__ import annotations

import dataclasses
import math
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from textrnn.config import as_dict, from_toml, make, nearest, resolve, setting, specs, to_toml
from textrnn.errors import UsageError
from textrnn.language_model.settings import LanguageModelSettings


@dataclasses.dataclass(frozen=True)
class Oven:
    """Settings of every type and range."""

    fuel: str = setting("wood", "What burns.", section="fire", choices=("wood", "gas"))
    label: str = setting("", "Any text.", section="fire")
    degrees: int | None = setting(None, "Heat.", section="fire", minimum=50, maximum=300)
    seed: int = setting(0, "Seed.", section="bread", minimum=0, maximum=2**63 - 1)
    loaves: int = setting(1, "Loaves.", section="bread", minimum=1)
    salt: float = setting(0.02, "Share of salt.", section="bread", minimum=0, below=1)
    hours: float | None = setting(None, "Time.", section="bread", above=0)
    at_most: float = setting(1.5, "A limit.", section="bread", maximum=2)
    crust: bool = setting(True, "Whether it is crisp.", section="bread")
    other: int = 7


GOLDEN = """\
[bread]
# Seed. (from 0 to 9223372036854775807)
seed = 9223372036854775807
# Loaves. (at least 1)
loaves = 1
# Share of salt. (at least 0, below 1)
salt = 0.02
# Time. (above 0)
# hours is chosen by the planner
# A limit. (at most 2)
at_most = 1.5
# Whether it is crisp.
crust = false

[fire]
# What burns. (one of wood, gas)
fuel = "wood"
# Any text.
label = "a \\"b\\"\\n\\u007f é"
# Heat. (from 50 to 300)
degrees = 250
"""
BAKED = Oven(seed=2**63 - 1, crust=False, label='a "b"\n\x7f é', degrees=250)


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "run.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_settings_are_written_as_commented_toml_and_read_back(tmp_path: Path):
    assert to_toml(BAKED) == GOLDEN
    assert make(Oven, from_toml(Oven, write(tmp_path, GOLDEN))) == BAKED


TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
OVENS = st.builds(
    Oven,
    fuel=st.sampled_from(["wood", "gas"]),
    label=TEXTS,
    degrees=st.none() | st.integers(50, 300),
    seed=st.integers(0, 2**63 - 1),
    loaves=st.integers(1),
    salt=st.floats(0, 1, exclude_max=True),
    hours=st.none() | st.floats(0, exclude_min=True, allow_infinity=False),
    at_most=st.floats(max_value=2, allow_infinity=False, allow_nan=False),
    crust=st.booleans(),
)


@given(OVENS)
def test_toml_loses_nothing(tmp_path_factory: pytest.TempPathFactory, oven: Oven):
    path = write(tmp_path_factory.mktemp("toml"), to_toml(oven))
    given_values = from_toml(Oven, path)
    assert make(Oven, given_values) == oven
    assert given_values == {name: v for name, v in as_dict(oven).items() if v is not None}


def test_the_language_models_defaults_survive_toml(tmp_path: Path):
    path = write(tmp_path, to_toml(LanguageModelSettings()))
    assert make(LanguageModelSettings, from_toml(LanguageModelSettings, path)) == (
        LanguageModelSettings()
    )


def test_every_default_of_a_language_model_is_allowed():
    for name, spec in specs(LanguageModelSettings).items():
        assert spec.check(spec.default, name) == spec.default
        assert spec.help.endswith((".", "!"))


def test_names_need_no_table(tmp_path: Path):
    path = write(tmp_path, "loaves = 3\nfuel = 'gas'\n[bread]\nsalt = 0\n")
    assert from_toml(Oven, path) == {"loaves": 3, "fuel": "gas", "salt": 0.0}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("loavs = 3", "unknown setting 'loavs'; did you mean loaves?"),
        ("[bread]\nloavs = 3", "unknown setting 'loavs'; did you mean loaves?"),
        ("[bread]\nzzzzzz = 3", "unknown setting 'zzzzzz'"),
        ("other = 3", "unknown setting 'other'"),
        ("[bred]\nloaves = 3", "unknown table [bred]; did you mean bread?"),
        ("[fire]\nloaves = 3", "loaves belongs in [bread], not [fire]"),
        ("loaves = 3\n[bread]\nloaves = 3", "loaves is given twice"),
        ("loaves = 0", "loaves is 0; it must be a whole number, at least 1"),
        ("[bread.loaves]\nx = 1", "loaves is {'x': 1}; it must be a whole number, at least 1"),
        ("loaves = [1]", "loaves is [1]; it must be a whole number, at least 1"),
        ("salt = nan", "salt is nan; it must be a number, at least 0, below 1"),
        ("fuel = 'gass'", "fuel is 'gass'; it must be one of wood, gas; did you mean gas?"),
        ("label = 3", "label is 3; it must be text"),
        ("crust = 1", "crust is 1; it must be true or false"),
        ("loaves = ", "not valid TOML"),
        ("loaves = " + "9" * 5000, ""),
        ("loaves = " + "[" * 5000, "not valid TOML"),
    ],
    ids=lambda value: value[:40],
)
def test_mistakes_in_a_file_are_told_with_its_name(tmp_path: Path, text: str, message: str):
    path = write(tmp_path, text)
    try:
        values = from_toml(Oven, path)
    except UsageError as error:
        told = str(error)
        assert told.startswith(f"{path}: ")
        assert told.removeprefix(f"{path}: ").startswith(message)
        assert "\n" not in told
    else:  # Python 3.10 before 3.10.7 reads numbers of any length.
        assert not message
        assert values


def test_unreadable_files_are_told(tmp_path: Path):
    with pytest.raises(UsageError, match="no such settings file"):
        from_toml(Oven, tmp_path / "none.toml")
    with pytest.raises(UsageError, match="cannot be read"):
        from_toml(Oven, tmp_path)
    (tmp_path / "latin.toml").write_bytes(b"label = '\xe9'")
    with pytest.raises(UsageError, match="not UTF-8 at byte 9"):
        from_toml(Oven, tmp_path / "latin.toml")


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


@pytest.mark.parametrize("given_by", [(c, e, f) for c in (0, 1) for e in (0, 1) for f in (0, 1)])
def test_command_line_before_environment_before_file_before_default(
    tmp_path: Path, given_by: tuple[int, int, int]
):
    on_command_line, in_environment, in_file = given_by
    file = write(tmp_path, "[bread]\nloaves = 40\n") if in_file else None
    environment = {"TEXTRNN_LOAVES": "30", "LOAVES": "9"} if in_environment else {}
    command_line = {"loaves": "20"} if on_command_line else {}
    expected = 20 if on_command_line else 30 if in_environment else 40 if in_file else 1
    assert resolve(Oven, command_line, environment, file).loaves == expected


def test_an_empty_variable_counts_as_unset(tmp_path: Path):
    empty = {spec.variable: "" for spec in specs(Oven).values()}
    assert resolve(Oven, {}, empty) == Oven()
    assert resolve(Oven, {}, empty, write(tmp_path, "loaves = 40")).loaves == 40


def test_mistakes_are_told_by_what_gave_them(tmp_path: Path):
    with pytest.raises(UsageError, match=r"^--at-most is '3'; it must be a number, at most 2$"):
        resolve(Oven, {"at_most": "3"}, {})
    with pytest.raises(
        UsageError, match=r"^TEXTRNN_AT_MOST is '3'; it must be a number, at most 2$"
    ):
        resolve(Oven, {}, {"TEXTRNN_AT_MOST": "3"})
    with pytest.raises(
        UsageError, match=r"run\.toml: at_most is 3; it must be a number, at most 2$"
    ):
        resolve(Oven, {}, {}, write(tmp_path, "at_most = 3"))


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
