"""Ctrl-C while modules are still being imported, some of which turn it into errors of theirs."""

import os
import signal
from types import FrameType
from typing import Final

INTERRUPTED: Final = 130


def at_once() -> None:
    """Leave without a word on Ctrl-C: nothing has begun yet."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _leave)


def in_order() -> None:
    """Let Ctrl-C end the work in order from here on."""
    if signal.getsignal(signal.SIGINT) is _leave:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _leave(number: int, frame: FrameType | None) -> None:
    os._exit(INTERRUPTED)
