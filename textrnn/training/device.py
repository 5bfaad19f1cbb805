"""What this machine offers, and what a run will use of it."""

from __future__ import annotations

import contextlib
import os
import platform
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from textrnn.errors import DeviceError, UsageError
from textrnn.processors import available_processors, require_threads
from textrnn.training.place import Place

__all__ = [
    "DeviceFacts",
    "answering",
    "autocast",
    "device_facts",
    "finish",
    "is_out_of_memory",
    "own_device",
    "pick_device",
    "pick_precision",
    "product_type",
    "use_threads",
]


_OUT_OF_MEMORY = (
    "can't allocate memory",
    "not enough memory",
    "out of memory",
    "STATUS_ALLOC_FAILED",
)
"""What torch, MPS, CUDA, cuBLAS and cuDNN say where memory ran out."""


@dataclass(frozen=True)
class DeviceFacts:
    """A device as the planner sees it.

    Attributes:
        type: ``cpu``, ``cuda`` or ``mps``.
        name: The device as a person knows it.
        memory_bytes: What a run may use of it.
        threads: CPU threads.
        precision: ``float32`` or ``bf16``.
    """

    type: str
    name: str
    memory_bytes: int
    threads: int
    precision: str


def pick_device(name: str) -> torch.device:
    """Return the device that a setting names; ``auto`` takes the fastest there is.

    Raises:
        UsageError: not the name of a device.
        DeviceError: no such device on this machine.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda", 0)
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    kind, _, number = name.partition(":")
    if kind not in ("cpu", "cuda", "mps") or (
        number and not (kind == "cuda" and number.isdecimal())
    ):
        raise UsageError(f"--device {name}: it must be auto, cpu, cuda, cuda:N or mps")
    if kind == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if int(number or 0) >= count:
            there = f"{count} CUDA device(s)" if count else "no CUDA device"
            raise DeviceError(
                f"--device {name}: this machine has {there}; --device cpu always works"
            )
        return torch.device("cuda", int(number or 0))
    if kind == "mps" and not torch.backends.mps.is_available():
        raise DeviceError(f"--device {name}: not on this machine; --device cpu always works")
    return torch.device(kind)


def own_device(name: str, place: Place) -> str:
    """Return the device of a process, where a setting names one for all that train together.

    Args:
        name: ``auto``, ``cpu``, ``cuda``, …
        place: Where the process stands.

    Raises:
        DeviceError: they cannot share it.
    """
    if place.size == 1 or name == "cpu":
        return name
    if name == "mps" or (name == "auto" and torch.backends.mps.is_available()):
        raise DeviceError("several processes cannot train together on MPS: give --device cpu")
    if name.startswith("cuda:"):
        raise DeviceError(
            f"--device {name}: of several processes each takes the GPU of its number; give --device cuda, "
            f"and choose among GPUs with CUDA_VISIBLE_DEVICES"
        )
    has_gpu = name == "cuda" or torch.cuda.is_available()
    return f"cuda:{place.local_rank}" if has_gpu else "cpu"


def use_threads(threads: int | None, processes: int = 1) -> int:
    """Set the number of CPU threads; None takes the processors that this process may use.

    Args:
        threads: How many to use.
        processes: So many share the machine; none takes more than its share.

    Raises:
        UsageError: fewer than one thread.
    """
    share = max(1, available_processors() // processes)
    require_threads(threads)
    chosen = threads or share
    if processes > 1:
        chosen = min(chosen, share)
    torch.set_num_threads(chosen)
    return chosen


def pick_precision(setting: str, device: torch.device) -> str:
    """Return the precision of training.

    ``auto`` on a CPU takes bf16 where the processor has instructions for it (AVX-512-bf16, AMX): there it
    doubles the speed, elsewhere it costs. Where the system does not list them, a probe of some
    milliseconds decides.
    """
    if setting != "auto":
        return setting
    if device.type == "cuda":
        # It is asked of the present device.
        with torch.cuda.device(device):
            is_good = torch.cuda.is_bf16_supported(including_emulation=False)
        return "bf16" if is_good else "float32"
    if device.type == "mps":
        return "float32"
    flags = _processor_entry("flags")
    if flags is not None:
        return "bf16" if {"avx512_bf16", "amx_bf16"} & set(flags.split()) else "float32"
    pairs = [(_product_s(torch.bfloat16), _product_s(torch.float32)) for _ in range(16)]
    half, single = (min(times) for times in zip(*pairs, strict=True))
    return "bf16" if half < 0.75 * single else "float32"


def autocast(device: torch.device, precision: str) -> contextlib.AbstractContextManager[Any]:
    """Return the context in which a model computes in ``precision``."""
    if precision == "float32":
        return contextlib.nullcontext()
    return torch.autocast(device.type, torch.bfloat16)


def answering(device: torch.device, precision: str) -> contextlib.AbstractContextManager[Any]:
    """Return the context in which a trained model computes in ``precision``.

    As :func:`autocast`, but that GPUs compute float32 as such: in training cuDNN's layers may round to TF32.
    """
    if precision == "float32" and device.type == "cuda":
        return torch.backends.cudnn.flags(enabled=True, allow_tf32=False)
    return autocast(device, precision)


def product_type(precision: str) -> torch.dtype:
    """Return the type in which products are taken."""
    return torch.bfloat16 if precision == "bf16" else torch.float32


def device_facts(device: torch.device, precision: str, threads: int) -> DeviceFacts:
    """Return what the planner needs to know of the device."""
    if device.type == "cuda":
        properties = torch.cuda.get_device_properties(device)
        return DeviceFacts("cuda", properties.name, properties.total_memory, threads, precision)
    return DeviceFacts(device.type, _processor(), _memory_bytes(), threads, precision)


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an exception means that a device's memory ran out."""
    if isinstance(error, (torch.cuda.OutOfMemoryError, MemoryError)):
        return True
    return any(words in str(error) for words in _OUT_OF_MEMORY)


def finish(device: torch.device) -> None:
    """Wait until a device has done all that it was given to do; CPUs have."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def _product_s(dtype: torch.dtype) -> float:
    """Return the seconds of a matrix product."""
    a = torch.ones(256, 512, dtype=dtype)
    b = torch.ones(512, 512, dtype=dtype)
    begun = time.perf_counter()
    torch.mm(a, b)
    return time.perf_counter() - begun


def _memory_bytes() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return 8 << 30


def _processor() -> str:
    return _processor_entry("model name") or platform.processor() or platform.machine()


def _processor_entry(key: str) -> str | None:
    """Return what Linux says of the processor under a key, or None."""
    try:
        with Path("/proc/cpuinfo").open(encoding="utf-8") as lines:
            for line in lines:
                name, _, value = line.partition(":")
                if name.strip() == key:
                    return value.strip()
    except OSError:
        pass
    return None
