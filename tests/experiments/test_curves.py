"""What is drawn: places on each axis, figures, marks, names."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from run_logs import evaluated, planned, progress, resumed, rolled_back, write_log

from textrnn.experiments.curves import (
    AXES,
    TRAINING,
    VALIDATION,
    Curve,
    Traced,
    drawing,
    short_names,
    thinned,
)
from textrnn.experiments.journal import History, read_history


def traced(folder: Path, *events: dict, best_step: int | None = None) -> Traced:
    return Traced("lm", read_history(write_log(folder, events)), 50.0, best_step)


def panels(run: Traced, axis: str = "step") -> dict[str, dict[str, Curve]]:
    drawn = drawing([run], axis)
    return {panel.name: {curve.kind: curve for curve in panel.curves} for panel in drawn.panels}


def test_losses_and_other_figures_stand_where_they_were_taken(tmp_path: Path):
    run = traced(
        tmp_path,
        planned(),
        progress(10, 3.0, metrics={"train_accuracy": 0.5}),
        evaluated(20, 2.5, metrics={"valid_accuracy": 0.6, "temperature": 1.0}),
        best_step=20,
    )
    found = panels(run)
    assert (found["loss"][TRAINING].x, found["loss"][TRAINING].y) == ((10,), (3.0,))
    assert (found["loss"][VALIDATION].x, found["loss"][VALIDATION].y) == ((20,), (2.5,))
    assert found["accuracy"][TRAINING].y == (0.5,)
    assert found["accuracy"][VALIDATION].y == (0.6,)
    assert set(found) == {"loss", "bits_per_char", "accuracy", "learning_rate", "tokens_per_s"}
    (loss, *_) = drawing([run], "step").panels
    assert loss.best == ((0, 20, 2.5),)


@pytest.mark.parametrize(
    ("axis", "place", "label"),
    [
        ("step", 6000, "step"),
        ("epoch", 60, "passes over the training data"),
        ("time", 10, "time (min)"),
        ("tokens", 300_000, "tokens read"),
    ],
)
def test_axes(tmp_path: Path, axis: str, place: float, label: str):
    run = traced(tmp_path, planned(), progress(6000, 3.0))
    drawn = drawing([run], axis)
    assert drawn.panels[0].curves[0].x == (place,)
    assert (drawn.x_label, drawn.unit) == (label, 60 if axis == "time" else 1)


def test_speed_is_that_between_two_points_not_the_mean_since_the_start(tmp_path: Path):
    # Ten steps at 100 tokens a second, ten more at 50: 20 steps of n tokens in (10 n / 100 + 10 n / 50) s.
    mean = 20 / (10 / 100 + 10 / 50)
    run = traced(
        tmp_path,
        planned(),
        progress(10, 3.0, tokens_per_s=100.0),
        progress(20, 3.0, tokens_per_s=mean),
    )
    speed = panels(run)["tokens_per_s"][TRAINING]
    assert speed.y == pytest.approx((100, 50))


def test_no_speed_is_told_across_a_roll_back(tmp_path: Path):
    run = traced(
        tmp_path,
        planned(),
        progress(10, 3.0, tokens_per_s=100.0),
        rolled_back(15, 10, 0.3),
        progress(20, 3.0, tokens_per_s=10.0),
        progress(30, 3.0, tokens_per_s=10.0),
    )
    speed = panels(run)["tokens_per_s"][TRAINING]
    assert speed.steps == (30,)
    assert speed.y == pytest.approx((10,))


def test_marks_tell_what_happened(tmp_path: Path):
    run = traced(
        tmp_path,
        *(planned(), progress(10, 3.0), rolled_back(15, 10, 0.3), evaluated(20, 2.0)),
        *(planned(), resumed(20), progress(30, 1.0)),
    )
    marks = drawing([run], "epoch").marks
    assert [(mark.kind, mark.x) for mark in marks] == [("resumed", 0.2), ("rolled back", 0.1)]
    assert marks[1].text == "back from step 15 to 10, rate times 0.3"


def test_a_run_without_steps_has_no_panels():
    for axis in AXES:
        assert drawing([Traced("lm", History(), 0.0)], axis).panels == ()


def test_names_are_as_short_as_they_can_be(tmp_path: Path):
    paths = [tmp_path / "a" / "lm", tmp_path / "b" / "lm", tmp_path / "b" / "clf"]
    assert short_names(paths) == ["a/lm", "b/lm", "clf"]
    assert short_names(paths[:1]) == ["lm"]
    assert short_names([paths[0], paths[0]]) == ["lm", "lm"]


def test_a_label_names_what_differs_up_to_four():
    run = Traced("lm", History(), 0.0, None, [f"s{number}=1" for number in range(6)])
    assert run.label == "lm: s0=1, s1=1, s2=1, s3=1"
    assert Traced("lm", History(), 0.0).label == "lm"


@given(count=st.integers(1, 300), most=st.integers(1, 50))
def test_thinning_keeps_the_mean_the_ends_and_the_order(count: int, most: int):
    numbers = tuple(float(i) for i in range(count))
    curve = thinned(Curve(0, TRAINING, numbers, numbers, tuple(range(count))), most)
    assert len(curve.x) == len(curve.y) == len(curve.steps) == min(count, most)
    assert list(curve.x) == sorted(curve.x)
    assert curve.steps[-1] == count - 1
    assert numbers[0] <= curve.y[0]
    assert curve.y[-1] <= numbers[-1]
