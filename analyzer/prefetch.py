"""Work on one item while the next one is being made."""

from __future__ import annotations

from collections.abc import Iterator
from queue import Queue
from threading import Thread
from typing import TypeVar

Item = TypeVar("Item")


def prefetched(items: Iterator[Item]) -> Iterator[Item]:
    """Yield `items`, made one ahead in a thread: reading and numpy leave the interpreter free.

    Order and exceptions are those of `items`.
    """
    ready: Queue[tuple[Item | None, BaseException | None]] = Queue(maxsize=1)
    wanted = True

    def make() -> None:
        try:
            for item in items:
                ready.put((item, None))
                if not wanted:
                    return
        except BaseException as error:
            ready.put((None, error))
        else:
            ready.put((None, None))

    Thread(target=make, name="prefetch", daemon=True).start()
    try:
        while True:
            item, error = ready.get()
            if error is not None:
                raise error
            if item is None:
                return
            yield item
    finally:
        wanted = False
        if not ready.empty():
            ready.get_nowait()
