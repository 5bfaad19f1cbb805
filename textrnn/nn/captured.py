"""Functions of tensors replayed as CUDA graphs: one launch for all kernels of a generation step.

A step of a recurrent network is dozens of small kernels, each of which takes a GPU less time than launching
it takes the processor. A graph keeps the kernels and the memory that they work on, and launches them at once;
what goes in and comes out is copied to and from that memory.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["Captured", "Recorded", "record"]

Function = Callable[..., tuple[Tensor, ...]]
Shapes = tuple[torch.Size, ...]

_CALLS_IN_A_ROW = 16
"""After so many calls with the same shapes one is recorded: what comes seldom is not worth the time."""
_MOST_GRAPHS = 16
"""Graphs that are kept; the one that was used longest ago goes first."""
_WARM_UP = 3
"""Calls that libraries are given to choose kernels and workspaces, as PyTorch's notes on CUDA graphs say."""

_recording = threading.Lock()
_streams: dict[torch.device, torch.cuda.Stream] = {}
"""Of each GPU, the one stream that calls are recorded on: each stream has workspaces of its own."""


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
    """A function of tensors which on a GPU is recorded for shapes that come again and again, and replayed.

    Several threads may call it; they take turns.

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
        self._turn = threading.Lock()
        self._last: Shapes = ()
        self._in_a_row = 0
        self._graphs: dict[Shapes, Recorded] = {}

    def __call__(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        """Return what the function returns, in memory of its own."""
        if self._record is None:
            return self._function(*tensors)
        with self._turn:
            recorded = self._recorded(tensors)
            if recorded is None:
                return self._function(*tensors)
            for kept, given in zip(recorded.inputs, tensors, strict=True):
                kept.copy_(given)
            recorded.replay()
            return tuple(output.clone() for output in recorded.outputs)

    def _recorded(self, tensors: tuple[Tensor, ...]) -> Recorded | None:
        """Return the recording of a call like this one, made now if it is time; None without."""
        shapes = tuple(tensor.shape for tensor in tensors)
        self._in_a_row = self._in_a_row + 1 if shapes == self._last else 1
        self._last = shapes
        recorded = self._graphs.pop(shapes, None)
        if recorded is None and self._record is not None and self._in_a_row > _CALLS_IN_A_ROW:
            while len(self._graphs) >= _MOST_GRAPHS:
                del self._graphs[next(iter(self._graphs))]
            try:
                recorded = self._record(self._function, tensors)
            except RuntimeError as error:
                # A graph only saves time: where there is no memory or no support for it, all goes on without.
                self._record = None
                self._graphs.clear()
                warnings.warn(f"steps are not replayed as CUDA graphs: {error}", stacklevel=4)
        if recorded is not None:
            # The last of a dict is the one that was put into it last.
            self._graphs[shapes] = recorded
        return recorded


def record(function: Function, tensors: tuple[Tensor, ...]) -> Recorded:
    """Record a call as a CUDA graph.

    Args:
        function: As for :class:`Captured`.
        tensors: What it is called with; the recording keeps copies. They name the GPU.

    Raises:
        RuntimeError: the function does what cannot be recorded, or memory does not suffice.
    """
    inputs = tuple(tensor.clone() for tensor in tensors)
    device = inputs[0].device
    with _recording, torch.cuda.device(device):
        aside = _streams.get(device)
        if aside is None:
            aside = _streams[device] = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        aside.wait_stream(torch.cuda.current_stream())
        graph = torch.cuda.CUDAGraph()
        # The stream is given back even where a recording fails, as that of torch.cuda.graph is not.
        with torch.cuda.stream(aside):
            for _ in range(_WARM_UP):
                function(*inputs)
            torch.cuda.synchronize()
            # Other threads may use the GPU meanwhile.
            graph.capture_begin(capture_error_mode="thread_local")
            try:
                outputs = function(*inputs)
            finally:
                graph.capture_end()
        torch.cuda.current_stream().wait_stream(aside)
    return Recorded(inputs, graph.replay, outputs)
