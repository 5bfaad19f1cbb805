"""How a process that trains on CPUs deals with memory that its tensors leave behind."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable
from pathlib import Path

__all__ = ["LeftMemory", "give_back_memory", "keep_freed_memory"]

# Of glibc's malloc.h.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_LARGEST_KEPT = 1 << 30
"""A larger block goes back to the system when it is freed, in bytes."""
_MOST_KEPT = (1 << 31) - 1
"""So much that lies free at the end of the heap is kept; the call knows no larger number."""
_STATM = Path("/proc/self/statm")
"""The process's sizes in pages; of the whole, in memory, shared with files, and others."""
_MOST_LEFT, _SPARE = 1.25, 128 << 20
"""What steps leave may make the process so many times as large as one step does, and as many bytes more."""


def keep_freed_memory() -> bool:
    """Let the C library keep freed blocks for the next step; they hold the same tensors again.

    By default glibc takes every block of more than 32 MB from the system and gives it back at once: each step
    then pays for the pages of all its large tensors anew, each found missing, zeroed and mapped at its first
    touch. That took a quarter to four tenths of a step's processor time (``benchmarks/README.md``). What
    is computed stays the same. Blocks of ever other sizes leave gaps, which :class:`LeftMemory` bounds. Does
    nothing where the C library is another than glibc, or an older one, which has no larger blocks than those
    32 MB in its heap.

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


class LeftMemory:
    """Bounds what steps leave behind.

    Where tensors have ever other sizes, what one step left fits the next one's badly, and more is taken from
    the system with every step. So once the process has become much larger than a step by itself makes it, all
    that is free goes back.
    """

    def __init__(self) -> None:
        self._largest = 0
        self._is_fresh = True

    def after_step(self) -> None:
        """Look at what a step has left, and give it back where it is too much."""
        own = _own_bytes()
        if self._is_fresh:
            # A step that found nothing left shows what a step takes.
            self._largest = max(self._largest, own)
            self._is_fresh = False
        elif own > _MOST_LEFT * self._largest + _SPARE:
            give_back_memory()
            self._is_fresh = True


def _own_bytes() -> int:
    """Return the memory that the process holds, mapped files left out; 0 where the system does not tell."""
    if not sys.platform.startswith("linux"):
        return 0
    try:
        _, resident, shared, *_ = map(int, _STATM.read_bytes().split())
    except OSError:
        return 0
    return (resident - shared) * os.sysconf("SC_PAGE_SIZE")


def _glibc(name: str) -> Callable[..., int] | None:
    """Return a function that glibc has beyond the standard, or None."""
    if not sys.platform.startswith("linux"):
        return None
    try:
        found: Callable[..., int] = getattr(ctypes.CDLL(None), name)
    except (OSError, AttributeError):
        return None
    return found
