"""What a run says that diverged again and again, and what it goes back to with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from textrnn.errors import TrainingError
from textrnn.training.settings import TrainingSettings

__all__ = ["MOST_ROLLBACKS", "ROLLBACK_FACTOR", "gave_up"]

MOST_ROLLBACKS = 4
"""Returns to the last save without a new best evaluation in between."""
ROLLBACK_FACTOR = 0.3
"""What the learning rate is multiplied with at each."""


def gave_up(
    path: Path,
    settings: TrainingSettings,
    precision: str,
    fault: str,
    failed_at: Sequence[int],
    *,
    has_best: bool,
) -> TrainingError:
    """Return the error of a run that diverged too often.

    Args:
        path: The model directory.
        settings: Of the run.
        precision: What it computed in.
        fault: What was wrong the last time.
        failed_at: Steps at which it diverged, in order.
        has_best: Whether there was an evaluation worth keeping.
    """
    holds = "the best model so far" if has_best else "the weights that it began with"
    rate = settings.learning_rate or 0.0
    if len(set(failed_at)) == 1 and len(failed_at) > 1:
        # A hundredth of the rate did not move the step: it is what this batch computes.
        exact = "" if precision == "float32" else "--precision float32, or "
        advice = f"it is always the same step: try {exact}another order of the data with --seed"
    else:
        lower = rate * ROLLBACK_FACTOR**MOST_ROLLBACKS / 10
        clip = "a smaller --grad-clip" if settings.grad_clip else "--grad-clip 1"
        advice = f"try --learning-rate {lower:.1g}, or {clip}"
    return TrainingError(
        f"training diverged at step {failed_at[-1]}: {fault}, and {MOST_ROLLBACKS} returns to the last save "
        f"with a smaller rate did not help; {path} holds {holds}: {advice}"
    )
