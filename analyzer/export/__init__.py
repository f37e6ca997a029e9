"""Output formats, one file each. Nothing here imports textual or rich."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Final, NamedTuple, TextIO

if TYPE_CHECKING:
    from analyzer.check.outcome import Outcome
    from analyzer.export.request import Request
    from analyzer.session import Session

DETAILS: Final = ("summary", "messages", "fields", "bytes")
SEVERITIES: Final = ("note", "warning", "error")
"""Ascending."""


Write = Callable[["Session", TextIO, "Request"], None]
WriteOutcomes = Callable[["Sequence[Outcome]", TextIO, "Request"], None]


class Format(NamedTuple):
    """A row of the table of formats."""

    module: str
    function: str
    redacted: bool
    """Meant to leave the machine: redacted unless --no-redact."""
    judged: bool = False
    """Written from the outcomes of one or several captures, not from a session."""
    located: bool = False
    """Needs to know where frames stand in the file."""

    def write(self, session: Session, out: TextIO, request: Request) -> None:
        """Write the whole output."""
        if self.judged:
            from analyzer.check.outcome import Gate, judge

            outcome = judge(session, Gate(request.fail_on))
            if self.located:
                from analyzer.check.records import locate

                locate(outcome, request.captures)
            self.write_outcomes([outcome], out, request)
            return
        function: Write = getattr(import_module(self.module), self.function)
        session.bounds.writing = True
        try:
            function(session, out, request)
        finally:
            session.bounds.writing = False

    def write_outcomes(self, outcomes: Sequence[Outcome], out: TextIO, request: Request) -> None:
        """Write the whole output of a format that is `judged`."""
        function: WriteOutcomes = getattr(import_module(self.module), self.function)
        function(outcomes, out, request)


FORMATS: Final = {
    "summary": Format("analyzer.export.summary", "write", False),
    "list": Format("analyzer.export.listing", "write", False),
    "tree": Format("analyzer.export.tree", "write", False),
    "json": Format("analyzer.export.report", "write_document", True),
    "ndjson": Format("analyzer.export.report", "write_lines", True),
    "check": Format("analyzer.export.check", "write", False, judged=True),
    "github": Format("analyzer.export.github", "write", True, judged=True),
    "html": Format("analyzer.export.html", "write", True, judged=True),
    "markdown": Format("analyzer.export.markdown", "write", True, judged=True),
    "mermaid": Format("analyzer.export.mermaid", "write", True, judged=True),
    "sarif": Format("analyzer.export.sarif", "write", True, judged=True, located=True),
    "junit": Format("analyzer.export.junit", "write", True, judged=True),
}
