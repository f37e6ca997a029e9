"""Sequence diagrams in Mermaid's language, one per connection: who said what, in order."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final, TextIO

from analyzer.check.outcome import ConnectionOutcome, Outcome
from analyzer.check.sequence import Step
from analyzer.check.stages import line
from analyzer.export.request import Request
from analyzer.export.tree import seconds
from dissectors.text import safe

MAX_CONNECTIONS: Final = 20
WIDTH: Final = 120
"""Characters of a label."""
_PLAIN: Final = re.compile(r"[^\w .,=/()→✓✗?'‹›…-]")


def write(outcomes: Sequence[Outcome], out: TextIO, request: Request) -> None:
    """Write the diagrams, separated by an empty line; a comment before each names it."""
    first = True
    for outcome in outcomes:
        for connection in outcome.connections[:MAX_CONNECTIONS]:
            if not first:
                out.write("\n")
            first = False
            for text in diagram(outcome, connection, request):
                out.write(text + "\n")


def escaped(request: Request, text: str) -> str:
    """Return captured text as a label: whatever means something to Mermaid by its number."""
    shown = request.shown(safe(text))
    if len(shown) > WIDTH:
        shown = shown[:WIDTH] + "…"
    shown = _PLAIN.sub(lambda match: f"#{ord(match[0])};", shown)
    # A label that is a keyword, as `end`, would close a block.
    return re.sub(r"\bend\b", "e#110;d", shown, flags=re.IGNORECASE)


def diagram(outcome: Outcome, connection: ConnectionOutcome, request: Request) -> Iterator[str]:
    """Yield the lines of one diagram."""
    yield "sequenceDiagram"
    yield f"    %% {connection.id} of {escaped(request, outcome.name)}"
    yield f"    participant C as client {escaped(request, connection.client)}"
    yield f"    participant S as server {escaped(request, connection.server)}"
    yield f"    Note over C,S: {escaped(request, line(connection.stages))}"
    for step in connection.steps:
        yield "    " + _step(step, request)
    if connection.closed_by:
        who, _, how = connection.closed_by.partition(".")
        arrow = "C-xS" if who == "client" else "S-xC"
        yield f"    {arrow}: {how.upper()}"
    verdict = connection.verdict
    yield f"    Note over C,S: {verdict.status}, {escaped(request, verdict.text)}"


def _step(step: Step, request: Request) -> str:
    if not step.text:
        return f"Note over C,S: … {step.messages} messages"
    arrow = "S" if step.direction else "C"
    other = "C" if step.direction else "S"
    line_ = "--)" if step.media else "->>"
    place = f"{seconds(step.time_ns)} s, frame {step.frame}"
    return f"{arrow}{line_}{other}: {escaped(request, step.text)} ({place})"
