from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oven import BAKED, Oven

from textrnn.config import as_dict, make, specs
from textrnn.config_sources import from_toml, resolve, to_toml
from textrnn.errors import UsageError
from textrnn.language_model.settings import LanguageModelSettings

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
