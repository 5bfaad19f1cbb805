"""Where a run stands, but for its tensors: what ``resume/state.json`` holds."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from textrnn.training.plan import Plan
from textrnn.training.recorded import checked_run

__all__ = ["Best", "RunState"]


@dataclass(frozen=True)
class Best:
    """The best weights so far.

    Attributes:
        step: Updates after which they were reached.
        value: The metric they were chosen by; None without validation data.
        metrics: All figures of that evaluation.
    """

    step: int
    value: float | None
    metrics: Mapping[str, float | None]


@dataclass
class RunState:
    """Where a run stands, but for its tensors.

    Attributes:
        plan: What it follows.
        step: Updates done.
        epoch: Passes begun, from 0.
        batch: Number of the epoch's next batch.
        rate_scale: What roll-backs and the plateau schedule have multiplied the rate with.
        rollbacks: How often the run was rolled back.
        waited: Evaluations since the last best.
        best: The best so far; None before the first evaluation.
        elapsed_s: Seconds of all sessions of the run together.
        stepping_s: Seconds of them spent in steps.
        targets: Targets trained on.
        tokens: Tokens read for them.
        history: A record per evaluation.
        ended: Why the run ended, if it did: ``finished``, ``deadline`` or ``patience``.
    """

    plan: Plan
    step: int = 0
    epoch: int = 0
    batch: int = 0
    rate_scale: float = 1.0
    rollbacks: int = 0
    waited: int = 0
    best: Best | None = None
    elapsed_s: float = 0.0
    stepping_s: float = 0.0
    targets: int = 0
    tokens: int = 0
    history: list[dict[str, Any]] = field(default_factory=list)
    ended: str = ""

    @property
    def tokens_per_s(self) -> float:
        """The speed of its steps."""
        return self.tokens / max(1e-9, self.stepping_s)

    def as_dict(self) -> dict[str, Any]:
        """Return the state for JSON."""
        fields = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        best = dataclasses.asdict(self.best) if self.best else None
        return {**fields, "plan": self.plan.as_dict(), "best": best}

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> RunState:
        """Return the state that :meth:`as_dict` recorded.

        Raises:
            ValueError: it is not such a record.
        """
        record = checked_run(record)
        best = Best(**record["best"]) if record["best"] else None
        return cls(**{**record, "plan": Plan.from_dict(record["plan"]), "best": best})
