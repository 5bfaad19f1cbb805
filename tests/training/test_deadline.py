import dataclasses

import pytest

from textrnn.training.deadline import Deadline
from textrnn.training.plan import Plan


def simulate(
    budget_s: float,
    planned: int,
    step_s: float,
    eval_s: float,
    save_s: float,
    pauses: dict[int, float] | None = None,
    ends: list[int] | None = None,
    in_flight: int = 0,
) -> float:
    """Run a loop against a made-up clock, which pauses in some steps; returns when its last save is done.

    Where steps may be in flight, they are begun at once and done one after the other, as on a GPU.
    """
    now, done = 0.0, 0.0

    def finish() -> None:
        nonlocal now
        now = max(now, done)

    plan = Plan(planned, 0, max(1, planned // 10), 10**9, valid_targets=1000, eval_targets=100)
    watch = Deadline(budget_s, lambda: now, finish)
    step = 0
    while step < plan.max_steps:
        end = watch.revised_end(plan, step, 100 * step)
        if end is not None:
            plan = plan.with_end(step, end)
            (ends if ends is not None else []).append(end)
            if step >= plan.max_steps:
                break
        done = max(now, done) + step_s
        now = max(now, done - in_flight * step_s) + (pauses or {}).get(step, 0.0)
        step += 1
        if step % plan.eval_every == 0:
            finish()
            now += eval_s
            watch.evaluated(eval_s, eval_s)
            now += save_s
            watch.saved(save_s)
        if watch.is_over(plan):
            break
    return max(now, done) + eval_s + eval_s * 10 + 2 * save_s


def test_a_run_planned_too_long_or_too_short_ends_on_time():
    for planned in (50, 400, 1000, 20000):
        ends = simulate(60.0, planned, step_s=0.06, eval_s=0.2, save_s=0.1)
        assert 57.5 < ends < 60.5, planned


def test_steps_that_run_on_their_own_are_waited_for():
    at_once, in_turn = [], []
    for ends, in_flight in ((at_once, 0), (in_turn, 50)):
        ended = simulate(
            60.0, 400, step_s=0.06, eval_s=0.2, save_s=0.1, ends=ends, in_flight=in_flight
        )
        assert 57.5 < ended < 60.5
    assert in_turn[0] == pytest.approx(at_once[0], rel=0.02)
    assert len(in_turn) <= len(at_once) + 1


def test_slow_steps_end_on_time_too():
    assert simulate(30.0, 1000, step_s=1.0, eval_s=0.5, save_s=0.2) < 32.0


def test_a_last_test_is_part_of_the_end():
    watch = Deadline(100.0, lambda: 0.0)
    plan = Plan(100, 1, 10, 10, valid_targets=50)
    watch.evaluated(2.0, 2.5)
    without = watch.closing_s(plan)
    assert watch.closing_s(dataclasses.replace(plan, closing_targets=500)) == pytest.approx(
        without + 20
    )


@pytest.mark.parametrize("paused_at", [100, 500, 800])
def test_a_pause_costs_its_time_and_does_not_pass_for_slow_steps(paused_at: int):
    ends: list[int] = []
    finished = simulate(
        60.0, 1000, step_s=0.05, eval_s=0.2, save_s=0.1, pauses={paused_at: 10.0}, ends=ends
    )
    assert 57.5 < finished < 60.5
    # 50 s are left for steps of 0.05 s, evaluations and saves: no end is set much too early or late.
    assert all(850 < end < 1200 for end in ends), ends


def test_a_pause_beyond_the_deadline_ends_the_run_at_once():
    assert 90 < simulate(60.0, 1000, 0.05, eval_s=0.2, save_s=0.1, pauses={500: 65.0}) < 94


def test_a_pause_in_an_evaluation_or_a_save_says_nothing_of_the_end():
    watch = Deadline(1000.0, lambda: 0.0)
    plan = Plan(100, 1, 10, 10, valid_targets=50)
    watch.evaluated(2.0, 2.5)
    watch.saved(0.1)
    usual = watch.closing_s(plan)
    watch.evaluated(600.0, 600.5)
    watch.saved(300.0)
    assert watch.closing_s(plan) == pytest.approx(usual)
    # A machine that has become slower is believed.
    watch.evaluated(6.0, 6.5)
    assert watch.closing_s(plan) == pytest.approx(usual + 2.0)
