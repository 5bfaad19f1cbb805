"""How many processors there are to work with."""

from __future__ import annotations

import os

from textrnn.errors import UsageError

__all__ = ["available_processors", "require_threads"]


def available_processors() -> int:
    """Return how many processors this process may use, at least 1."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS and Windows
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def require_threads(threads: int | None) -> None:
    """Refuse a number of threads that is none; None leaves it to others.

    Raises:
        UsageError: it is below 1.
    """
    if threads is not None and threads < 1:
        raise UsageError(f"threads is {threads}; it must be at least 1")
