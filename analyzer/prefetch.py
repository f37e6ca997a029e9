"""Work on one item while the next one is being made: in a thread, or in a process of its own."""

from __future__ import annotations

import os
import pickle
import signal
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import suppress
from queue import SimpleQueue
from threading import Thread
from typing import BinaryIO, Generic, NoReturn, TypeVar

from analyzer.interrupt import SIGNALS

Item = TypeVar("Item")

PIPE = 1 << 20
"""Bytes of items that wait in the pipe; Linux gives 64 KB unless asked."""


def in_thread(items: Iterator[Item]) -> Iterator[Item]:
    """Yield `items`, made one ahead in a thread: waiting and numpy leave the interpreter free.

    Order and exceptions are those of `items`.
    """
    # Queues without locks in Python: Ctrl-C may come anywhere, and no lock stays taken.
    ready: SimpleQueue[tuple[Item | None, BaseException | None]] = SimpleQueue()
    wanted: SimpleQueue[bool] = SimpleQueue()

    def make() -> None:
        try:
            for item in items:
                ready.put((item, None))
                if not wanted.get():
                    return
        except BaseException as error:
            ready.put((None, error))
        else:
            ready.put((None, None))

    Thread(target=make, name="prefetch", daemon=True).start()
    try:
        wanted.put(True)
        while True:
            item, error = ready.get()
            if error is not None:
                raise error
            if item is None:
                return
            wanted.put(True)
            yield item
    finally:
        wanted.put(False)


def can_fork() -> bool:
    """Whether a forked child is safe here, and would have a processor of its own."""
    if sys.platform != "linux" or threading.active_count() > 1:
        return False
    return len(os.sched_getaffinity(0)) > 1


class Process(Generic[Item]):
    """A forked child that makes `items` ahead, from now on; they come as pickles, once.

    Order and exceptions are those of `items`; whatever else making them changes stays in the
    child, so an item must carry it.
    """

    def __init__(self, items: Iterator[Item]) -> None:
        reading, writing = os.pipe()
        # None may find the child with the parent's answers to them.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        try:
            with warnings.catch_warnings():
                # numpy's idle threads are meant; the child calls nothing of theirs.
                warnings.simplefilter("ignore", DeprecationWarning)
                self._child = os.fork()
            if not self._child:
                os.close(reading)
                _make(items, writing)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        os.close(writing)
        self._pipe = os.fdopen(reading, "rb", buffering=PIPE)
        self._closing = threading.Lock()

    def __iter__(self) -> Iterator[Item]:
        try:
            while (item := self._next()) is not None:
                yield item
        finally:
            self.close()

    def _next(self) -> Item | None:
        item: Item | None
        try:
            item, error = pickle.load(self._pipe)
        except EOFError:
            raise MemoryError("the reading process was killed") from None
        if error is not None:
            raise error
        return item

    def close(self) -> None:
        """End the child, wherever it is. From any thread."""
        with self._closing:
            if not self._pipe.closed:
                self._pipe.close()
                os.waitpid(self._child, 0)  # the closed pipe ends it, if it did not end by itself


def _make(items: Iterator[Item], writing: int) -> NoReturn:
    """Be the child: send the items, then leave without touching what belongs to the parent."""
    import fcntl  # not on every system, unlike this module

    try:
        for number in SIGNALS:  # the parent answers them; the pipe that it closes ends this
            signal.signal(number, signal.SIG_IGN)
        with suppress(OSError):  # more than a user may have
            fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, PIPE)
        with os.fdopen(writing, "wb") as pipe:
            try:
                for item in items:
                    _send(pipe, (item, None))
                _send(pipe, (None, None))
            except BrokenPipeError:
                raise
            except Exception as error:
                _send(pipe, (None, error))
    finally:
        os._exit(0)


def _send(pipe: BinaryIO, what: object) -> None:
    pickle.dump(what, pipe, pickle.HIGHEST_PROTOCOL)
    pipe.flush()
