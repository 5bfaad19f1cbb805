"""What a run's curves say of its fit and of its end; the rules stand in ``textrnn.experiments.advice``."""

from __future__ import annotations

from typing import Any, NamedTuple

from textrnn.experiments.journal import Evaluation, History
from textrnn.experiments.validation_curve import CLEAR, ValidationCurve

__all__ = ["LEAST", "LEAST_STEPS", "Verdict", "end_of", "fit_of"]

LEAST = 4
"""Evaluations from which on a curve may tell overfitting."""

_LEAST_TREND = 3
LEAST_STEPS = 100
"""A run of fewer steps is too short to say where it would have ended."""
_FAR, _NEAR = 0.15, 0.03
_FAR_POINTS = 0.10
_FEW_EXAMPLES, _FEW_TOKENS = 500, 5000
_ENDED_WELL = ("finished", "deadline", "patience")
_HIDING = ("dropout", "input_dropout", "token_dropout", "weight_drop")


class Verdict(NamedTuple):
    """What a rule found.

    Attributes:
        finding: The rule's name.
        text: A sentence.
    """

    finding: str
    text: str


def fit_of(history: History, curve: ValidationCurve) -> Verdict:
    """Say how well the model fits its training texts and others."""
    count = len(curve.points)
    if not history.evaluations:
        return Verdict("not-evaluated", "The run ended before its first evaluation.")
    if not count:
        text = "Nothing was held back for validation, so over- and underfitting cannot be told."
        return Verdict("no-validation", text)
    if count < LEAST:
        times = "once" if count == 1 else f"{count} times"
        text = f"The validation data were looked at only {times}, too few to tell over- from underfitting."
        return Verdict("too-few-evaluations", text)
    few = _few(history, curve.points[-1])
    if curve.rise >= curve.clear:
        return _risen(curve, few)
    return _near_or_far(history, curve, few)


def end_of(history: History, curve: ValidationCurve, fit: str) -> Verdict:
    """Say how the run ended, and whether more of it would have brought more.

    Args:
        history: The run.
        curve: Its validation losses.
        fit: What :func:`fit_of` found.
    """
    step, planned = history.last_step, history.max_steps
    times = "once" if len(history.rollbacks) == 1 else f"{len(history.rollbacks)} times"
    if history.end == "diverged":
        kept = (
            "the model kept is the best before that" if history.evaluations else "nothing is kept"
        )
        text = f"The loss exploded again and again, though the rate was cut {times}; {kept}."
        return Verdict("diverged", text)
    if history.end not in _ENDED_WELL:
        of = f" of {planned:,}" if planned else ""
        rate = _rate_left(history)
        left = "" if rate is None else f", with its learning rate still at {rate:.0%} of the peak"
        return Verdict("broken-off", f"The run was broken off at step {step:,}{of}{left}.")
    if history.rollbacks:
        back = history.rollbacks[-1]
        text = (
            f"The loss exploded {times}, the last time at step {back.step:,}; training went back and on with "
            f"{back.rate_scale:.3g} of the learning rate."
        )
        return Verdict("rolled-back", text)
    if history.end == "patience":
        text = f"It stopped early at step {step:,}, since nothing improved any more."
        return Verdict("patience", text)
    if fit in ("overfitting", "unstable", "rising"):
        return Verdict("past-best", _past_best(history, curve))
    return _course(history, curve)


def _risen(curve: ValidationCurve, few: str) -> Verdict:
    """Say what it means that the validation loss rose again: that depends on the training loss."""
    best, last = curve.points[curve.best], curve.points[-1]
    before, after = curve.training[curve.best], curve.training[-1]
    rise = (
        f"from step {best.step:,} to step {last.step:,} the validation loss{curve.on_part} rose from "
        f"{curve.losses[curve.best]:.3f} to {curve.losses[-1]:.3f}"
    )
    if before is not None and after is not None:
        both = f"from {before:.3f} to {after:.3f}{few}"
        if after < before:
            text = f"Overfitting: {rise} while the training loss fell {both}."
            return Verdict("overfitting", text)
        if after >= before * (1 + CLEAR):
            text = f"Learning came undone: {rise}, and the training loss rose too, {both}."
            return Verdict("unstable", text)
    return Verdict(
        "rising", f"{rise[0].upper()}{rise[1:]}; the training loss does not say why{few}."
    )


def _near_or_far(history: History, curve: ValidationCurve, few: str) -> Verdict:
    """Say how training and validation compare at the end, where validation has not suffered."""
    training = curve.training[-1]
    valid = curve.losses[-1] if history.final_loss is None else history.final_loss
    dropout = ", measured with dropout" if _is_hidden(history) else ""
    if (gap := _accuracy_gap(history, curve)) is not None:
        text = (
            f"The model knows its training texts better than others (accuracy {gap[0]:.1%}{dropout} against "
            f"{gap[1]:.1%} in validation), but the validation loss has not clearly risen for it{few}."
        )
        return Verdict("gap", text)
    if training is None or not _is_plain(history):
        what = f"the validation loss, {valid:.3f} at the end, did not clearly rise"
        text = f"No sign of overfitting: {what}{few}."
        return Verdict("no-overfitting", text)
    both = f"training loss {training:.3f}{dropout}, validation loss {valid:.3f}"
    if training <= valid * (1 - _FAR):
        text = (
            f"The model knows its training text better than others ({both}), but the validation loss has not "
            f"clearly risen for it{few}."
        )
        return Verdict("gap", text)
    if training >= valid * (1 - _NEAR) and not dropout:
        lower = "hardly lower" if training < valid else "not lower"
        text = (
            f"Underfitting rather than overfitting: the training loss, {training:.3f}, is {lower} than "
            f"the validation loss, {valid:.3f}{few}."
        )
        return Verdict("underfitting", text)
    return Verdict("no-overfitting", f"No sign of overfitting: {both}{few}.")


def _accuracy_gap(history: History, curve: ValidationCurve) -> tuple[float, float] | None:
    """Return the accuracies of training and validation at the end where the first is far higher."""
    valid = curve.points[-1].metrics.get("valid_accuracy")
    training = curve.training_accuracy(history)
    if valid is None or training is None:
        return None
    least = max(_FAR_POINTS, _uncertainty(valid, _fact(history, "valid_examples")))
    return (training, valid) if training - valid >= least else None


def _few(history: History, last: Evaluation) -> str:
    """Return a clause on how little was validated, where it is little."""
    examples, accuracy = _fact(history, "valid_examples"), last.metrics.get("valid_accuracy")
    if examples and examples < _FEW_EXAMPLES and accuracy is not None:
        points = max(1, round(100 * _uncertainty(accuracy, examples)))
        return (
            f"; with {examples:,} texts to validate, an accuracy of {accuracy:.0%} is uncertain by about "
            f"{points} {'point' if points == 1 else 'points'}"
        )
    tokens = _fact(history, "valid_tokens") or _fact(history, "valid_targets")
    if tokens and tokens < _FEW_TOKENS:
        return f"; only {tokens:,} tokens were there to validate, so small differences mean little"
    return ""


def _uncertainty(accuracy: float, rows: int) -> float:
    """Return twice the standard error of a share; where it is 0 or 1, 3/n (Hanley and Lippman-Hand 1983)."""
    if not rows:
        return 1.0
    spread = accuracy * (1 - accuracy)
    return 2 * (spread / rows) ** 0.5 if spread else min(1.0, 3 / rows)


def _course(history: History, curve: ValidationCurve) -> Verdict:
    """Say whether a run that came to its end was cut short."""
    if not curve.points:
        return Verdict("unknown", "Whether it was cut short cannot be told without validation.")
    first = curve.halfway()
    if first is None or len(curve.points) < _LEAST_TREND:
        return Verdict(
            "unknown", "Whether it was cut short cannot be told without more evaluations."
        )
    gain = curve.late_gain()
    if gain >= curve.clear:
        share = gain / (curve.losses[curve.best] + gain)
        limit = "time" if history.plan.get("budget_s") else "steps"
        text = (
            f"Its budget of {limit} ended while it was still improving: from step "
            f"{curve.points[first].step:,} to step {curve.points[curve.best].step:,} the validation loss"
            f"{curve.on_part} fell by {share:.1%}."
        )
        return Verdict("cut-short", text)
    step, epoch = curve.points[-1].step, curve.points[-1].epoch
    if step < LEAST_STEPS or epoch < 1:
        text = (
            f"It was a short run, of {step:,} {'step' if step == 1 else 'steps'} and {epoch:.2g} passes over "
            f"the training data: where it would have ended cannot be told."
        )
        return Verdict("short", text)
    text = (
        "It was not cut short: the second half of the run brought no clear gain in validation loss."
    )
    return Verdict("levelled-off", text)


def _past_best(history: History, curve: ValidationCurve) -> str:
    """Say of which step the weights are that were kept."""
    best, last = curve.points[curve.best].step, history.last_step
    kept = max((point.step for point in history.evaluations if point.is_best), default=best)
    if kept == best:
        return (
            f"It was not cut short: the model kept is the one of step {best:,} of {last:,}, and what came "
            f"after brought nothing."
        )
    figure = str(history.settings.get("select") or "another figure").replace("_", " ")
    return (
        f"It was not cut short: by the validation loss step {best:,} of {last:,} was the best, and by "
        f"{figure}, which was to decide, step {kept:,}."
    )


def _rate_left(history: History) -> float | None:
    """Return the last learning rate as a share of its peak; None where it is not known, or does not fall."""
    peak, schedule = history.settings.get("learning_rate"), history.settings.get("schedule")
    rates = [point.learning_rate for point in history.training if point.learning_rate is not None]
    if not rates or not isinstance(peak, float) or schedule not in ("cosine", "linear"):
        return None
    return rates[-1] / peak if 0 < rates[-1] <= peak else None


def _is_hidden(history: History) -> bool:
    """Return whether dropout makes the training loss worse than the network is."""
    order = history.settings.get("ngram_order")
    is_spelt = isinstance(order, int) and order > 1
    names = (*_HIDING, "ngram_dropout") if is_spelt else _HIDING
    return any(history.settings.get(name) for name in names)


def _is_plain(history: History) -> bool:
    """Return whether training minimises the loss that validation measures."""
    settings = history.settings
    others = ("label_smoothing", "subword_alpha", "sampled_words")
    weighted = settings.get("class_weights", "none") != "none"
    return not weighted and not any(settings.get(name) for name in others)


def _fact(history: History, name: str) -> int:
    value: Any = history.facts.get(name)
    return value if isinstance(value, int) else 0
