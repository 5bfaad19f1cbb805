"""What a run's curves say, in three sentences: how well it fits, whether it was cut short, what to try next.

The rules, in the order in which they are asked; the first that holds speaks. ``v`` is the validation loss,
``t`` the mean training loss since the evaluation before. What is *clear* is at least 1% of the lowest ``v``
and five times the wobble, which is how far the curve turns back from its middle on
(``textrnn.experiments.validation_curve``).

**Fit**

* ``not-evaluated``: the run ended before its first evaluation. ``no-validation``: none has a loss.
* ``too-few-evaluations``: fewer than 4; over- and underfitting are not told from so few points.
* ``overfitting``: at least two evaluations follow the one with the lowest ``v``, the last two lie clearly
  above it on average, and ``t`` is lower at the end than it was there.
* ``unstable``: the same, but ``t`` has risen by 1% or more: learning came undone.
* ``rising``: the same, but ``t`` is not known, or stayed as it was.
* ``gap``: ``v`` has not risen so, but in the end training texts are predicted far better: ``t`` at least 15%
  below ``v``; of a classifier, an accuracy at least 10 points higher and outside the uncertainty of the one
  in validation. Dropout makes ``t`` worse than it would be, so that the gap is at least what it seems.
  Of the end, ``v`` is the last look at the best weights, on more data, where evaluations looked at a part.
* ``underfitting``: in the end ``t`` is no lower than 3% below ``v``, and no dropout makes it so.
* ``no-overfitting``: what is left; dropout, or a loss that is not the plain one, allows no closer look.

Losses are held against each other only where training minimises what validation measures: no label smoothing,
no weights of classes, no sampled softmax, no sampled subwords. Where few texts were validated, the sentence
says how uncertain an accuracy is (twice its standard error), or how few tokens were predicted.

**End**

* ``diverged``: the loop gave up. ``broken-off``: interrupted or killed before the end of the plan.
* ``rolled-back``: the loss exploded, and training went on with a smaller rate. ``patience``: stopped early.
* ``past-best``: ``v`` has risen, for whatever reason: the best step lies behind.
* ``unknown``: fewer than three evaluations, or none in the first half, tell too little.
* ``cut-short``: the lowest ``v`` is the last or the one before it, and clearly lower than it was at the last
  evaluation of the first half. Half, since a cosine or linear schedule flattens the end of every curve:
  that its last quarter brings little is no sign that a longer run would not bring more.
* ``short``: no such gain, but fewer than 100 steps or less than one pass over the training data.
* ``levelled-off``: what is left: even what a falling rate brings was little.

**Next** follows from both: a command that goes on with the run, or options for a new one on the same data.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from textrnn.experiments.journal import History
from textrnn.experiments.validation_curve import ValidationCurve
from textrnn.experiments.verdicts import LEAST_STEPS, end_of, fit_of

__all__ = ["Advice", "advise"]

_MOST_DROPOUT = 0.6


@dataclasses.dataclass(frozen=True)
class Advice:
    """A sentence about a run.

    Attributes:
        about: ``fit``, ``end`` or ``next``.
        finding: The rule that spoke, by its name; of ``next``, what is to be tried.
        text: The sentence.
        commands: Options for a new run, or a whole command, as they may be typed; only of ``next``.
    """

    about: str
    finding: str
    text: str
    commands: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {**dataclasses.asdict(self), "commands": list(self.commands)}


def advise(history: History, resume: str | None) -> tuple[Advice, Advice, Advice]:
    """Return what a run's curves say of its fit, its end and what to try next.

    Args:
        history: What its log tells; it has ended, or is to be judged as if it had.
        resume: The command that goes on with the run, to which ``--minutes N`` or ``--max-steps N`` can be
            added; None where the state that this takes is gone.
    """
    curve = ValidationCurve.of(history)
    fit = fit_of(history, curve)
    end = end_of(history, curve, fit.finding)
    return (
        Advice("fit", *fit),
        Advice("end", *end),
        _next(history, fit.finding, end.finding, resume),
    )


def _next(history: History, fit: str, end: str, resume: str | None) -> Advice:
    """Say what to try next: first what broke the run, then what it lacked, then what holds it back."""
    if end == "broken-off":
        if resume is None:
            return _anew("begin-anew", "What it takes to go on is gone: begin anew", [])
        return _go_on("go-on", "Go on to the end of the plan", resume)
    if end in ("diverged", "rolled-back") or fit == "unstable":
        return _smaller_rate(history, end)
    if fit == "overfitting":
        lead = "More training texts help most; with these, try more dropout or a smaller network"
        return _anew("regularise", lead, [*_dropout(history, 0.2), *_size(history, 0.5)])
    if fit == "rising":
        best = ValidationCurve.of(history)
        lead = "A run that ends about where it was best lets the learning rate come down by then"
        return _anew("shorter", lead, [f"--max-steps {best.points[best.best].step}"])
    if fit == "gap":
        # Even a run that was cut short: what it learns from here on is above all its own texts.
        lead = "More training texts help most; with these, try more dropout"
        return _anew("regularise", lead, _dropout(history, 0.2))
    if end in ("cut-short", "short"):
        if resume is None:
            return _anew("train-longer", "Give it more time", [_time(history, 2)])
        return _go_on("train-longer", "Give it more time", f"{resume} {_time(history, 1)}")
    if fit in ("no-validation", "not-evaluated", "too-few-evaluations"):
        return _look_closer(history, fit)
    if history.settings.get("schedule") == "constant":
        lead = "Let the learning rate come down, which often brings another gain"
        return _anew("anneal", lead, ["--schedule cosine"])
    options = _size(history, 2)
    if fit == "no-overfitting":
        options += _dropout(history, -0.2)
    return _anew("larger", "What may bring more is a larger network", options)


def _smaller_rate(history: History, end: str) -> Advice:
    rate = history.settings.get("learning_rate")
    # Less than what was tried last, where that did not help; what was gone on with, where it did.
    scale = history.rollbacks[-1].rate_scale if history.rollbacks else 1.0
    scale *= 1.0 if end == "rolled-back" else 0.3
    options = [f"--learning-rate {rate * scale:.2g}"] if isinstance(rate, float) else []
    if history.settings.get("grad_clip") == 0:
        options.append("--grad-clip 1")
    lead = "Begin anew with a smaller learning rate"
    return _anew("smaller-rate", lead, options, joined=" and ")


def _look_closer(history: History, fit: str) -> Advice:
    if fit == "no-validation":
        lead = "Hold something back to see how good it is"
        return _anew("hold-back", lead, ["--valid-fraction 0.1"])
    every = max(1, history.last_step // 10)
    lead = "Look at the validation data more often"
    return _anew("evaluate-more", lead, [f"--eval-every {every}"])


def _go_on(finding: str, lead: str, command: str) -> Advice:
    return Advice("next", finding, f"{lead}: {command}", (command,))


def _anew(finding: str, lead: str, options: Sequence[str], joined: str = " or ") -> Advice:
    """Return what a new run on the same data should be given."""
    if not options:
        return Advice("next", finding, f"{lead}.")
    what = f"the same command with {joined.join(options)}, and another --output"
    return Advice("next", finding, f"{lead}: {what}", tuple(options))


def _dropout(history: History, more: float) -> list[str]:
    """Return the option for more or less dropout, where there is room."""
    now = history.settings.get("dropout")
    if not isinstance(now, float):
        return []
    wanted = round(min(_MOST_DROPOUT, max(0.0, now + more)), 2)
    return [f"--dropout {wanted:g}"] if (wanted - now) * more > 0 else []


def _size(history: History, factor: float) -> list[str]:
    now = history.settings.get("hidden_size")
    return [f"--hidden-size {max(1, round(now * factor))}"] if isinstance(now, int) else []


def _time(history: History, times: int) -> str:
    """Return the budget for so many times the steps done, or about; with ``--resume`` it counts from there.

    What so many steps as a short run had would bring is little to look at: it is given some more.
    """
    if history.elapsed_s < 60:
        return f"--max-steps {max(LEAST_STEPS, times * history.last_step)}"
    return f"--minutes {round(times * history.elapsed_s / 60)}"
