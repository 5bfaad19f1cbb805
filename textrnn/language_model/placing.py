"""Where a language model generates, and in which precision: on the CPU wherever torch need not be started."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textrnn.config import setting
from textrnn.errors import DeviceError, UsageError

__all__ = [
    "PRECISIONS",
    "PrecisionSettings",
    "pick_generation_device",
    "pick_generation_precision",
    "require_precision",
]

PRECISIONS = ("auto", "float32", "bf16", "int8")
"""What generation computes in; ``auto`` is float32, so that a seed's text is the same everywhere."""


@dataclass(frozen=True)
class PrecisionSettings:
    """What a trained language model computes in: the one declaration of ``--precision`` for its commands."""

    precision: str = setting(
        "auto",
        "Arithmetic of the steps on a CPU. int8 and bf16 are for large models, where the processor has "
        "instructions for them: small ones get slower, a seed gets another text, and the start takes a "
        "second longer. auto is float32.",
        section="machine",
        choices=PRECISIONS,
    )


_GPU_PARAMETERS = 30_000_000
"""Recurrent weights from which a step on a CPU takes milliseconds, and a GPU is worth starting."""


def pick_generation_device(device: str, tensors: Mapping[str, Any], precision: str = "auto") -> str:
    """Return the device to generate on: ``cpu`` wherever torch need not be started.

    Args:
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
        tensors: The model's weights.
        precision: What was asked for; ``auto`` takes the CPU for what is for CPUs only.

    Raises:
        UsageError: not the name of a device.
        DeviceError: no such device on this machine.
    """
    if device == "auto":
        recurrent = sum(t.size for name, t in tensors.items() if name.startswith("recurrent."))
        # A look at the driver instead of a question to torch, which takes seconds to start.
        is_gpu_likely = Path("/dev/nvidiactl").exists()
        is_for_cpus = precision in ("bf16", "int8")
        if is_for_cpus or recurrent < _GPU_PARAMETERS or not is_gpu_likely:
            return "cpu"
    elif device == "cpu":
        return device
    from textrnn.training.device import pick_device

    return str(pick_device(device))


def pick_generation_precision(precision: str, device: str, report: Callable[[str], None]) -> str:
    """Return the precision to generate in: float32 where the processor is not good at the one asked for.

    Args:
        precision: One of :data:`PRECISIONS`.
        device: As :func:`pick_generation_device` returns it.
        report: Is told in a line where it is another one than was asked for.

    Raises:
        UsageError: no such precision, or lower than float32 on another device than a CPU.
    """
    try:
        require_precision(precision, device)
    except DeviceError as error:
        report(f"{error}: the text is made in float32")
        return "float32"
    return "float32" if precision == "auto" else precision


def require_precision(precision: str, device: str) -> None:
    """Refuse a precision that the device is not good at.

    Args:
        precision: One of :data:`PRECISIONS`.
        device: As :func:`pick_generation_device` returns it.

    Raises:
        UsageError: no such precision, or lower than float32 on another device than a CPU.
        DeviceError: the processor, or this build of torch, has nothing fast for it.
    """
    if precision not in PRECISIONS:
        raise UsageError(f"precision is {precision!r}; it must be one of {', '.join(PRECISIONS)}")
    if precision in ("auto", "float32"):
        return
    if device != "cpu":
        raise UsageError(
            f"precision is {precision} and the device {device}, where all is float32: leave the "
            f"precision out, or take the device cpu"
        )
    missing = _missing_for_int8() if precision == "int8" else _missing_for_bf16()
    if missing:
        raise DeviceError(f"precision is {precision}, but this machine has no {missing}")


def _missing_for_int8() -> str:
    from textrnn.nn.products import is_int8_exact

    # What lacks VNNI overflows, and is little faster than float32 where it is kept from it.
    return "" if is_int8_exact() else "fast and exact products of int8 (AVX-512 VNNI or AMX)"


def _missing_for_bf16() -> str:
    import torch

    from textrnn.training.device import pick_precision

    # The products are oneDNN's, which not every build of torch has.
    is_fast = (
        torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
        and pick_precision("auto", torch.device("cpu")) == "bf16"
    )
    return "" if is_fast else "fast products of bf16 (AVX-512 BF16 or AMX)"
