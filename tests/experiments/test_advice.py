"""Advice, case by case: golden curves, and what must not be said of them."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from run_logs import course, evaluated, planned, progress, resumed, rolled_back, stopped, write_log

from textrnn.experiments.advice import Advice, advise
from textrnn.experiments.journal import History, read_history

RESUME = "textrnn train lm --resume book-lm"


def history(folder: Path, *events: dict[str, Any]) -> History:
    return read_history(write_log(folder, events))


def ended(
    folder: Path,
    valid: list[float],
    train: list[float] | None = None,
    *,
    reason: str = "finished",
    plan: dict[str, Any] | None = None,
    **metrics: Any,
) -> tuple[Advice, Advice, Advice]:
    """Return the advice on a run that evaluated every hundred steps and came to an end."""
    events = course(valid, train or (), **metrics)
    last = 100 * len(valid)
    job = (plan or {}).pop("job", "language-model")
    begun = planned(job, max_steps=last, **(plan or {}))
    return advise(history(folder, begun, *events, stopped(last, reason)), RESUME)


def findings(advice: tuple[Advice, Advice, Advice]) -> tuple[str, str, str]:
    assert [each.about for each in advice] == ["fit", "end", "next"]
    return tuple(each.finding for each in advice)


FALLING = [4.0, 3.0, 2.5, 2.2, 2.0, 1.9, 1.8, 1.72]
LEVEL = [2.5, 2.1, 2.02, 2.01, 2.005, 2.004, 2.003, 2.003]
RISING = [4.0, 3.0, 2.5, 2.4, 2.5, 2.6, 2.7, 2.8]


def test_overfitting(tmp_path: Path):
    train = [4.0, 3.0, 2.4, 2.0, 1.6, 1.3, 1.0, 0.8]
    advice = ended(tmp_path, RISING, train, plan={"dropout": 0.1})
    assert findings(advice) == ("overfitting", "past-best", "regularise")
    assert "from step 400 to step 800" in advice[0].text
    assert (
        "rose from 2.400 to 2.800 while the training loss fell from 2.000 to 0.800"
        in advice[0].text
    )
    assert "step 400 of 800" in advice[1].text
    assert advice[2].commands == ("--dropout 0.3", "--hidden-size 32")


def test_a_rise_within_the_wobble_of_the_curve_is_no_overfitting(tmp_path: Path):
    valid = [3.0, 2.2, 2.1, 2.0, 2.1, 2.02, 2.11, 2.03, 2.1, 2.05]
    train = [3.0, 2.2, 2.1, 2.0, 1.99, 1.98, 1.97, 1.96, 1.95, 1.94]
    assert findings(ended(tmp_path, valid, train))[0] == "no-overfitting"


def test_a_rise_of_a_single_evaluation_is_no_overfitting(tmp_path: Path):
    advice = ended(tmp_path, [*FALLING[:-1], 2.2], [3.0] * 8)
    assert findings(advice)[0] != "overfitting"


def test_what_training_has_reached_in_the_end_counts_not_what_it_was_at_the_best_step(
    tmp_path: Path,
):
    valid = [3.0, 2.2, 2.1, 2.0, 2.02, 2.01, 2.015, 2.01, 2.02, 2.012]
    train = [3.0, 2.2, 2.1, 2.0, 1.9, 1.8, 1.7, 1.6, 1.5, 1.4]
    assert findings(ended(tmp_path, valid, train))[0] == "gap"


def test_both_losses_rising_is_learning_that_came_undone(tmp_path: Path):
    train = [4.0, 3.0, 2.4, 2.3, 2.5, 2.7, 2.8, 2.9]
    advice = ended(tmp_path, RISING, train)
    assert findings(advice) == ("unstable", "past-best", "smaller-rate")
    assert advice[2].commands == ("--learning-rate 0.003",)


@pytest.mark.parametrize("train", [None, [4.0, 3.0, 2.4, 2.3, 2.3, 2.3, 2.3, 2.3]])
def test_a_rise_that_the_training_loss_does_not_explain_is_only_told(tmp_path: Path, train):
    advice = ended(tmp_path, RISING, train)
    assert findings(advice) == ("rising", "past-best", "shorter")
    assert advice[0].text.startswith(
        "From step 400 to step 800 the validation loss rose from 2.400"
    )
    assert advice[2].commands == ("--max-steps 400",)


def test_underfitting_that_levelled_off_wants_a_larger_network(tmp_path: Path):
    advice = ended(tmp_path, LEVEL, [loss + 0.01 for loss in LEVEL])
    assert findings(advice) == ("underfitting", "levelled-off", "larger")
    assert advice[2].commands == ("--hidden-size 128",)


def test_a_training_loss_above_that_of_validation_is_not_called_hardly_lower(tmp_path: Path):
    below = ended(tmp_path, LEVEL, [loss - 0.01 for loss in LEVEL])
    assert "the training loss, 1.993, is hardly lower than the validation loss, 2.003" in (
        below[0].text
    )
    above = ended(tmp_path, LEVEL, [loss + 0.01 for loss in LEVEL])
    assert "the training loss, 2.013, is not lower than" in above[0].text


def test_the_loss_of_the_last_look_is_quoted_where_evaluations_saw_a_part(
    tmp_path: Path,
):
    part = course(FALLING, [loss * 0.95 for loss in FALLING])
    for event in part:
        if event["event"] == "evaluated":
            event["is_whole"] = False
    events = [planned(max_steps=800), *part, stopped(800, "finished")]
    last = evaluated(800, 1.75, is_best=True)
    fit, end, _ = advise(history(tmp_path, *events, last), RESUME)
    assert "training loss 1.634, validation loss 1.750" in fit.text
    assert "the validation loss (on part of the validation data) fell by 21.8%" in end.text
    larger = {**last, "is_whole": False}
    assert advise(history(tmp_path, *events, larger), RESUME)[0] == fit
    again = [planned(max_steps=1600), resumed(800), stopped(800, "finished")]
    fit, _, _ = advise(history(tmp_path, *events, last, *again), RESUME)
    assert "validation loss 1.720" in fit.text


def test_dropout_hides_underfitting(tmp_path: Path):
    advice = ended(tmp_path, LEVEL, [loss + 0.2 for loss in LEVEL], plan={"dropout": 0.4})
    assert findings(advice) == ("no-overfitting", "levelled-off", "larger")
    assert "measured with dropout" in advice[0].text
    assert advice[2].commands == ("--hidden-size 128", "--dropout 0.2")


def test_training_far_below_a_level_validation_is_a_gap(tmp_path: Path):
    advice = ended(tmp_path, LEVEL, [loss * 0.8 for loss in LEVEL])
    assert findings(advice) == ("gap", "levelled-off", "regularise")


@pytest.mark.parametrize(
    "changes",
    [{"label_smoothing": 0.1}, {"class_weights": "balanced"}, {"sampled_words": 500}],
    ids=lambda changes: next(iter(changes)),
)
def test_losses_of_different_kinds_are_not_compared(tmp_path: Path, changes: dict[str, Any]):
    for training in (0.5, 1.5):
        advice = ended(tmp_path, LEVEL, [loss * training for loss in LEVEL], plan=dict(changes))
        assert findings(advice)[0] == "no-overfitting"
        assert "training loss" not in advice[0].text


@pytest.mark.parametrize(("budget_s", "word"), [(60.0, "time"), (None, "steps")])
def test_cut_short_by_its_budget(tmp_path: Path, budget_s: float | None, word: str):
    advice = ended(tmp_path, FALLING, [x * 0.95 for x in FALLING], plan={"budget_s": budget_s})
    assert findings(advice) == ("no-overfitting", "cut-short", "train-longer")
    assert f"budget of {word}" in advice[1].text
    # From 2.2 at step 400 to 1.72 at step 800.
    assert "from step 400 to step 800 the validation loss fell by 21.8%" in advice[1].text
    # 800 steps in 80 seconds.
    assert advice[2].commands == (f"{RESUME} --minutes 1",)


def test_a_run_shorter_than_a_minute_is_gone_on_with_for_as_many_steps(tmp_path: Path):
    valid = FALLING[:5]
    advice = ended(tmp_path, valid, [loss * 0.95 for loss in valid])
    assert findings(advice)[1:] == ("cut-short", "train-longer")
    assert advice[2].commands == (f"{RESUME} --max-steps 500",)


def test_a_run_of_a_few_steps_is_given_more_than_a_few(tmp_path: Path):
    events = [planned(), *course([4.0, 3.5, 3.0], every=1), stopped(3, "finished")]
    advice = advise(read_history(write_log(tmp_path, events)), RESUME)
    assert findings(advice) == ("too-few-evaluations", "cut-short", "train-longer")
    assert advice[2].commands == (f"{RESUME} --max-steps 100",)


def test_where_there_is_a_gap_more_time_is_not_advised_even_if_the_run_was_cut_short(
    tmp_path: Path,
):
    advice = ended(tmp_path, FALLING, [loss * 0.7 for loss in FALLING])
    assert findings(advice) == ("gap", "cut-short", "regularise")
    assert advice[2].commands == ("--dropout 0.2",)


def test_a_flat_last_quarter_under_a_falling_rate_does_not_hide_what_the_half_gained(
    tmp_path: Path,
):
    valid = [5.4, 5.2, 5.05, 5.0, 4.9, 4.8, 4.7, 4.68, 4.66, 4.655, 4.652, 4.651]
    assert findings(ended(tmp_path, valid, valid))[1:] == ("cut-short", "train-longer")


def test_a_level_curve_under_a_constant_rate_wants_the_rate_to_fall(tmp_path: Path):
    advice = ended(tmp_path, LEVEL, [x * 0.9 for x in LEVEL], plan={"schedule": "constant"})
    assert findings(advice) == ("no-overfitting", "levelled-off", "anneal")
    assert advice[2].commands == ("--schedule cosine",)


def test_stopped_early(tmp_path: Path):
    advice = ended(tmp_path, LEVEL, LEVEL, reason="patience")
    assert findings(advice)[1] == "patience"


def test_a_short_run_is_not_said_to_have_levelled_off(tmp_path: Path):
    begun = planned(max_steps=6)
    events = course([7.479, 7.466, 7.462, 7.46], every=2)
    for event in events:
        event["epoch"] = event["step"] / 70
    advice = advise(history(tmp_path, begun, *events, stopped(8, "finished")), RESUME)
    assert findings(advice) == ("no-overfitting", "short", "train-longer")
    assert "8 steps and 0.11 passes" in advice[1].text


def test_diverged(tmp_path: Path):
    events = [planned(grad_clip=0), progress(2, 9.0)]
    events += [rolled_back(3, 0, 0.3**number) for number in range(1, 5)]
    advice = advise(history(tmp_path, *events, stopped(3, "diverged")), RESUME)
    assert findings(advice) == ("not-evaluated", "diverged", "smaller-rate")
    assert "cut 4 times; nothing is kept" in advice[1].text
    # 0.01 times 0.3 to the fourth was too much: a third of that.
    assert advice[2].commands == ("--learning-rate 2.4e-05", "--grad-clip 1")


def test_rolled_back_and_recovered(tmp_path: Path):
    events = course(FALLING, FALLING)
    begun = [planned(), rolled_back(50, 0, 0.3)]
    advice = advise(history(tmp_path, *begun, *events, stopped(800, "finished")), RESUME)
    assert findings(advice)[1:] == ("rolled-back", "smaller-rate")
    assert "once, the last time at step 50" in advice[1].text
    assert advice[2].commands == ("--learning-rate 0.003",)


@pytest.mark.parametrize("reason", ["interrupted", None], ids=["interrupted", "killed"])
def test_broken_off(tmp_path: Path, reason: str | None):
    events = [planned(max_steps=2000), *course(FALLING, FALLING)]
    if reason:
        events.append(stopped(800, reason))
    advice = advise(history(tmp_path, *events), RESUME)
    assert findings(advice)[1:] == ("broken-off", "go-on")
    assert "step 800 of 2,000, with its learning rate still at 20% of the peak" in advice[1].text
    assert advice[2].commands == (RESUME,)


def test_without_a_state_to_go_on_from_no_command_is_named_that_would_be_refused(tmp_path: Path):
    events = [planned(max_steps=2000), *course(FALLING, FALLING), stopped(800, "interrupted")]
    (_, _, told) = advise(history(tmp_path / "broken", *events), None)
    assert (told.finding, told.commands) == ("begin-anew", ())
    events = [planned(max_steps=800), *course(FALLING, FALLING), stopped(800, "finished")]
    (_, end, told) = advise(history(tmp_path / "short", *events), None)
    assert (end.finding, told.finding) == ("cut-short", "train-longer")
    # 80 s were too few: all of it anew, and as much again.
    assert told.commands == ("--minutes 3",)
    assert "another --output" in told.text


def test_no_validation_data(tmp_path: Path):
    events = [planned(), *course([None] * 8, FALLING), stopped(800, "finished")]
    advice = advise(history(tmp_path, *events), RESUME)
    assert findings(advice) == ("no-validation", "unknown", "hold-back")
    assert advice[2].commands == ("--valid-fraction 0.1",)


def test_too_few_evaluations_tell_no_overfitting_but_that_more_would_help(tmp_path: Path):
    assert findings(ended(tmp_path, [2.0, 1.5, 1.6], [2, 1, 0.5])) == (
        "too-few-evaluations",
        "levelled-off",
        "evaluate-more",
    )
    advice = ended(tmp_path, [2.0, 1.5, 1.3], [2.0, 1.5, 1.3])
    assert findings(advice) == ("too-few-evaluations", "cut-short", "train-longer")
    advice = ended(tmp_path, [2.0], [2.0])
    assert findings(advice) == ("too-few-evaluations", "unknown", "evaluate-more")
    assert "only once" in advice[0].text


def test_tiny_validation_data_are_said_to_be_uncertain(tmp_path: Path):
    plan = {"job": "classifier", "facts": {"valid_examples": 40, "valid_tokens": 0}}
    rates = [0.5, 0.6, 0.7, 0.8, 0.8, 0.8, 0.8, 0.8]
    advice = ended(tmp_path, FALLING, FALLING, plan=plan, valid_accuracy=rates)
    # Twice the root of 0.8 times 0.2 over 40.
    assert (
        "40 texts to validate, an accuracy of 80% is uncertain by about 13 points" in advice[0].text
    )
    plan = {"facts": {"valid_tokens": 392}}
    assert "only 392 tokens" in ended(tmp_path, FALLING, FALLING, plan=plan)[0].text


def test_an_accuracy_far_higher_in_training_is_a_gap_only_beyond_its_uncertainty(tmp_path: Path):
    train = [0.9, 0.95, 0.97, 0.98, 0.99, 0.99, 1.0, 1.0]
    valid = [0.7, 0.75, 0.8, 0.8, 0.8, 0.8, 0.8, 0.8]
    for examples, finding in ((1000, "gap"), (10, "no-overfitting")):
        plan = {"job": "classifier", "label_smoothing": 0.1, "facts": {"valid_examples": examples}}
        figures = {"train_accuracy": train, "valid_accuracy": valid}
        advice = ended(tmp_path, LEVEL, LEVEL, plan=plan, **figures)
        assert findings(advice)[0] == finding


def test_weights_kept_by_another_figure_than_the_loss_are_not_said_to_be_those_of_the_loss(
    tmp_path: Path,
):
    events = course(RISING, [4.0, 3.0, 2.4, 2.0, 1.6, 1.3, 1.0, 0.8])
    for event in events:
        event["is_best"] = event["step"] == 700
    begun = planned("classifier", select="accuracy")
    advice = advise(history(tmp_path, begun, *events, stopped(800, "finished")), RESUME)
    assert findings(advice)[:2] == ("overfitting", "past-best")
    assert "by the validation loss step 400 of 800 was the best, and by accuracy" in advice[1].text
    assert "step 700" in advice[1].text


def test_steps_that_were_undone_do_not_count(tmp_path: Path):
    undone = [evaluated(900, 9.0), evaluated(1000, 9.5), planned(), resumed(800)]
    events = [planned(), *course(FALLING, FALLING), *undone, stopped(800, "finished")]
    assert findings(advise(history(tmp_path, *events), RESUME))[0] == "underfitting"


@given(
    valid=st.lists(st.floats(0.01, 20), max_size=12),
    train=st.floats(0.01, 20),
    reason=st.sampled_from(["finished", "deadline", "patience", "interrupted", "diverged", None]),
    changes=st.fixed_dictionaries(
        {}, optional={"dropout": st.floats(0, 0.9), "hidden_size": st.none()}
    ),
)
def test_whatever_the_curve_there_are_three_sentences(
    tmp_path_factory, valid, train, reason, changes
):
    events = [planned(**changes), *course(valid, [train] * len(valid))]
    if reason:
        events.append(stopped(len(valid) * 100, reason))
    folder = tmp_path_factory.mktemp("run")
    for each in advise(history(folder, *events), RESUME):
        assert each.text
        assert each.text[0].isupper()
        assert all(command in each.text for command in each.commands)
        assert each.as_dict()["commands"] == list(each.commands)
