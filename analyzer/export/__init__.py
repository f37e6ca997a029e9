"""Output formats, one file each. Nothing here imports textual or rich."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Final, NamedTuple, TextIO

if TYPE_CHECKING:
    from analyzer.export.request import Request
    from analyzer.session import Session

DETAILS: Final = ("summary", "messages", "fields", "bytes")
SEVERITIES: Final = ("note", "warning", "error")
"""Ascending."""


Write = Callable[["Session", TextIO, "Request"], None]


class Format(NamedTuple):
    """A row of the table of formats."""

    module: str
    function: str
    redacted: bool
    """Meant to leave the machine: redacted unless --no-redact."""

    def write(self, session: Session, out: TextIO, request: Request) -> None:
        """Write the whole output."""
        function: Write = getattr(import_module(self.module), self.function)
        function(session, out, request)


FORMATS: Final = {
    "summary": Format("analyzer.export.summary", "write", False),
    "list": Format("analyzer.export.listing", "write", False),
    "tree": Format("analyzer.export.tree", "write", False),
    "json": Format("analyzer.export.report", "write_document", True),
    "ndjson": Format("analyzer.export.report", "write_lines", True),
    "check": Format("analyzer.export.verdict", "write", False),
}
