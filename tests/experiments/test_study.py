"""A study's memory: trials taken once, abandoned ones found, nothing lost."""

import contextlib
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from textrnn.errors import ModelError
from textrnn.experiments.pruning import is_hopeless
from textrnn.experiments.study import MOST_ATTEMPTS, Study
from textrnn.experiments.trial import Trial


def counting(history, number):
    return {"hidden_size": 10 * number}


@pytest.fixture
def study(tmp_path: Path):
    made = Study.create(tmp_path / "study", {"job": "language-model", "trials": 3})
    with contextlib.closing(made):
        yield made


def test_what_is_recorded_comes_back(study: Study):
    study.put(spent_s=1.5, trials=4)
    again = Study.open(study.folder)
    assert again.record == {"job": "language-model", "trials": 4, "spent_s": 1.5}
    again.close()


def test_trials_are_numbered_and_remembered(study: Study):
    claim = study.claim(2, counting)
    assert (claim.trial.number, claim.trial.settings, claim.is_begun) == (
        1,
        {"hidden_size": 10},
        False,
    )
    study.planned(1, {"hidden_size": 10, "dropout": 0.25})
    study.evaluated(1, 50, 0.5, 2.5)
    study.evaluated(1, 100, 1.0, 2.0)
    study.end(1, "done", value=2.0, metrics={"valid_loss": 2.0}, steps=100, elapsed_s=3.0)
    claim.lock.close()
    trial = study.trial(1)
    assert trial.values == {"hidden_size": 10, "dropout": 0.25}
    assert trial.curve == ((0.5, 2.5), (1.0, 2.0))
    assert (trial.state, trial.value, trial.steps, trial.attempts) == ("done", 2.0, 100, 1)
    second = study.claim(2, counting)
    assert second.trial.number == 2
    assert study.claim(2, counting) is None
    assert study.claim(None, lambda history, number: None) is None
    assert study.has_strangers()
    second.lock.close()
    assert not study.has_strangers()


def test_a_trial_whose_worker_is_gone_is_taken_again_but_not_for_ever(study: Study):
    for attempt in range(1, MOST_ATTEMPTS + 1):
        claim = study.claim(1, counting)
        assert (claim.trial.number, claim.trial.attempts) == (1, attempt)
        assert claim.is_begun == (attempt > 1)
        # While it is held, nobody else takes it.
        assert study.claim(1, counting) is None
        claim.lock.close()
    assert study.claim(1, counting) is None
    assert study.trial(1).state == "failed"
    assert study.trial(1).message == f"whatever ran it was killed {MOST_ATTEMPTS} times"


def test_an_interrupted_trial_is_gone_on_with_first(study: Study):
    claim = study.claim(3, counting)
    study.end(1, "waiting")
    claim.lock.close()
    again = study.claim(3, counting)
    assert (again.trial.number, again.is_begun, again.trial.settings) == (
        1,
        True,
        {"hidden_size": 10},
    )
    again.lock.close()


def test_a_lock_lasts_as_long_as_the_process_that_inherited_it(study: Study):
    claim = study.claim(1, counting)
    child = subprocess.Popen(
        [sys.executable, "-c", "input()"],
        stdin=subprocess.PIPE,
        pass_fds=(claim.lock.fileno(),),
    )
    claim.lock.close()
    assert study.claim(1, counting) is None
    child.communicate(b"\n", timeout=30)
    again = study.claim(1, counting)
    assert again.trial.number == 1
    again.lock.close()


def test_workers_never_take_the_same_trial(study: Study):
    taken: list[int] = []
    locks = []

    def work():
        own = Study.open(study.folder)
        while (claim := own.claim(24, counting)) is not None:
            taken.append(claim.trial.number)
            own.end(claim.trial.number, "done", value=1.0)
            locks.append(claim.lock)
        own.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == list(range(1, 25))
    for lock in locks:
        lock.close()


def test_a_failed_decision_leaves_nothing(study: Study):
    def fail(history, number):
        raise ValueError

    with pytest.raises(ValueError):
        study.claim(3, fail)
    assert study.trials() == []
    study.put(spent_s=1.0)


def test_what_is_no_study_is_told(tmp_path: Path):
    with pytest.raises(ModelError, match="holds no study"):
        Study.open(tmp_path)
    # A kill in the middle of making one leaves an empty file.
    (tmp_path / "study.db").touch()
    with pytest.raises(ModelError, match="holds no study"):
        Study.open(tmp_path)
    (tmp_path / "study.db").write_bytes(b"no data base at all" * 100)
    with pytest.raises(ModelError, match="cannot be read"):
        Study.open(tmp_path)


def test_a_study_of_a_later_format_is_refused(study: Study):
    with contextlib.closing(sqlite3.connect(study.folder / "study.db")) as connection:
        connection.execute("PRAGMA user_version = 9")
    with pytest.raises(ModelError, match="format 9 of studies, but this version knows 1"):
        Study.open(study.folder)


# The median rule


def trial(number: int, state: str, *curve: tuple[float, float]) -> Trial:
    return Trial(number, state, {"x": number}, {}, None, {}, "", 1, 1, 1.0, curve)


def peers(*values: float) -> list[Trial]:
    return [
        trial(number, "done", (0.2, 9.0), (0.5, value), (1.0, 1.0))
        for number, value in enumerate(values, 1)
    ]


@pytest.mark.parametrize(
    ("own", "others", "maximize", "hopeless"),
    [
        # The median of 1, 2, 3, 4 is 2.5.
        (((0.5, 2.6),), peers(1, 2, 3, 4), False, True),
        (((0.5, 2.4),), peers(1, 2, 3, 4), False, False),
        (((0.5, 2.4),), peers(1, 2, 3, 4), True, True),
        # Its best so far counts, not its last.
        (((0.4, 1.0), (0.5, 5.0)), peers(1, 2, 3, 4), False, False),
        # Three are too few to have a median worth following.
        (((0.5, 9.0),), peers(1, 2, 3), False, False),
        # Every trial is given a beginning; and none is stopped at its end.
        (((0.2, 99.0),), peers(1, 2, 3, 4), False, False),
        (((1.0, 99.0),), peers(1, 2, 3, 4), False, False),
        ((), peers(1, 2, 3, 4), False, False),
    ],
)
def test_the_median_rule(own, others, maximize, hopeless):
    assert is_hopeless(trial(9, "running", *own), others, maximize=maximize) is hopeless


def test_only_trials_that_came_as_far_are_peers():
    others = [
        *peers(1, 2),
        trial(3, "pruned", (0.5, 1.0)),
        trial(4, "pruned", (0.3, 1.0)),
        trial(5, "failed", (0.5, 1.0)),
        trial(6, "running", (0.5, 1.0)),
    ]
    own = trial(9, "running", (0.5, 9.0))
    assert not is_hopeless(own, others, maximize=False)
    assert is_hopeless(own, [*others, trial(7, "pruned", (0.5, 1.0))], maximize=False)
