"""Ctrl-C, and the other signals by which one asks a program to end.

The program leaves at once, having removed what nobody needs after it. An exception would be no
better and could be lost: in a callback, in an import, in a lock that stays taken. Only an input
without end stops instead, so that its report follows, and the terminal interface gets an
exception, for it must give the terminal back.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Final

INTERRUPTED: Final = 130
"""The shell's code of a program that Ctrl-C ended: 128 and the signal's number."""
SIGNALS: Final = tuple(
    number
    for name in ("SIGINT", "SIGTERM", "SIGHUP")
    if (number := getattr(signal, name, None)) is not None
)
"""Ctrl-C, what a service manager sends, a terminal that was closed."""
AGAIN_S: Final = 0.5
"""A second signal within this time is not meant as one: `timeout -s INT` sends its own twice."""

remains: Final[set[Callable[[], object]]] = set()
"""What ends processes, removes files and clears what nobody needs after the program."""
_USUAL: Final = (signal.SIG_DFL, signal.default_int_handler)
_asked: list[float] = []
"""When a signal came last that counted."""


def at_once() -> None:
    """Have a signal end the program from here on."""
    for number in SIGNALS:
        if signal.getsignal(number) in _USUAL:  # else ignored: by nohup, for a job behind &
            signal.signal(number, _leave)


@contextmanager
def raised() -> Iterator[None]:
    """Make an exception of a signal: `KeyboardInterrupt`, with the number."""
    with _handled(_raise, [each for each in SIGNALS if signal.getsignal(each) is _leave]):
        yield


@contextmanager
def stopping(stop: Callable[[], None]) -> Iterator[None]:
    """Call `stop` at the first signal; a later one ends the program.

    As tcpdump does, whatever Ctrl-C did before: scripts capture in the background, where a shell
    has it ignored. Only from nohup a closed terminal goes on being ignored.
    """
    stopped: list[int] = []

    def handle(number: int, frame: FrameType | None) -> None:
        if stopped:
            _leave(number, frame)
        elif _counts():
            stopped.append(number)
            stop()

    asking = (signal.SIGINT, signal.SIGTERM)
    ignored = [number for number in SIGNALS if signal.getsignal(number) is signal.SIG_IGN]
    with _handled(handle, [each for each in SIGNALS if each in asking or each not in ignored]):
        yield


@contextmanager
def held() -> Iterator[None]:
    """Put off a signal until the block, a short one, has added to `remains`."""
    if threading.current_thread() is not threading.main_thread():
        yield  # signals are answered in the main thread
        return
    waiting: list[int] = []
    numbers = [number for number in SIGNALS if callable(signal.getsignal(number))]
    with _handled(lambda number, _: waiting.append(number), numbers):
        yield
    if waiting:
        signal.raise_signal(waiting[0])


def over() -> None:
    """All is done: how the program is asked to end changes nothing about its exit code."""
    for number in SIGNALS:
        if signal.getsignal(number) is _leave:
            signal.signal(number, signal.SIG_IGN)
    _sweep()


def exit_code(interrupt: KeyboardInterrupt) -> int:
    """Return the exit code of a program that a signal ended."""
    return 128 + int(interrupt.args[0]) if interrupt.args else INTERRUPTED


@contextmanager
def _handled(
    handler: Callable[[int, FrameType | None], object], numbers: list[signal.Signals]
) -> Iterator[None]:
    before = [(number, signal.signal(number, handler)) for number in numbers]
    try:
        yield
    finally:
        for number, known in before:
            if known is not None:  # set by no Python code
                signal.signal(number, known)


def _leave(number: int, frame: FrameType | None) -> None:
    if _counts():
        _sweep()
        os._exit(128 + number)


def _raise(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt(number)


def _counts() -> bool:
    """Whether a signal that came now is not the second one of two that mean one."""
    now = time.monotonic()
    if _asked and now - _asked[0] <= AGAIN_S:
        return False
    _asked[:] = [now]
    return True


def _sweep() -> None:
    while remains:
        # The latter where what was interrupted writes to the same stream.
        with suppress(OSError, RuntimeError):
            remains.pop()()
