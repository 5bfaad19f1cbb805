"""When the command began: time budgets count from here.

Import this module before anything that takes long.
"""

from __future__ import annotations

import os
import time

__all__ = ["seconds_since_start"]

_IMPORTED = time.monotonic()
_LONGEST_START_S = 5.0
"""A process that is older than this at import did something else before it became this command."""


def seconds_since_start() -> float:
    """Return the seconds since the process began; since this module's import where that is not known."""
    return time.monotonic() - _IMPORTED + _BEFORE_S


def _age_of_process() -> float:
    """Return how old the process is, from ``/proc``; 0 where the system does not say or it misleads."""
    try:
        with open("/proc/self/stat", "rb") as file:  # noqa: PTH123  (pathlib is slow to import)
            # The name in parentheses may hold anything; the start time is the 20th field after it.
            ticks = int(file.read().rpartition(b")")[2].split()[19])
        age = time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError, AttributeError):
        return 0.0
    return age if 0.0 <= age <= _LONGEST_START_S else 0.0


_BEFORE_S = _age_of_process()
