"""Faults of the program itself: kept to one connection, message or rule, and told, never hidden."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from dissectors.text import safe

if TYPE_CHECKING:
    from analyzer.model import Connection

MAX_FAILURES: Final = 20
"""Listed; a fault that comes with every message is told of often enough."""
MAX_TEXT: Final = 200
Kind = Literal["reading", "decoding", "rule", "writing"]
UNWRITTEN: Final = "[not written: internal error]"
"""Stands where a message's text would be; what happened goes to standard error."""


@dataclass(slots=True)
class Failure:
    """An exception that nobody expected, and what was lost by it."""

    kind: Kind
    text: str
    connection: Connection | None


class Failures:
    """Those of a session, each kind and place once."""

    def __init__(self) -> None:
        self.found: list[Failure] = []

    def __bool__(self) -> bool:
        return bool(self.found)

    def add(self, kind: Kind, lost: str, error: Exception, connection: Connection | None) -> str:
        """Note an exception being handled and return its text; raise it again where somebody looks
        for faults (RTMP_ANALYZE_DEBUG=1), and always where there is no memory left.
        """
        if isinstance(error, MemoryError) or os.environ.get("RTMP_ANALYZE_DEBUG") == "1":
            raise error
        text = f"internal error: {type(error).__name__}: {safe(str(error))[:MAX_TEXT]}{_at(error)}"
        known = any(
            each.kind == kind and each.connection is connection and text in each.text
            for each in self.found
        )
        if not known and len(self.found) < MAX_FAILURES:
            self.found.append(Failure(kind, f"{lost}: {text}", connection))
        return text

    def of(self, *kinds: Kind) -> list[Failure]:
        return [each for each in self.found if each.kind in kinds]


def _at(error: Exception) -> str:
    """Return the innermost place, which makes a report useful."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return ""
    code = trace.tb_frame.f_code
    return f" ({Path(code.co_filename).name}:{trace.tb_lineno}, {code.co_name})"
