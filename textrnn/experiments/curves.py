"""The curves of one or several runs, ready to be drawn: panels, axes, legends, marks.

What draws them (a terminal, a picture, a page) decides about colours and sizes only.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from textrnn.experiments.journal import Evaluation, History, TrainPoint

__all__ = [
    "AXES",
    "TRAINING",
    "VALIDATION",
    "Curve",
    "Drawing",
    "Mark",
    "Panel",
    "Traced",
    "drawing",
    "short_names",
    "thinned",
]

AXES = ("step", "epoch", "time", "tokens")
"""What curves may be drawn over."""

TRAINING, VALIDATION = "training", "validation"

_UNITS_S = ((3 * 3600, 3600, "h"), (3 * 60, 60, "min"), (0, 1, "s"))
_MOST_DIFFERENCES = 4
_LONGEST_LABEL = 100


@dataclass(frozen=True)
class Traced:
    """A run to be drawn.

    Attributes:
        name: What it is called in the legend.
        history: What its log tells.
        tokens_per_step: Tokens read in a step, on average.
        best_step: The step of the weights that were kept; None where there are none yet.
        differs: What sets it apart from the others, ``hidden_size=64``.
    """

    name: str
    history: History
    tokens_per_step: float
    best_step: int | None = None
    differs: Sequence[str] = ()

    @property
    def label(self) -> str:
        """The name, and what sets the run apart."""
        words = self.differs[:_MOST_DIFFERENCES]
        label = f"{self.name}: {', '.join(words)}" if words else self.name
        return label if len(label) <= _LONGEST_LABEL else label[: _LONGEST_LABEL - 1] + "…"


@dataclass(frozen=True)
class Curve:
    """A line of a panel.

    Attributes:
        run: Number of its run.
        kind: :data:`TRAINING` or :data:`VALIDATION`.
        x: Places on the axis, never falling.
        y: The figures there.
        steps: The steps that they belong to.
    """

    run: int
    kind: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    steps: tuple[int, ...]


@dataclass(frozen=True)
class Mark:
    """Something that happened to a run at a place of the axis: ``resumed`` or ``rolled back``."""

    run: int
    kind: str
    x: float
    text: str


@dataclass(frozen=True)
class Panel:
    """Curves of the same unit.

    Attributes:
        name: What is drawn, ``loss``; in the JSON form too.
        title: What stands above.
        unit: What the numbers are, in words.
        curves: The lines; none is empty.
        best: The best weights' points, (run, x, y).
        share: Whether the numbers are shares of 1, to be shown in percent.
    """

    name: str
    title: str
    unit: str
    curves: tuple[Curve, ...]
    best: tuple[tuple[int, float, float], ...] = ()
    share: bool = False


@dataclass(frozen=True)
class Drawing:
    """All there is to draw.

    Attributes:
        axis: One of :data:`AXES`.
        x_label: The axis in words, with its unit.
        unit: What one of the axis is, in seconds, for ``time``; else 1.
        labels: The legend: a name for each run.
        panels: The panels that have curves.
        marks: What happened to the runs.
    """

    axis: str
    x_label: str
    unit: float
    labels: tuple[str, ...]
    panels: tuple[Panel, ...]
    marks: tuple[Mark, ...]


@dataclass(frozen=True)
class _Kind:
    """How a panel is made of histories: the figures of training points and of evaluations."""

    name: str
    title: str
    unit: str
    training: Callable[[TrainPoint], float | None] = lambda _: None
    validation: Callable[[Evaluation], float | None] = lambda _: None
    share: bool = False


def _metric(name: str, title: str, unit: str, *, share: bool = False) -> _Kind:
    """Return the panel of a figure that training and evaluations tell under related names."""
    plain = name.removeprefix("valid_")
    return _Kind(
        plain,
        title,
        unit,
        lambda point: point.metrics.get(f"train_{plain}"),
        lambda evaluation: evaluation.metrics.get(name),
        share,
    )


_KINDS = (
    _Kind(
        "loss",
        "Loss",
        "nats per target",
        lambda point: point.loss,
        lambda evaluation: evaluation.metrics.get("valid_loss"),
    ),
    _metric("bits_per_char", "Bits per character", "bits"),
    _metric("valid_accuracy", "Accuracy", "share of right answers", share=True),
    _metric("valid_macro_f1", "Macro F1", "mean over labels", share=True),
    _metric("valid_bleu", "BLEU", "points of 100"),
    _Kind("learning_rate", "Learning rate", "per step", lambda point: point.learning_rate),
)


def drawing(runs: Sequence[Traced], axis: str) -> Drawing:
    """Return what is to be drawn of runs.

    Args:
        runs: The runs, in the order of the legend.
        axis: One of :data:`AXES`.
    """
    longest_s = max((run.history.elapsed_s for run in runs), default=0.0)
    divisor, unit = _time_unit(longest_s)
    places = [_placer(run, axis, divisor) for run in runs]
    panels = [_panel(kind, runs, places) for kind in _KINDS]
    panels.append(_speed(runs, places))
    names = {
        "step": "step",
        "epoch": "passes over the training data",
        "time": f"time ({unit})",
        "tokens": "tokens read",
    }
    return Drawing(
        axis=axis,
        x_label=names[axis],
        unit=divisor if axis == "time" else 1.0,
        labels=tuple(run.label for run in runs),
        panels=tuple(panel for panel in panels if panel.curves),
        marks=tuple(_marks(runs, places)),
    )


def short_names(paths: Sequence[Path]) -> list[str]:
    """Return the shortest ends of paths that tell them apart: ``lm``, or ``a/lm`` and ``b/lm``."""
    whole = [path.resolve().parts for path in paths]
    found = []
    for own in whole:
        others = [other for other in whole if other != own]
        length = 1
        while length < len(own) and any(other[-length:] == own[-length:] for other in others):
            length += 1
        found.append("/".join(own[-length:]))
    return found


def thinned(curve: Curve, most: int) -> Curve:
    """Return a curve of at most so many points: means of neighbours where there are more.

    Args:
        curve: The curve.
        most: At least 1.
    """
    count = len(curve.x)
    if count <= most:
        return curve
    cuts = [count * part // most for part in range(most + 1)]
    parts = list(itertools.pairwise(cuts))
    return Curve(
        curve.run,
        curve.kind,
        tuple(sum(curve.x[low:high]) / (high - low) for low, high in parts),
        tuple(sum(curve.y[low:high]) / (high - low) for low, high in parts),
        tuple(curve.steps[high - 1] for _, high in parts),
    )


_Point = TrainPoint | Evaluation
_Place = Callable[[_Point], float]


def _placer(run: Traced, axis: str, divisor: float) -> _Place:
    """Return what tells where a point of a run stands on the axis."""
    if axis == "epoch":
        return lambda point: point.epoch
    if axis == "time":
        return lambda point: point.elapsed_s / divisor
    if axis == "tokens":
        return lambda point: point.step * run.tokens_per_step
    return lambda point: float(point.step)


def _panel(kind: _Kind, runs: Sequence[Traced], places: Sequence[_Place]) -> Panel:
    curves: list[Curve] = []
    best: list[tuple[int, float, float]] = []
    for number, (run, place) in enumerate(zip(runs, places, strict=True)):
        training = ((point, kind.training(point)) for point in run.history.training)
        validation = [(point, kind.validation(point)) for point in run.history.evaluations]
        curves += _curve(number, TRAINING, training, place)
        curves += _curve(number, VALIDATION, validation, place)
        best += [
            (number, place(point), value)
            for point, value in validation
            if value is not None and point.step == run.best_step
        ][-1:]
    return Panel(kind.name, kind.title, kind.unit, tuple(curves), tuple(best), kind.share)


def _curve(
    run: int, kind: str, points: Iterable[tuple[_Point, float | None]], place: _Place
) -> list[Curve]:
    """Return the curve of the points that have a figure, if there are any."""
    known = [(place(point), value, point.step) for point, value in points if value is not None]
    if not known:
        return []
    x, y, steps = zip(*known, strict=True)
    return [Curve(run, kind, x, y, steps)]


def _speed(runs: Sequence[Traced], places: Sequence[_Place]) -> Panel:
    """Return the speed between the points at which the mean since the start was told.

    Steps read about the same number of tokens, n, so that the mean speed v after s steps says that they took
    s n / v seconds, and two such points how long the steps between them took.
    """
    curves: list[Curve] = []
    for number, (run, place) in enumerate(zip(runs, places, strict=True)):
        curves += _curve(number, TRAINING, _speeds(run), place)
    return Panel("tokens_per_s", "Speed of training", "tokens/s", tuple(curves))


def _speeds(run: Traced) -> Iterator[tuple[_Point, float | None]]:
    breaks = {back.to_step for back in run.history.rollbacks} | set(run.history.resumed)
    before: TrainPoint | None = None
    for point in run.history.training:
        mean = point.tokens_per_s
        if not mean or not point.step:
            continue
        if before is None or before.tokens_per_s is None:
            yield point, mean if not breaks else None
        elif not any(before.step <= step < point.step for step in breaks):
            # In units of a step's tokens.
            seconds = point.step / mean - before.step / before.tokens_per_s
            speed = (point.step - before.step) / seconds if seconds > 0 else math.inf
            yield point, speed if math.isfinite(speed) else None
        before = point


def _marks(runs: Sequence[Traced], places: Sequence[_Place]) -> Iterator[Mark]:
    for number, (run, place) in enumerate(zip(runs, places, strict=True)):
        both: list[_Point] = [*run.history.training, *run.history.evaluations]
        points = sorted(both, key=lambda point: point.step)
        for step in run.history.resumed:
            yield Mark(number, "resumed", _at(step, points, place), f"resumed at step {step:,}")
        for back in run.history.rollbacks:
            text = f"back from step {back.step:,} to {back.to_step:,}, rate times {back.rate_scale:.3g}"
            yield Mark(number, "rolled back", _at(back.to_step, points, place), text)


def _at(step: int, points: Sequence[_Point], place: _Place) -> float:
    """Return where the last point up to a step stands."""
    before = [point for point in points if point.step <= step]
    return place(before[-1]) if before else 0.0


def _time_unit(longest_s: float) -> tuple[float, str]:
    return next((size, name) for least, size, name in _UNITS_S if longest_s >= least)
