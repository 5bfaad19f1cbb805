"""What the first process of a run tells the others: each order, and what it is about.

``textrnn.training.following`` is the other side. One process alone says nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from textrnn.training.ranks import BEGIN, GATHER, TAKE, UPDATE, Order, Ranks
from textrnn.training.state import RunState
from textrnn.training.task import Task
from textrnn.training.update import Updater, first_not_finite

__all__ = ["Lead"]


class Lead:
    """Makes the other ranks do what the loop does.

    Args:
        ranks: The processes of the run; this is the first.
        task: What is trained.
        device: Where this process trains.
        call: Returns what the others need to begin, once the model directory is there.
    """

    def __init__(
        self,
        ranks: Ranks,
        task: Task,
        device: torch.device,
        call: Callable[[], Mapping[str, Any]] = dict,
    ) -> None:
        self.ranks = ranks
        self._task = task
        self._device = device
        self._call = call
        self._has_begun = False
        self._is_alone = ranks.size == 1

    def hand_out(self, tensors: Mapping[str, Tensor]) -> None:
        """Give all ranks the weights, the optimiser's state and their rows of the carried one.

        Args:
            tensors: Those of a save.

        Raises:
            RankLostError: one is gone.
            DeviceError: see ``textrnn.training.ranks.Ranks.begin``.
        """
        if self._is_alone:
            return
        if not self._has_begun:
            self.ranks.order(Order(BEGIN))
            self.ranks.broadcast(dict(self._call()))
            self.ranks.owes = True
            self.ranks.begin(self._device)
            self._has_begun = True
        self.ranks.order(Order(TAKE))
        # The average of weights is this rank's affair.
        self.ranks.tensors({n: t for n, t in tensors.items() if not n.startswith("ema:")})

    def order_update(self, state: RunState, rate: float, progress: float) -> None:
        """Make all ranks do the update that this one is about to do; see ``Updater.update``."""
        if not self._is_alone:
            at = (state.step, state.epoch, state.batch)
            self.ranks.order(Order(UPDATE, *at, rate, progress))

    def tensors(self, updater: Updater) -> dict[str, Tensor]:
        """Return everything to be saved, the carried states of all ranks joined in it."""
        found = updater.tensors()
        if self._is_alone or not self._has_begun:
            return found
        self.ranks.order(Order(GATHER))
        states = [state for state in self.ranks.gather(updater.carried) if state]
        joined = self._task.join(list(states)) if states else {}
        if first_not_finite(joined) is not None:
            # This rank has looked at its own; the texts of the others begin anew.
            joined = {}
        found = {name: t for name, t in found.items() if not name.startswith("carried:")}
        return found | {f"carried:{name}": tensor for name, tensor in joined.items()}

    def give_up(self) -> None:
        """Go on alone, where a rank is lost: nobody is asked for anything any more."""
        self._is_alone = self.ranks.owes = True
