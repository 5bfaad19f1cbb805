"""What a run has recorded about where it stands, held against what runs record.

A model directory is data of unknown origin: what is read from it is checked before anything relies on it.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Mapping
from typing import Any

from textrnn.training.plan import Plan

__all__ = ["checked_run"]

_MOST = 1 << 53
"""Whole numbers beyond it are no counts."""
_ENDS = ("", "finished", "deadline", "patience")

Check = Callable[[Any], bool]


def checked_run(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return a recorded run with its plan and its best evaluation checked.

    Args:
        record: The entry ``run`` of ``state.json``.

    Raises:
        ValueError: something is missing, unknown, of another type or out of range; the message names it.
    """
    _require(record, _RUN)
    plan = record["plan"]
    _require(plan, _PLAN)
    required = {
        field.name for field in dataclasses.fields(Plan) if field.default is dataclasses.MISSING
    }
    for name in sorted(required - plan.keys()):
        raise ValueError(f"plan lacks {name}")
    if record["batch"] > record["step"] or plan.get("begins_at", 0) > record["step"]:
        raise ValueError("batch or plan.begins_at lies beyond step")
    if record["best"] is not None:
        _require(record["best"], _BEST)
        for name in sorted(_BEST.keys() - record["best"].keys()):
            raise ValueError(f"best lacks {name}")
    return dict(record)


def _require(record: Mapping[str, Any], checks: Mapping[str, Check]) -> None:
    """Hold every entry of a record against its check.

    Raises:
        ValueError: an entry is unknown or wrong.
    """
    for name, value in record.items():
        if name not in checks:
            raise ValueError(f"{name!r:.80} is unknown")
        if not checks[name](value):
            raise ValueError(f"{name} is {value!r:.80}")


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _count(least: int = 0) -> Check:
    """Return the check for a whole number from ``least`` on."""
    return lambda value: type(value) is int and least <= value <= _MOST


def _optional(check: Check) -> Check:
    return lambda value: value is None or check(value)


def _is_duration(value: Any) -> bool:
    return _number(value) and 0 <= value <= _MOST


def _are_figures(value: Any) -> bool:
    return isinstance(value, dict) and all(v is None or _number(v) for v in value.values())


def _is_evaluation(value: Any) -> bool:
    return _are_figures(value) and _count()(value.get("step"))


def _are_knots(value: Any) -> bool:
    if not isinstance(value, list) or not value:
        return False
    is_step = _count()
    for knot in value:
        if not (isinstance(knot, list) and len(knot) == 2 and is_step(knot[0])):
            return False
        if not (_number(knot[1]) and 0 <= knot[1] <= 1):
            return False
    return all(low[0] < high[0] for low, high in itertools.pairwise(value))


_RUN: dict[str, Check] = {
    **{name: _count() for name in ("step", "epoch", "batch", "rollbacks", "waited")},
    **{name: _count() for name in ("targets", "tokens")},
    **dict.fromkeys(("elapsed_s", "stepping_s"), _is_duration),
    "plan": lambda value: isinstance(value, dict),
    "rate_scale": lambda value: _number(value) and 0 < value <= 1,
    "best": _optional(lambda value: isinstance(value, dict)),
    "history": lambda value: isinstance(value, list) and all(map(_is_evaluation, value)),
    "ended": lambda value: value in _ENDS,
}
_PLAN: dict[str, Check] = {
    **{name: _count(1) for name in ("max_steps", "eval_every", "save_every")},
    **{name: _count() for name in ("warmup_steps", "valid_targets", "closing_targets")},
    **{name: _count() for name in ("patience", "begins_at")},
    **{name: _optional(_count(1)) for name in ("eval_targets", "final_targets")},
    "most_steps": _optional(_count()),
    "budget_s": _optional(_is_duration),
    "knots": _are_knots,
    "fixed_intervals": lambda value: isinstance(value, bool),
}
_BEST: dict[str, Check] = {
    "step": _count(),
    "value": _optional(_number),
    "metrics": _are_figures,
}
