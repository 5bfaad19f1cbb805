"""Logs as curves: what was undone is not there, what a kill cut is left out."""

import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from run_logs import (
    course,
    evaluated,
    planned,
    progress,
    resumed,
    rolled_back,
    stopped,
    write_log,
)

from textrnn.experiments.journal import History, Replan, RollBack, last_stop, read_history


def test_a_plain_run(tmp_path: Path):
    log = write_log(
        tmp_path,
        [planned(max_steps=300), *course([3, 2, 1.5], [3.5, 2, 1]), stopped(300, "finished")],
    )
    history = read_history(log)
    assert history.job == "language-model"
    assert history.settings["hidden_size"] == 64
    assert [(p.step, p.loss) for p in history.training] == [(100, 3.5), (200, 2), (300, 1)]
    assert [p.metrics["valid_loss"] for p in history.evaluations] == [3, 2, 1.5]
    assert [p.is_best for p in history.evaluations] == [False, False, True]
    assert (history.end, history.last_step, history.max_steps) == ("finished", 300, 300)
    assert history.elapsed_s == 30


def test_no_log_is_an_empty_history(tmp_path: Path):
    assert read_history(tmp_path / "none") == History()
    assert last_stop(tmp_path / "none") is None


def test_steps_that_a_kill_undid_count_once_as_they_were_done_last(tmp_path: Path):
    events = [
        *(planned(), progress(10, 3.0), evaluated(10, 3.0), progress(15, 9.0), evaluated(20, 9.0)),
        *(planned(), resumed(10), progress(15, 2.5), evaluated(20, 2.0)),
    ]
    history = read_history(write_log(tmp_path, events))
    assert [(p.step, p.loss) for p in history.training] == [(10, 3.0), (15, 2.5)]
    assert [p.metrics["valid_loss"] for p in history.evaluations] == [3.0, 2.0]
    assert history.resumed == (10,)
    assert history.end is None


def test_resuming_twice_from_the_same_save_is_one_session(tmp_path: Path):
    events = [
        *(planned(), progress(30, 1.0), planned(), resumed(20), progress(30, 2.0)),
        *(planned(), resumed(20), progress(30, 3.0), planned(), resumed(10), progress(30, 4.0)),
    ]
    history = read_history(write_log(tmp_path, events))
    assert [p.loss for p in history.training] == [4.0]
    assert history.resumed == (10,)


def test_steps_that_a_roll_back_undid_are_gone_and_the_roll_back_is_told(tmp_path: Path):
    events = [
        *(planned(), progress(10, 3.0), evaluated(10, 3.0), progress(12, 50.0)),
        *(rolled_back(13, 10, 0.3), progress(12, 2.9), evaluated(20, 2.5)),
    ]
    history = read_history(write_log(tmp_path, events))
    assert [(p.step, p.loss) for p in history.training] == [(10, 3.0), (12, 2.9)]
    assert history.rollbacks == (RollBack(13, 10, 0.3, "the loss exploded"),)


def test_a_roll_back_that_was_never_saved_is_forgotten_by_the_next_session(tmp_path: Path):
    lost = [planned(), progress(10, 3.0), rolled_back(13, 10, 0.3), planned(), resumed(10)]
    kept = [planned(), progress(10, 3.0), rolled_back(13, 10, 0.3), planned(), resumed(20)]
    assert read_history(write_log(tmp_path / "a", lost)).rollbacks == ()
    assert len(read_history(write_log(tmp_path / "b", kept)).rollbacks) == 1


def test_the_last_look_at_the_best_weights_is_no_point_of_the_curve(tmp_path: Path):
    events = [planned(), *course([3, 2, 4]), stopped(300, "finished"), evaluated(200, 2.1)]
    history = read_history(write_log(tmp_path, events))
    assert [p.metrics["valid_loss"] for p in history.evaluations] == [3, 2, 4]


def test_a_finished_run_that_goes_on_has_not_ended(tmp_path: Path):
    events = [planned(), *course([3, 2]), stopped(200, "finished"), planned(), resumed(200)]
    log = write_log(tmp_path, events)
    assert read_history(log).end is None
    assert last_stop(log) is None
    log = write_log(tmp_path, [*events, progress(250, 1.0), stopped(250, "interrupted")])
    assert read_history(log).end == last_stop(log) == "interrupted"


def test_a_new_end_counts_until_a_session_plans_anew(tmp_path: Path):
    replanned = {"event": "replanned", "step": 10, "max_steps": 70, "previous_max_steps": 50}
    events = [planned(max_steps=50), replanned, progress(20, 1.0)]
    history = read_history(write_log(tmp_path, events))
    assert (history.max_steps, history.replans) == (70, (Replan(10, 70),))
    again = read_history(write_log(tmp_path, [*events, planned(max_steps=90), resumed(20)]))
    assert again.max_steps == 90


def test_the_training_loss_of_an_evaluation_fills_what_no_progress_told(tmp_path: Path):
    events = [
        *(planned(), evaluated(5, 3.0, train_loss=3.5), progress(7, 3.2)),
        *(evaluated(7, 2.9, train_loss=3.2), evaluated(9, None, train_loss=None)),
    ]
    history = read_history(write_log(tmp_path, events))
    assert [(p.step, p.loss, p.learning_rate is None) for p in history.training] == [
        (5, 3.5, True),
        (7, 3.2, False),
    ]
    assert history.evaluations[2].metrics == {}


@given(
    junk=st.lists(st.one_of(st.binary(max_size=30), st.just(b'{"event": "progress"}')), max_size=8)
)
def test_lines_that_are_no_events_change_nothing(junk: list[bytes], tmp_path_factory):
    folder = tmp_path_factory.mktemp("log")
    events = [planned(), *course([3, 2], [3, 2]), stopped(200, "finished")]
    whole = read_history(write_log(folder, events))
    lines = [json.dumps(event).encode() for event in events]
    mixed = lines[:2] + [line.replace(b"\n", b"") for line in junk] + lines[2:]
    malformed = b'{"event": "evaluated", "step": null, "metrics": 3}\n["event", "evaluated"]\n'
    (folder / "log.jsonl").write_bytes(b"\n".join(mixed) + b"\n" + malformed)
    assert read_history(folder / "log.jsonl") == whole


def test_numbers_that_were_not_finite_are_left_out(tmp_path: Path):
    history = read_history(write_log(tmp_path, [planned(), progress(3, None), evaluated(4, None)]))
    assert history.training[0].loss is None
    assert history.evaluations[0].metrics == {}


def test_the_reason_is_found_at_the_end_of_a_long_log(tmp_path: Path):
    events = [planned(), *(progress(step, 1.0) for step in range(2000)), stopped(2000, "patience")]
    sample = {"event": "sample", "step": 1, "text": '"event": "stopped"'}
    log = write_log(tmp_path, [*events, evaluated(2000, 1.0), sample])
    assert log.stat().st_size > 1 << 17
    assert last_stop(log) == "patience"
