"""How a process that trains on CPUs deals with memory that its tensors leave behind."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable

__all__ = ["give_back_memory", "keep_freed_memory"]

# Of glibc's malloc.h.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_LARGEST_KEPT = 1 << 30
"""A larger block goes back to the system when it is freed, in bytes."""
_MOST_KEPT = (1 << 31) - 1
"""So much that lies free at the end of the heap is kept; the call knows no larger number."""


def keep_freed_memory() -> bool:
    """Let the C library keep freed blocks for the next step; they hold the same tensors again.

    By default glibc takes every block of more than 32 MB from the system and gives it back at once: each step
    then pays for the pages of all its large tensors anew, each found missing, zeroed and mapped at its first
    touch. That took a quarter to four tenths of a step's processor time (``benchmarks/README.md``). What
    is computed stays the same. Meant for steps whose tensors are alike: blocks of ever other sizes leave gaps
    that :func:`give_back_memory` returns. Does nothing where the C library is another than glibc.

    Returns:
        Whether the library has agreed.
    """
    mallopt = _glibc("mallopt")
    if mallopt is None:
        return False
    # The first call alone would end the library's own adapting, the second alone does little.
    kept = mallopt(_M_MMAP_THRESHOLD, _LARGEST_KEPT)
    return bool(mallopt(_M_TRIM_THRESHOLD, _MOST_KEPT) and kept)


def give_back_memory() -> None:
    """Return the pages of all free blocks to the system, so that gaps between tensors do not add up."""
    trim = _glibc("malloc_trim")
    if trim is not None:
        trim(0)


def _glibc(name: str) -> Callable[..., int] | None:
    """Return a function that glibc has beyond the standard, or None."""
    if not sys.platform.startswith("linux"):
        return None
    try:
        found: Callable[..., int] = getattr(ctypes.CDLL(None), name)
    except (OSError, AttributeError):
        return None
    return found
