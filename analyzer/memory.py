"""What the C library does with memory that is free again."""

from __future__ import annotations

import sys
from typing import Final

LARGE: Final = 1 << 20
"""Bytes from which on a block is worth a call of the system."""
_MMAP_THRESHOLD: Final = -3
"""`M_MMAP_THRESHOLD` of glibc's malloc.h."""


def give_back() -> None:
    """Give back what is free by now, and from now on every large block as soon as it is free.

    glibc would raise the limit to 32 MiB by itself and keep what lies between arrays in use: a
    quarter of the memory of a large capture. Not while it is being read: the same few blocks
    serve over and over then. Other C libraries are left as they are.
    """
    if sys.platform != "linux":
        return
    import ctypes  # numpy has imported it

    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        libc.mallopt(_MMAP_THRESHOLD, LARGE)
        libc.malloc_trim(0)
