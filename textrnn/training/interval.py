"""What the steps since some moment came to: sums that stay on the device until somebody asks."""

from __future__ import annotations

import math
from collections.abc import Mapping

from torch import Tensor

__all__ = ["Interval", "add_sums", "loss_fault"]


class Interval:
    """Sums since some moment; they stay on the device until somebody asks.

    Attributes:
        begun_s: The moment.
        targets: Targets trained on.
        norm: Norm of the last gradient.
    """

    def __init__(self, begun_s: float) -> None:
        self.begun_s = begun_s
        self.targets = 0
        self.norm: Tensor | float = 0.0
        self._norms: Tensor | float = 0.0
        self._sums: dict[str, Tensor] = {}

    def add(self, sums: Mapping[str, Tensor], norm: Tensor, targets: int) -> None:
        """Take in an update."""
        add_sums(self._sums, sums)
        self.norm = norm
        # One that is not finite makes the sum so, however many steps come behind it.
        self._norms = self._norms + norm
        self.targets += targets

    def means(self) -> dict[str, float]:
        """Return the sums per target, ``loss`` among them; NaN before the first update."""
        means = {name: float(total) / max(1, self.targets) for name, total in self._sums.items()}
        return means or {"loss": math.nan}

    def fault(self, most_loss: float) -> str | None:
        """Return what is wrong with the loss or its gradient, or None; reads them from the device.

        Args:
            most_loss: Loss per target from which on it has exploded.
        """
        if not math.isfinite(float(self._norms)):
            return "the gradient is not finite"
        return loss_fault(self.means()["loss"], most_loss)


def loss_fault(loss: float, most_loss: float) -> str | None:
    """Return what is wrong with a mean loss, or None.

    Args:
        loss: Nats per target.
        most_loss: Loss from which on it has exploded.
    """
    if not math.isfinite(loss):
        return "the loss is not finite"
    if loss > most_loss:
        return (
            f"the loss exploded to {loss:.3g} nats (more than {most_loss:.3g} is beyond all reason)"
        )
    return None


def add_sums(sums: dict[str, Tensor], more: Mapping[str, Tensor]) -> None:
    """Add sums to those of the same names, in place."""
    for name, value in more.items():
        sums[name] = sums[name] + value if name in sums else value
