"""What came of a trial, and what a study leaves."""

import json
from pathlib import Path

import pytest
from run_logs import stopped, write_run

from textrnn.config_sources import from_toml
from textrnn.experiments.keeping import forget_state, keep_model, settings_text, write_settings
from textrnn.experiments.outcomes import (
    HOPELESS,
    INTERRUPTED,
    OUT_OF_TIME,
    Objective,
    Outcome,
    best_trial,
    common_fault,
    verdict,
)
from textrnn.experiments.runs import read_run
from textrnn.experiments.trial import Trial
from textrnn.experiments.trials import Recipe
from textrnn.language_model.settings import LanguageModelSettings

LOSS = Objective("loss", "valid_loss", maximize=False)
ACCURACY = Objective("accuracy", "valid_accuracy", maximize=True)


def evaluated(step: int, **metrics: float) -> dict:
    return {"event": "evaluated", "step": step, "metrics": metrics, "elapsed_s": step / 10}


def followed(*events: dict, objective: Objective = LOSS) -> Outcome:
    outcome = Outcome()
    outcome.take({"event": "planned", "settings": {}, "plan": {"max_steps": 100}}, objective)
    for event in events:
        outcome.take(event, objective)
    return outcome


def test_the_best_evaluation_counts_with_its_other_figures():
    events = [
        evaluated(20, valid_loss=2.0, valid_accuracy=0.7),
        evaluated(40, valid_loss=1.0, valid_accuracy=0.6),
        evaluated(60, valid_loss=3.0, valid_accuracy=0.65),
    ]
    least = followed(*events)
    assert (least.value, least.metrics["valid_accuracy"], least.share) == (1.0, 0.6, 0.6)
    most = followed(*events, objective=ACCURACY)
    assert (most.value, most.metrics["valid_loss"]) == (0.7, 2.0)


def test_the_last_event_says_what_a_run_came_to():
    done = {"event": "done", "steps": 90, "elapsed_s": 9.5, "model": "m", "valid_loss": 0.9}
    outcome = followed(evaluated(90, valid_loss=1.0), done)
    assert (outcome.is_done, outcome.value, outcome.elapsed_s) == (True, 0.9, 9.5)
    assert outcome.metrics == {"valid_loss": 0.9}


def test_the_state_of_a_trial_that_lost_goes_and_all_else_stays(tmp_path: Path):
    for name in ("lost", "further"):
        trial = write_run(tmp_path / name, [stopped(1000, "finished")], step=1000)
        (trial / "resume").mkdir()
        (trial / "resume" / "state.json").write_text("{}")
    forget_state(tmp_path / "lost", 1000)
    # Somebody has trained this one to more steps than the study knows of.
    forget_state(tmp_path / "further", 900)
    forget_state(tmp_path / "none")
    assert not (tmp_path / "lost" / "resume").exists()
    assert (tmp_path / "further" / "resume" / "state.json").exists()
    assert read_run(tmp_path / "lost").state == "finished"


@pytest.mark.parametrize(
    ("code", "asked", "is_done", "value", "state"),
    [
        (0, None, True, 1.0, "done"),
        (0, HOPELESS, True, 1.0, "done"),  # it was done before it heard
        (0, None, True, None, "failed"),
        (143, HOPELESS, False, 1.0, "pruned"),
        (143, OUT_OF_TIME, False, 1.0, "waiting"),
        (143, OUT_OF_TIME, False, None, "waiting"),
        (143, INTERRUPTED, False, 1.0, "waiting"),
        (143, None, False, 1.0, "waiting"),  # somebody else asked it to end
        (1, None, False, 1.0, "failed"),
        (-9, None, False, 1.0, "failed"),
        (0, None, False, 1.0, "failed"),  # it ended without a word
    ],
)
def test_verdicts(code, asked, is_done, value, state):
    outcome = Outcome(step=30, max_steps=100, value=value, is_done=is_done)
    assert verdict(outcome, LOSS, asked, code, "said")[0] == state


def trial(number: int, state: str, value: float | None = None, **more) -> Trial:
    known = {"settings": {}, "resolved": {"x": 1}, "metrics": {}, "message": "why"}
    rest = {"attempts": 1, "steps": 1, "elapsed_s": 1.0}
    return Trial(**{"number": number, "state": state, "value": value, **known, **rest, **more})


def test_only_trials_that_came_to_their_end_can_be_best():
    trials = [trial(1, "done", 2.0), trial(2, "pruned", 1.0), trial(3, "done", 1.5)]
    assert best_trial(trials, LOSS).number == 3
    assert best_trial(trials, ACCURACY).number == 1
    assert best_trial(trials[1:2], LOSS) is None


def test_what_all_trials_have_in_common_ends_a_study():
    unplanned = trial(1, "failed", resolved={})
    assert common_fault([unplanned], unplanned, 1) == "why"
    diverged = [trial(number, "failed") for number in (1, 2, 3)]
    assert common_fault(diverged[:1], diverged[0], 1) is None
    assert common_fault(diverged, diverged[2], 1).startswith("the first 3 trials all failed; ")
    assert common_fault([*diverged, trial(4, "pruned", 1.0)], diverged[2], 1) is None
    unmeasured = trial(1, "failed", message="no loss was measured on validation data")
    assert common_fault([unmeasured], unmeasured, 1) == unmeasured.message


def test_settings_are_written_as_they_are_read(tmp_path: Path):
    values = {"hidden_size": 96, "dropout": 0.25, "tie_weights": True, "rnn_type": "gru", "seed": 4}
    text = settings_text(LanguageModelSettings, values, ["why", "how"])
    assert text.startswith("# why\n# how\n\n[")
    path = write_settings(tmp_path, text)
    assert from_toml(LanguageModelSettings, path) == values
    assert text.count("[model]") == 1
    assert "[data]" not in text
    assert [entry.name for entry in tmp_path.iterdir()] == ["best.toml"]


def test_the_best_model_takes_the_place_of_the_former_one(tmp_path: Path):
    for name in ("0001", "0002"):
        (tmp_path / name / "resume").mkdir(parents=True)
        (tmp_path / name / "config.json").write_text(json.dumps(name))
    for name in ("0001", "0002"):
        kept = keep_model(tmp_path / name, tmp_path)
        assert json.loads((kept / "config.json").read_text()) == name
        assert (kept / "resume").is_dir()
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["0001", "0002", "best"]


def test_trials_get_their_settings_as_options_and_no_others(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("TEXTRNN_HIDDEN_SIZE", "5")
    monkeypatch.setenv("TEXTRNN_CACHE", "here")
    fixed = {"lines": True, "layer_norm": False}
    recipe = Recipe("lm", LanguageModelSettings, ("--valid=v.txt",), ("-odd.txt",), fixed)
    arguments = recipe.arguments(tmp_path / "run", {"learning_rate": 1e-05, "hidden_size": 8})
    assert arguments == [
        *("train", "lm", "--json", "--quiet", f"--output={tmp_path / 'run'}"),
        *("--lines", "--no-layer-norm", "--learning-rate=1e-05", "--hidden-size=8"),
        *("--valid=v.txt", "--", "-odd.txt"),
    ]
    assert "TEXTRNN_HIDDEN_SIZE" not in recipe.environment()
    assert recipe.environment()["TEXTRNN_CACHE"] == "here"
    # Where a run has begun, it is gone on with.
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.json").touch()
    assert recipe.arguments(tmp_path / "run", {})[-1] == f"--resume={tmp_path / 'run'}"
