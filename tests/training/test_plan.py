import dataclasses
import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from textrnn.training.plan import Plan, learning_rate
from textrnn.training.settings import TrainingSettings

PLAN = Plan(max_steps=100, warmup_steps=10, eval_every=10, save_every=10, valid_targets=1000)


def rate(step: int, plan: Plan = PLAN, **settings: object) -> float:
    return learning_rate(TrainingSettings(learning_rate=1.0, **settings), plan, step)


def test_warm_up_is_linear_and_ends_at_the_peak():
    assert [rate(step) for step in (0, 4, 9)] == pytest.approx([0.1, 0.5, 1.0])


@pytest.mark.parametrize(
    ("schedule", "step", "expected"),
    [
        ("cosine", 10, 1.0),
        ("cosine", 55, 0.5),
        ("cosine", 100, 0.0),
        ("linear", 10, 1.0),
        ("linear", 55, 0.5),
        ("linear", 100, 0.0),
        ("constant", 99, 1.0),
        ("plateau", 99, 1.0),
        ("step", 24, 1.0),
        ("step", 25, 0.5),
        ("step", 75, 0.125),
    ],
)
def test_schedules_by_hand(schedule: str, step: int, expected: float):
    found = rate(step, schedule=schedule, decay_every=25, decay_factor=0.5)
    assert found == pytest.approx(expected, abs=1e-12)


def test_a_moved_end_changes_nothing_behind_and_ends_the_schedule_at_the_new_end():
    moved = PLAN.with_end(40, 70)
    assert moved.max_steps == 70
    for step in range(41):
        assert moved.progress(step) == pytest.approx(PLAN.progress(step))
    assert moved.progress(55) == pytest.approx((0.4 + 1) / 2)
    assert moved.progress(70) == 1.0


@given(
    st.lists(st.tuples(st.integers(0, 300), st.integers(1, 400)), max_size=6),
    st.sampled_from(["cosine", "linear"]),
)
def test_progress_never_falls_however_often_the_end_moves(moves: list, schedule: str):
    plan, at = PLAN, 0
    for forward, left in moves:
        at = min(at + forward, plan.max_steps)
        plan = plan.with_end(at, at + left)
    steps = range(plan.max_steps + 1)
    progress = [plan.progress(step) for step in steps]
    assert all(a <= b for a, b in itertools.pairwise(progress))
    assert progress[-1] == 1.0
    rates = [rate(step, plan, schedule=schedule) for step in steps if step >= plan.warmup_steps]
    assert all(a >= b - 1e-12 for a, b in itertools.pairwise(rates))
    assert Plan.from_dict(plan.as_dict()) == plan


def test_an_extended_plan_warms_the_rate_again_and_brings_it_to_zero():
    more = PLAN.extended(100, 200, None)
    assert more.max_steps == 300
    assert rate(100, more) == pytest.approx(0.1)
    assert rate(100 + more.warmup_steps, more) == pytest.approx(1.0)
    assert rate(300, more) == pytest.approx(0.0)
    assert more.eval_every == 20


def test_a_plan_survives_json():
    plan = dataclasses.replace(PLAN.with_end(10, 50), budget_s=60.0, eval_targets=7)
    assert Plan.from_dict(plan.as_dict()) == plan
    assert math.isclose(plan.progress(30), Plan.from_dict(plan.as_dict()).progress(30))
