"""Where the interface is drawn."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def on_the_terminal() -> Iterator[None]:
    """Draw on standard output, a terminal, where standard error is none (``2>err.log``).

    Textual takes the latter. What the program has to say still goes there.
    """
    before = sys.__stderr__
    if before is not None and before.isatty():
        yield
        return
    number = os.dup(sys.stdout.fileno())
    with os.fdopen(number, "w", encoding="utf-8", errors="backslashreplace") as terminal:
        sys.__stderr__ = terminal  # type: ignore[misc]
        try:
            yield
        finally:
            sys.__stderr__ = before  # type: ignore[misc]
