"""Processes that train one model together: what they tell each other, through ``torch.distributed``.

The first process, rank 0, leads: it alone runs the loop and decides. The others follow its orders. An order
is exchanged between all ranks, so that a follower can hand a signal on; each is followed by what it is about
(see ``textrnn.training.leading``). Orders go over gloo, on CPUs; so do gradients, but between CUDA devices,
where NCCL adds them up. Nothing is pickled. One process alone touches no ``torch.distributed``.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor

from textrnn.errors import DeviceError, TrainingError
from textrnn.training.place import Place
from textrnn.training.task import Batch, State, Task

__all__ = ["ALONE", "BEGIN", "END", "GATHER", "TAKE", "UPDATE", "Order", "RankLostError", "Ranks"]

PATIENCE_S = 300.0
"""How long a process waits for another that does not answer. One that has ended is found at once."""
ADDING_PATIENCE_S = 20.0
"""How long GPUs wait for each other's gradients, which are computed at the same time. Less than the 30
seconds that ``torchrun`` leaves the others where one has ended; on one machine NCCL need not hear of it."""
FOLLOWING_PATIENCE_S = 86_400.0
"""How long others wait for an order: the first process prepares data, evaluates and saves meanwhile."""
_MOST_SUMS = 8
"""Room for the sums of a step beside its gradients; a rank without rows does not know how many there are."""

END, BEGIN, TAKE, UPDATE, GATHER = range(1, 6)
"""Kinds of orders."""


class RankLostError(TrainingError):
    """Another process has ended, or does not answer."""


class Order(NamedTuple):
    """What all ranks are to do next; all numbers are 0 or more.

    Attributes:
        kind: One of this module's.
        step: Updates done.
        epoch: Passes begun.
        batch: Number of the batch in its epoch.
        rate: Learning rate.
        progress: How much of the schedule is done, from 0 to 1.
    """

    kind: int
    step: int = 0
    epoch: int = 0
    batch: int = 0
    rate: float = 0.0
    progress: float = 0.0


class Ranks:
    """The processes of a run, seen by one of them.

    Args:
        place: Where this one stands.

    Attributes:
        asked: Number of a signal that another rank has got; None before.
        owes: Whether an order has been given whose content has not been sent yet.
    """

    def __init__(self, place: Place) -> None:
        self.rank = place.rank
        self.size = place.size
        # Orders may take their time; what follows them may not.
        self._prompt: dist.ProcessGroup | None = None
        self._adding: dist.ProcessGroup | None = None
        self.asked: int | None = None
        self.owes = False

    @classmethod
    def connect(cls, place: Place, patience_s: float | None = None) -> Ranks:
        """Meet the other processes where the environment says.

        Args:
            place: Where this one stands, not alone.
            patience_s: How long to wait for an answer; by default what befits the rank.

        Raises:
            RankLostError: not all came.
            DeviceError: this PyTorch knows no other processes.
        """
        if not dist.is_available():
            raise DeviceError(
                "this PyTorch was built without torch.distributed: train in one process"
            )
        usual_s = FOLLOWING_PATIENCE_S if place.rank else PATIENCE_S
        patience = datetime.timedelta(seconds=patience_s or usual_s)
        where = f"{os.environ.get('MASTER_ADDR')}:{os.environ.get('MASTER_PORT')}"
        with _counting_on_others(f"the {place.size} processes did not meet at {where}"):
            dist.init_process_group(
                "gloo", rank=place.rank, world_size=place.size, timeout=patience
            )
            prompt = datetime.timedelta(seconds=patience_s or PATIENCE_S)
            found = cls(place)
            found._prompt = found._adding = dist.new_group(backend="gloo", timeout=prompt)
        return found

    def begin(self, device: torch.device) -> None:
        """Wait until all ranks are ready to train on their devices.

        Raises:
            RankLostError: one is not coming.
            DeviceError: some have a GPU and some do not.
        """
        if self.size == 1:
            return
        with _counting_on_others():
            # One may have to read the data anew, on a machine that has not seen them.
            dist.monitored_barrier(timeout=datetime.timedelta(seconds=FOLLOWING_PATIENCE_S))
            kinds = torch.tensor([device.type == "cuda", device.type != "cuda"]).to(torch.uint8)
            dist.all_reduce(kinds, dist.ReduceOp.MAX)
            if kinds.all():
                raise DeviceError("some processes have a GPU and some have not: give --device cpu")
            if device.type == "cuda":
                torch.cuda.set_device(device)
                # So the process that waits is told of a loss and can save, where a watchdog would end it; the
                # price is that it begins no step before the last one's gradients are there.
                os.environ.setdefault("TORCH_NCCL_BLOCKING_WAIT", "1")
                patience = datetime.timedelta(seconds=ADDING_PATIENCE_S)
                self._adding = dist.new_group(backend="nccl", timeout=patience)
        self.owes = False

    # Orders

    def order(self, order: Order | None = None, signal: int | None = None) -> Order:
        """Give an order, or wait for one; every rank calls it at the same time.

        Args:
            order: What to do; given by the first rank alone.
            signal: One that this rank got.
        """
        numbers = torch.zeros(len(Order._fields) + 1, dtype=torch.float64)
        if order is not None:
            numbers[:-1] = torch.tensor(order, dtype=torch.float64)
            self.owes = True
        numbers[-1] = signal or 0
        with _counting_on_others():
            # The others' zeros give way to the leader's numbers.
            dist.all_reduce(numbers, dist.ReduceOp.MAX)
        *told, asked = numbers.tolist()
        self.asked = self.asked or int(asked) or None
        kind, step, epoch, batch = (int(number) for number in told[:4])
        return Order(kind, step, epoch, batch, *told[4:])

    def dismiss(self) -> bool:
        """End the others' part, where they wait for an order; else they see that this process ends.

        Returns:
            Whether they have heard it.
        """
        if self.size > 1 and not self.rank and not self.owes:
            with contextlib.suppress(RankLostError):
                self.order(Order(END))
                return True
        return False

    def close(self) -> None:
        """Let go of the others, once all know that it is over.

        Gloo's threads, left to the end of the process, now and then abort it.
        """
        self._prompt = self._adding = None
        dist.destroy_process_group()

    def broadcast(self, record: Any = None) -> Any:
        """Return what the first rank gives, anything that JSON knows."""
        told = json.dumps(record).encode() if self.rank == 0 else b""
        self.owes = False
        return json.loads(self._bytes(told, 0).numpy().tobytes())

    def tensors(self, given: Mapping[str, Tensor], source: int = 0) -> dict[str, Tensor]:
        """Return the tensors that one rank gives, on the CPU.

        Args:
            given: Those of the source; looked at there only.
            source: Which rank gives.
        """
        is_source = self.rank == source
        plain = {n: t.detach().cpu().contiguous() for n, t in given.items()} if is_source else {}
        index = [(n, str(t.dtype).partition(".")[2], list(t.shape)) for n, t in plain.items()]
        told = self._bytes(json.dumps(index).encode() if is_source else b"", source)
        found: dict[str, Tensor] = {}
        for name, dtype, shape in json.loads(told.numpy().tobytes()):
            tensor = plain[name] if is_source else torch.empty(shape, dtype=getattr(torch, dtype))
            if tensor.numel():
                with _counting_on_others():
                    dist.broadcast(tensor.view(-1).view(torch.uint8), source, self._prompt)
            found[name] = tensor
        self.owes = False
        return found

    def gather(self, given: Mapping[str, Tensor]) -> list[dict[str, Tensor]]:
        """Return the tensors that every rank gives, by rank, on the CPU."""
        return [self.tensors(given, source) for source in range(self.size)]

    def _bytes(self, told: bytes, source: int) -> Tensor:
        with _counting_on_others():
            length = torch.tensor([len(told)])
            dist.broadcast(length, source, self._prompt)
            content = torch.empty(int(length), dtype=torch.uint8)
            if told:
                content = torch.frombuffer(bytearray(told), dtype=torch.uint8)
            dist.broadcast(content, source, self._prompt)
        return content

    # Sharing the work of a step

    def share(self, task: Task, batch: Any) -> Batch | None:
        """Return this rank's rows of a batch, split as for accumulation; None where none is left for it."""
        if self.size == 1:
            whole: Batch = batch
            return whole
        parts = task.split(batch, None, self.size)
        return parts[self.rank][0] if self.rank < len(parts) else None

    def rows(self, state: State) -> State:
        """Return this rank's rows of the state of a whole batch."""
        if self.size == 1 or not state:
            return state
        count = len(next(iter(state.values())))
        parts = np.array_split(np.arange(count), min(self.size, count))
        if self.rank >= len(parts):
            return {}
        low, high = int(parts[self.rank][0]), int(parts[self.rank][-1]) + 1
        # A copy, lest the rows of all ranks stay in memory.
        return {name: tensor[low:high].clone() for name, tensor in state.items()}

    def add_up(
        self, parameters: Sequence[Tensor], sums: Mapping[str, Tensor], *, has_rows: bool
    ) -> Mapping[str, Tensor]:
        """Replace gradients by their sum over all ranks.

        Args:
            parameters: Their gradients are added up; where a parameter has none on the first rank, which
                always has rows, it has none on any.
            sums: Further sums of this rank's rows.
            has_rows: Whether this rank had any.

        Returns:
            The sums over all ranks, where this one has rows.
        """
        if self.size == 1:
            return sums
        like = parameters[0]
        room = torch.zeros(len(parameters) + _MOST_SUMS, dtype=like.dtype, device=like.device)
        grads = [p.grad if p.grad is not None else torch.zeros_like(p) for p in parameters]
        there = [p.grad is not None for p in parameters]
        room[: len(there)] = torch.tensor(there, dtype=like.dtype)
        if sums:
            told = torch.stack([value.detach().to(like.dtype) for value in sums.values()])
            room[len(there) : len(there) + len(told)] = told
        flat = torch.cat([*(grad.reshape(-1) for grad in grads), room])
        with _counting_on_others():
            dist.all_reduce(flat, group=self._adding)
        self.owes = False
        sizes = [*(grad.numel() for grad in grads), len(there), _MOST_SUMS]
        *parts, counts, told = torch.split(flat, sizes)
        if not has_rows:
            there = [count > 0 for count in counts.tolist()]
        for parameter, part, is_there in zip(parameters, parts, there, strict=True):
            parameter.grad = part.view_as(parameter) if is_there else None
        return dict(zip(sums, told, strict=False))


@contextlib.contextmanager
def _counting_on_others(
    said: str = "another process of this run has ended or does not answer",
) -> Iterator[None]:
    """Turn what ``torch.distributed`` says of ranks that are gone into words.

    Raises:
        RankLostError: another process has ended, or does not answer.
    """
    try:
        yield
    except RuntimeError as error:
        text = str(error).strip() or type(error).__name__
        # It begins with the place in gloo's sources where it was found.
        reason = re.sub(r"\[[^\]]*\.cc:\d+\] *", "", text.splitlines()[0])[:120]
        raise RankLostError(f"{said} ({reason})") from error


ALONE = Ranks(Place())
"""One process by itself."""
