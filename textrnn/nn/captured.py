"""Functions of tensors replayed as CUDA graphs: one launch for all kernels of a generation step.

A step of a recurrent network is dozens of small kernels, each of which takes a GPU less time than launching
it takes the processor. A graph keeps the kernels and the memory that they work on, and launches them at once;
what goes in and comes out is copied to and from that memory.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["Captured", "Recorded", "record"]

Function = Callable[..., tuple[Tensor, ...]]
Shapes = tuple[torch.Size, ...]

_CALLS_FIRST = 8
"""Calls with the same shapes before one is recorded: what comes seldom is not worth the time."""
_MOST_GRAPHS = 16
"""Graphs that are kept; the one that was used longest ago goes first."""
_WARM_UP = 3
"""Calls that libraries are given to choose kernels and workspaces, as PyTorch's notes on CUDA graphs say."""


class Recorded(NamedTuple):
    """A recorded call.

    Attributes:
        inputs: The tensors that it reads.
        replay: Does all that the function did, on the same memory.
        outputs: The tensors that it writes.
    """

    inputs: tuple[Tensor, ...]
    replay: Callable[[], None]
    outputs: tuple[Tensor, ...]


class Captured:
    """A function of tensors which on a GPU is recorded for each shape that comes often, and then replayed.

    Args:
        function: Takes tensors of one device and returns tensors of it. Reads no values on the host, and
            does the same kernels for the same shapes.
        record: What records a call of it; see :func:`record`. None calls the function each time.
    """

    def __init__(
        self,
        function: Function,
        record: Callable[[Function, tuple[Tensor, ...]], Recorded] | None,
    ) -> None:
        self._function = function
        self._record = record
        self._calls: dict[Shapes, int] = {}
        self._graphs: dict[Shapes, Recorded] = {}

    def __call__(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        """Return what the function returns, in memory of its own."""
        if self._record is None:
            return self._function(*tensors)
        shapes = tuple(tensor.shape for tensor in tensors)
        recorded = self._graphs.pop(shapes, None)
        if recorded is None:
            calls = self._calls[shapes] = self._calls.get(shapes, 0) + 1
            if calls <= _CALLS_FIRST:
                return self._function(*tensors)
            del self._calls[shapes]
            while len(self._graphs) >= _MOST_GRAPHS:
                del self._graphs[next(iter(self._graphs))]
            try:
                recorded = self._record(self._function, tensors)
            except RuntimeError:
                # A graph only saves time: where there is no memory or no support for it, all goes on without.
                self._record = None
                return self._function(*tensors)
        # The last of a dict is the one that was put into it last.
        self._graphs[shapes] = recorded
        for kept, given in zip(recorded.inputs, tensors, strict=True):
            kept.copy_(given)
        recorded.replay()
        return tuple(output.clone() for output in recorded.outputs)


def record(function: Function, tensors: tuple[Tensor, ...]) -> Recorded:
    """Record a call as a CUDA graph.

    Args:
        function: As for :class:`Captured`.
        tensors: What it is called with; the recording keeps copies. They name the GPU.

    Raises:
        RuntimeError: the function does what cannot be recorded, or memory does not suffice.
    """
    inputs = tuple(tensor.clone() for tensor in tensors)
    with torch.cuda.device(inputs[0].device):
        now, aside = torch.cuda.current_stream(), torch.cuda.Stream()  # type: ignore[no-untyped-call]
        aside.wait_stream(now)
        with torch.cuda.stream(aside):
            for _ in range(_WARM_UP):
                function(*inputs)
        now.wait_stream(aside)
        graph = torch.cuda.CUDAGraph()
        # Other threads may use the GPU meanwhile.
        with torch.cuda.graph(graph, capture_error_mode="thread_local"):
            outputs = function(*inputs)
    return Recorded(inputs, graph.replay, outputs)
