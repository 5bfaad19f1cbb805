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
    that :func:`give_back_memory` returns. Does nothing where the C library is another than glibc, or an older
    one, which has no larger blocks than those 32 MB in its heap.

    Returns:
        Whether the library has agreed.
    """
    mallopt = _glibc("mallopt")
    # What it refuses changes nothing; the second call alone would end its own adapting, and leave every block
    # of more than 128 kB to the system.
    if mallopt is None or not mallopt(_M_MMAP_THRESHOLD, _LARGEST_KEPT):
        return False
    return bool(mallopt(_M_TRIM_THRESHOLD, _MOST_KEPT))


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
