"""Reading ``log.jsonl``: the events of a run, and the curves that are left once what was undone is taken out.

A log tells everything in order of happening: steps of a session that was killed after its last save are done
again by the session that resumes, and a roll-back undoes the steps since the last save. In a
:class:`History` only what counts is left: the steps that led to the model.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = [
    "Evaluation",
    "History",
    "Replan",
    "RollBack",
    "TrainPoint",
    "last_stop",
    "read_history",
    "read_journal",
]

_TAIL = 1 << 16
"""Bytes at the end of a log that hold why a run stopped, if it did: only a few short events follow."""


@dataclass(frozen=True)
class TrainPoint:
    """A stretch of training that ends at a step.

    Attributes:
        step: Updates done.
        epoch: Passes over the training data.
        elapsed_s: Seconds of all sessions.
        loss: Mean over the stretch's targets, in nats; None where it was not finite.
        learning_rate: At its end; None where only an evaluation tells of the stretch.
        tokens_per_s: Mean since the run began; likewise.
        metrics: ``train_accuracy`` and so on.
    """

    step: int
    epoch: float
    elapsed_s: float
    loss: float | None
    learning_rate: float | None = None
    tokens_per_s: float | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Evaluation:
    """The validation data, or a part of them, were evaluated; ``metrics`` holds what is finite."""

    step: int
    epoch: float
    elapsed_s: float
    metrics: Mapping[str, float]
    is_best: bool = False
    is_whole: bool = True


@dataclass(frozen=True)
class RollBack:
    """Training went from ``step`` back to ``to_step`` with the rate times ``rate_scale``."""

    step: int
    to_step: int
    rate_scale: float
    reason: str = ""


@dataclass(frozen=True)
class Replan:
    """From ``step`` on, the plan ended at ``max_steps``."""

    step: int
    max_steps: int


@dataclass(frozen=True)
class History:
    """A run as its log tells it, without what was undone.

    Attributes:
        job: ``language-model`` and so on; empty where the log does not say.
        settings: Of the last session.
        plan: Of the last session, as it was made (``textrnn.training.plan.Plan``).
        facts: Of the last session.
        training: Stretches of training in order of steps.
        evaluations: In order of steps; the last look at the best weights is not among them.
        rollbacks: Roll-backs that still count.
        replans: Likewise.
        resumed: Steps at which a later session took up a saved state.
        end: Why the run ended (``finished``, ``deadline``, ``patience``, ``interrupted``, ``diverged``);
            None while it runs, or where it was killed.
        final_loss: The best weights' loss on more of the validation data than the evaluations looked at, if
            those looked at a part.
    """

    job: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    plan: Mapping[str, Any] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    training: tuple[TrainPoint, ...] = ()
    evaluations: tuple[Evaluation, ...] = ()
    rollbacks: tuple[RollBack, ...] = ()
    replans: tuple[Replan, ...] = ()
    resumed: tuple[int, ...] = ()
    end: str | None = None
    final_loss: float | None = None

    @property
    def last_step(self) -> int:
        """The last step that the log tells of."""
        steps = [point.step for point in self.training]
        return max([*steps, *(point.step for point in self.evaluations)], default=0)

    @property
    def elapsed_s(self) -> float:
        """Seconds of all sessions up to the last step that the log tells of."""
        seconds = [point.elapsed_s for point in self.training]
        return max([*seconds, *(point.elapsed_s for point in self.evaluations)], default=0.0)

    @property
    def max_steps(self) -> int:
        """The step at which the plan ends, or ended."""
        return self.replans[-1].max_steps if self.replans else int(self.plan.get("max_steps") or 0)


def read_history(path: Path) -> History:
    """Return what a log tells; an empty history where there is none.

    Lines that a kill or a full disk cut, and those that are no events, are left out.

    Args:
        path: The log file.
    """
    reader = _Reader()
    for event in read_journal(path, *reader.takes):
        reader.take(event)
    return reader.history()


def read_journal(path: Path, *names: str) -> Iterator[dict[str, Any]]:
    """Yield the events of a log by their names; lines that a kill or a full disk cut are left out.

    Args:
        path: The log file; where there is none, nothing comes.
        names: The events wanted, ``evaluated`` and so on.
    """
    if not path.is_file():
        return
    wanted = [f'"event": "{name}"'.encode() for name in names]
    with path.open("rb") as lines:
        for line in lines:
            if not any(mark in line for mark in wanted):
                continue
            event = _event(line)
            if event is not None and event.get("event") in names:
                yield event


def last_stop(path: Path) -> str | None:
    """Return why a run ended, from the end of its log alone; None where it does not say.

    Args:
        path: The log file.
    """
    try:
        with path.open("rb") as log:
            size = log.seek(0, 2)
            log.seek(max(0, size - _TAIL))
            lines = log.read().splitlines()
    except OSError:
        return None
    for line in reversed(lines):
        event = _event(line)
        name = None if event is None else event.get("event")
        if event is not None and name == "stopped":
            return _text(event.get("reason"))
        if name in ("planned", "resumed", "progress"):
            return None
    return None


class _Reader:
    """Takes events in order and keeps what counts."""

    def __init__(self) -> None:
        self._takes: dict[str, Callable[[dict[str, Any]], None]] = {
            "planned": self._planned,
            "resumed": self._resumed,
            "progress": self._progress,
            "evaluated": self._evaluated,
            "rolled_back": self._rolled_back,
            "replanned": self._replanned,
            "stopped": self._stopped,
        }
        self._last: dict[str, Any] = {}
        self._training: list[TrainPoint] = []
        self._evaluations: list[Evaluation] = []
        self._rollbacks: list[RollBack] = []
        self._replans: list[Replan] = []
        self._sessions: list[int] = []
        self._end: str | None = None
        self._final_loss: float | None = None

    @property
    def takes(self) -> tuple[str, ...]:
        """The events that matter."""
        return tuple(self._takes)

    def take(self, event: dict[str, Any]) -> None:
        """Take an event in; one that lacks what it should have changes nothing."""
        try:
            self._takes[event["event"]](event)
        except (KeyError, TypeError, ValueError):
            return

    def history(self) -> History:
        """Return what is left of it all."""
        return History(
            job=_text(self._last.get("job")) or "",
            settings=_mapping(self._last.get("settings")),
            plan=_mapping(self._last.get("plan")),
            facts=_mapping(self._last.get("facts")),
            training=tuple(self._training),
            evaluations=tuple(self._evaluations),
            rollbacks=tuple(self._rollbacks),
            replans=tuple(self._replans),
            resumed=tuple(self._sessions),
            end=self._end,
            final_loss=self._final_loss,
        )

    def _planned(self, event: dict[str, Any]) -> None:
        self._last = event
        self._end = self._final_loss = None
        # The plan of a session that resumes holds the ends that were moved before.
        self._replans.clear()

    def _resumed(self, event: dict[str, Any]) -> None:
        step = int(event["step"])
        self._undo(step)
        # A roll-back to the state that is taken up again, or to a later one, was forgotten with it.
        self._rollbacks = [back for back in self._rollbacks if back.to_step < step]
        self._sessions = [*(begun for begun in self._sessions if begun < step), step]

    def _undo(self, step: int) -> None:
        """Forget what came after a step."""
        self._training = [point for point in self._training if point.step <= step]
        self._evaluations = [point for point in self._evaluations if point.step <= step]

    def _progress(self, event: dict[str, Any]) -> None:
        point = TrainPoint(
            step=int(event["step"]),
            epoch=float(event["epoch"]),
            elapsed_s=float(event["elapsed_s"]),
            loss=_number(event.get("loss")),
            learning_rate=_number(event.get("learning_rate")),
            tokens_per_s=_number(event.get("tokens_per_s")),
            metrics=_numbers(event.get("metrics")),
        )
        self._training.append(point)

    def _evaluated(self, event: dict[str, Any]) -> None:
        metrics = _numbers(event.get("metrics"))
        is_whole = event.get("is_whole") is not False
        if self._end is not None:
            # The best weights were looked at once more: no point of the curve.
            self._final_loss = metrics.get("valid_loss")
            return
        step, epoch = int(event["step"]), float(event["epoch"])
        elapsed_s = float(event["elapsed_s"])
        loss = _number(event.get("train_loss"))
        if loss is not None and (not self._training or self._training[-1].step < step):
            self._training.append(TrainPoint(step, epoch, elapsed_s, loss))
        self._evaluations.append(
            Evaluation(step, epoch, elapsed_s, metrics, event.get("is_best") is True, is_whole)
        )

    def _rolled_back(self, event: dict[str, Any]) -> None:
        to_step = int(event["to_step"])
        self._undo(to_step)
        reason = _text(event.get("reason")) or ""
        self._rollbacks.append(
            RollBack(int(event["step"]), to_step, float(event["rate_scale"]), reason)
        )

    def _replanned(self, event: dict[str, Any]) -> None:
        self._replans.append(Replan(int(event["step"]), int(event["max_steps"])))

    def _stopped(self, event: dict[str, Any]) -> None:
        self._end = _text(event.get("reason"))


def _event(line: bytes) -> dict[str, Any] | None:
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return event if isinstance(event, dict) else None


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    return float(value)


def _numbers(value: object) -> dict[str, float]:
    """Return what is a finite number of a mapping of figures."""
    found = {name: _number(figure) for name, figure in _mapping(value).items()}
    return {name: figure for name, figure in found.items() if figure is not None}


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
