"""Runs as they are listed: state, figures, order, what differs."""

import os
from pathlib import Path

import pytest
from run_logs import course, planned, progress, stopped, write_run

from textrnn import bundle, records
from textrnn.errors import ModelError
from textrnn.experiments.runs import (
    SORTS,
    best_metric,
    differing,
    find_models,
    is_running,
    read_run,
    sorted_runs,
)


def found(*folders: Path) -> list[str]:
    return [path.name for path in find_models(folders, pytest.fail)]


def test_models_are_found_wherever_they_lie_each_once_and_nothing_inside_them(tmp_path: Path):
    write_run(tmp_path / "b")
    write_run(tmp_path / "deep" / "er" / "a")
    write_run(tmp_path / "b" / "inside")
    write_run(tmp_path / ".hidden" / "c")
    (tmp_path / "empty").mkdir()
    assert found(tmp_path) == ["b", "a"]
    assert found(tmp_path / "b", tmp_path, tmp_path / "deep" / ".." / "b") == ["b", "a"]
    assert found(tmp_path / "empty") == []


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path):
    (tmp_path / "file").touch()
    for name, words in (("none", "no such folder"), ("file", "is not a folder")):
        with pytest.raises(ModelError, match=words):
            list(find_models([tmp_path / name], pytest.fail))


def test_what_is_known_of_a_run(tmp_path: Path):
    events = [planned(), *course([3, 2]), stopped(200, "finished")]
    figures = {"valid_loss": 2.0, "valid_perplexity": None}
    path = write_run(tmp_path / "m", events, step=200, metrics=figures, hidden_size=32)
    run = read_run(path)
    assert (run.job, run.state, run.reason, run.step) == (
        "language-model",
        "finished",
        "finished",
        200,
    )
    assert (run.elapsed_s, run.tokens, run.parameters) == (20.0, 10_000, 1000)
    assert run.metrics == {"valid_loss": 2.0}
    assert run.settings["hidden_size"] == 32
    assert run.data == ("book.txt",)


@pytest.mark.parametrize(
    ("reason", "state"),
    [
        ("finished", "finished"),
        ("patience", "finished"),
        ("deadline", "finished"),
        ("interrupted", "stopped"),
        ("diverged", "diverged"),
        (None, "stopped"),
    ],
)
def test_states(tmp_path: Path, reason: str | None, state: str):
    events = [planned(), progress(10, 2.0)]
    if reason:
        events.append(stopped(10, reason))
    run = read_run(write_run(tmp_path / "m", events))
    assert (run.state, run.reason) == (state, reason)


def test_without_a_log_the_saved_state_says_how_a_run_ended(tmp_path: Path):
    path = write_run(tmp_path / "m")
    assert read_run(path).state == "stopped"
    (path / bundle.RESUME).mkdir()
    record = {"run": {"ended": "patience"}, "files": {}}
    records.write_record(path / bundle.RESUME, bundle.STATE, record)
    assert (read_run(path).state, read_run(path).reason) == ("finished", "patience")


@pytest.mark.skipif(os.name == "nt", reason="locks are told apart on POSIX only")
def test_a_run_whose_lock_is_held_is_running(tmp_path: Path):
    import fcntl

    path = write_run(tmp_path / "m", [planned(), stopped(10, "finished")])
    (path / bundle.RESUME).mkdir()
    assert not is_running(path)
    with (path / bundle.RESUME / ".lock").open("ab") as lock:
        assert not is_running(path)
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert is_running(path)
        run = read_run(path)
        assert (run.state, run.reason) == ("running", None)
    # Looking takes no lock away.
    assert not is_running(path)


def test_damaged_and_foreign_directories_are_refused(tmp_path: Path):
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / bundle.CONFIG).write_text('{"architectures": ["Bert"]}')
    damaged = write_run(tmp_path / "damaged")
    text = (damaged / bundle.CONFIG).read_text()
    (damaged / bundle.CONFIG).write_text(text.replace("64", "65"))
    for path in (tmp_path / "foreign", damaged):
        with pytest.raises(ModelError):
            read_run(path)


def test_only_runs_of_a_job_are_compared_and_what_matters_most_comes_first(tmp_path: Path):
    settings = (
        {"hidden_size": 64, "learning_rate": 0.1, "device": "cpu", "other": 1},
        {"hidden_size": 32, "learning_rate": 0.2, "device": "cuda", "other": 2},
    )
    runs = [read_run(write_run(tmp_path / str(i), **each)) for i, each in enumerate(settings)]
    assert differing(runs) == ["hidden_size", "learning_rate", "other", "device"]
    assert runs[0].words(["hidden_size", "learning_rate"]) == [
        "hidden_size=64",
        "learning_rate=0.1",
    ]
    other = read_run(write_run(tmp_path / "clf", job="classifier", hidden_size=8))
    assert differing([runs[0], other]) == []
    assert differing(runs[:1]) == []


def test_data_are_the_same_only_where_sources_and_divisions_are(tmp_path: Path):
    kinds = ({}, {}, {"source": "other.txt"}, {"valid_fraction": 0.2})
    keys = [
        read_run(write_run(tmp_path / str(number), **each)).data_key
        for number, each in enumerate(kinds)
    ]
    assert keys[0] == keys[1]
    assert len(set(keys)) == 3


def test_orders(tmp_path: Path):
    made = [
        ("a", "language-model", {"valid_loss": 2.0}),
        ("b", "language-model", {"valid_loss": 3.0, "bits_per_char": 1.5}),
        ("c", "classifier", {"valid_loss": 0.4, "valid_accuracy": 0.8}),
        ("d", "classifier", {"valid_loss": 0.5, "valid_accuracy": 0.9}),
        ("e", "translator", {}),
    ]
    runs = [
        read_run(write_run(tmp_path / name, job=job, metrics=metrics, step=number))
        for number, (name, job, metrics) in enumerate(made)
    ]

    def order(by: str, *, reverse: bool = False) -> str:
        return "".join(run.path.name for run in sorted_runs(runs, by, reverse=reverse))

    # Each job's own figure: bits before losses, accuracy; those without come last.
    assert order("best") == "badce"
    assert order("loss") == "cdabe"
    assert order("loss", reverse=True) == "badce"
    assert order("accuracy")[:2] == "dc"
    assert order("name") == "abcde"
    assert order("steps") == "edcba"
    assert best_metric(runs[3]) == ("valid_accuracy", 0.9)
    assert best_metric(runs[4]) is None
    for by in SORTS:
        assert sorted(order(by)) == list("abcde")
