"""What the C library does with memory that is free again."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ctypes import CDLL

LARGE: Final = 1 << 20
"""Bytes from which on a block is worth a call of the system."""
KEPT: Final = 24 << 20
"""Free bytes kept while a capture is read: a few of its blocks, which come again and again."""
_TRIM_THRESHOLD: Final = -1
_MMAP_THRESHOLD: Final = -3
"""`M_TRIM_THRESHOLD` and `M_MMAP_THRESHOLD` of glibc's malloc.h."""


def keep_blocks() -> None:
    """Keep large blocks that were freed for the next ones, before a capture is read: else the
    system hands out and clears the same pages for every one, a twentieth of the time.
    """
    _set(KEPT, KEPT // 2)


def give_back() -> None:
    """Give back what is free by now, and from now on every large block as soon as it is free.

    What lies between arrays in use is a quarter of the memory of a large capture.
    """
    libc = _set(LARGE, LARGE)
    if libc is not None:
        libc.malloc_trim(0)


def _set(trim: int, mmap: int) -> CDLL | None:
    """Set glibc's limits, bytes; other C libraries are left as they are."""
    if sys.platform != "linux":
        return None
    import ctypes  # numpy has imported it

    libc = ctypes.CDLL(None)
    if not hasattr(libc, "mallopt"):
        return None
    libc.mallopt(_TRIM_THRESHOLD, trim)
    libc.mallopt(_MMAP_THRESHOLD, mmap)
    return libc
