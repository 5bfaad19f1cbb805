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

    Where steps may be in flight, they are begun in 2 ms each and done one after the other, as on a GPU, and
    looked at every half second.
    """
    now, done, looked = 0.0, 0.0, 0.0

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
        if in_flight:
            now += 0.002
        done = max(now, done) + step_s
        now = max(now, done - in_flight * step_s) + (pauses or {}).get(step, 0.0)
        step += 1
        if in_flight and now > looked + 0.5:
            finish()
            watch.waited()
            looked = now
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


@pytest.mark.parametrize("in_flight", [1, 12, 50])
@pytest.mark.parametrize("step_s", [0.02, 0.25, 1.0])
def test_steps_that_run_on_their_own_are_waited_for(step_s: float, in_flight: int):
    at_once: list[int] = []
    in_turn: list[int] = []
    for ends, most in ((at_once, 0), (in_turn, in_flight)):
        ended = simulate(
            240.0, 50, step_s=step_s, eval_s=0.2, save_s=0.1, ends=ends, in_flight=most
        )
        assert 236.5 - step_s < ended < 240.2 + step_s
    assert in_turn[0] == pytest.approx(at_once[0], rel=0.03)
    assert len(in_turn) <= len(at_once) + 2


def test_the_end_waits_for_what_is_in_flight_and_nothing_else_does():
    now = 0.0
    waits = []

    def finish() -> None:
        nonlocal now
        waits.append(now)
        now += 3.0

    plan = Plan(10**6, 1, 10, 10, valid_targets=50)
    watch = Deadline(60.0, lambda: now, finish)
    assert not watch.is_over(plan)
    assert not waits
    now = 58.0
    assert watch.is_over(plan)
    # Steps of half a second: many of them may be in flight well before the end.
    now = 0.0
    watch = Deadline(60.0, lambda: now, lambda: waits.append(now))
    for step in range(12):
        watch.revised_end(plan, step, 100 * step)
        now += 0.5
    waits.clear()
    now = 40.0
    assert not watch.is_over(plan)
    assert waits == [40.0]


def test_waiting_for_steps_in_flight_is_no_pause():
    ends = []
    for is_told in (True, False):
        now = 0.0
        plan = Plan(10**6, 1, 10**6, 10**6, valid_targets=50)
        watch = Deadline(1000.0, lambda: now)  # noqa: B023  (called in this round alone)
        for step in range(11):
            end = watch.revised_end(plan, step, 100 * step)
            now += 0.002
            if step == 5:
                now += 10.0
                if is_told:
                    watch.waited()
        ends.append(end)
    assert ends[0] == pytest.approx(1000, rel=0.02)
    assert ends[1] > 100_000


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
