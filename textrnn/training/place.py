"""Where a process stands among those that train one model: what ``torchrun`` says in the environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from textrnn.errors import UsageError

__all__ = ["Place"]


@dataclass(frozen=True)
class Place:
    """A process among those that train one model together.

    Attributes:
        rank: Its number among all, from 0; the process with number 0 leads.
        size: How many there are.
        local_rank: Its number among those of its machine.
        local_size: How many there are on its machine.
    """

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    local_size: int = 1

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Place:
        """Read the variables that ``torchrun`` sets, as PyTorch documents them.

        Args:
            environment: ``RANK``, ``WORLD_SIZE``, ``LOCAL_RANK``, ``LOCAL_WORLD_SIZE``; without the
                second, or where it is 1, the process is alone.

        Raises:
            UsageError: they contradict each other.
        """
        size = _number(environment, "WORLD_SIZE", 1)
        if size <= 1:
            return cls()
        missing = [
            name for name in ("RANK", "MASTER_ADDR", "MASTER_PORT") if name not in environment
        ]
        if missing:
            raise UsageError(
                f"WORLD_SIZE is {size}, but {' and '.join(missing)} are not set; start the processes with "
                f"torchrun, or unset WORLD_SIZE to train in one"
            )
        rank = _number(environment, "RANK", 0)
        if rank >= size:
            raise UsageError(f"RANK is {rank}, but with WORLD_SIZE {size} it must be below that")
        return cls(
            rank,
            size,
            _number(environment, "LOCAL_RANK", 0),
            max(1, _number(environment, "LOCAL_WORLD_SIZE", 1)),
        )


def _number(environment: Mapping[str, str], name: str, default: int) -> int:
    text = environment.get(name, "").strip()
    if not text:
        return default
    if not (text.isascii() and text.isdecimal()):
        raise UsageError(
            f"{name} is {text!r} in the environment; it must be a whole number from 0 on"
        )
    return int(text)
