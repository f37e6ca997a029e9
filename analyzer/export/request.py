"""How an output is wanted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dissectors.text import safe

if TYPE_CHECKING:
    from analyzer.check.outcome import Outcome
    from analyzer.filters import Filter
    from analyzer.index import Array
    from analyzer.redact import Redactor
    from analyzer.session import Session
    from dissectors.fields import Field


@dataclass(slots=True)
class Request:
    """How one output is wanted."""

    filter: Filter | None = None
    detail: str = "messages"
    plumbing: bool = False
    """Trees show AMF markers and lengths."""
    hexdump: bool = False
    """Trees show the bytes of the body."""
    color: bool = False
    redactor: Redactor | None = None
    outcome: Outcome | None = None
    """What `check` says of the session; None where nothing was asked."""
    captures: Sequence[str] = ()
    """Paths as given."""
    fail_on: str = "error"
    """Findings of this severity or worse make the verdict ``fail``."""

    def rows(self, session: Session) -> Array:
        """Return the rows to write, in output order."""
        rows = session.order()
        return rows if self.filter is None else self.filter.rows(session, rows)

    def shown(self, text: str) -> str:
        """Return captured text as it may be shown."""
        return text if self.redactor is None else self.redactor.text(text)

    def label(self, field: Field) -> str:
        """Return a field's label as a tree may show it on a terminal."""
        return safe(field.label if self.redactor is None else self.redactor.label(field))

    def hidden_bytes(self, session: Session, row: int, body: bytes) -> list[tuple[int, int]]:
        """Return (start, length) of what a hex dump of a body must not show."""
        if self.redactor is None:
            return []
        return self.redactor.hidden_bytes(body, self.redactor.unread(session, row))
