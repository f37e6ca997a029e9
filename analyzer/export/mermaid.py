"""A sequence diagram in Mermaid's language: who said what, in order, connection by connection."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final, TextIO

from analyzer.check.outcome import ConnectionOutcome, Outcome
from analyzer.check.sequence import Step
from analyzer.check.stages import line
from analyzer.export.check import why
from analyzer.export.request import Request
from analyzer.export.tree import seconds
from dissectors.text import safe

MAX_CONNECTIONS: Final = 20
"""Of all captures together."""
MAX_SIZE: Final = 45_000
"""Characters: Mermaid draws no diagram of more than 50,000 (`maxTextSize`)."""
WIDTH: Final = 120
"""Characters of a label."""
_PLAIN: Final = re.compile(r"[^\w .,=/()→✓✗?'‹›…-]")


def write(outcomes: Sequence[Outcome], out: TextIO, request: Request) -> None:
    """Write one diagram: a file holds no second one. A connection has its own two participants,
    a capture without connections one."""
    out.write("sequenceDiagram\n")
    number = size = 0
    left = sum(outcome.more_connections for outcome in outcomes)
    for outcome in outcomes:
        parts = [_connection(each, outcome, request) for each in outcome.connections]
        for part in parts or [_nothing(outcome, request)]:
            lines = [text.replace("@", str(number)) for text in part]
            size += sum(len(text) + 5 for text in lines)
            if number == MAX_CONNECTIONS or (number and size > MAX_SIZE):
                left += 1
                continue
            number += 1
            out.writelines(f"    {text}\n" for text in lines)
    if left:
        out.write(f"    participant M as and {left} more\n")


def escaped(request: Request, text: str) -> str:
    """Return captured text as a label: whatever means something to Mermaid by its number."""
    shown = request.shown(safe(text))
    if len(shown) > WIDTH:
        shown = shown[:WIDTH] + "…"
    shown = _PLAIN.sub(lambda match: f"#{ord(match[0])};", shown)
    # A label that is a keyword, as `end`, would close a block.
    return re.sub(r"\bend\b", "e#110;d", shown, flags=re.IGNORECASE)


def _nothing(outcome: Outcome, request: Request) -> Iterator[str]:
    yield f"participant X@ as capture {escaped(request, outcome.name)}"
    yield f"Note over X@: {outcome.status}, {escaped(request, why(outcome))}"


def _connection(connection: ConnectionOutcome, outcome: Outcome, request: Request) -> Iterator[str]:
    """Yield its statements; `@` stands for its number in the diagram: no label has one."""
    yield f"participant C@ as client {escaped(request, connection.client)}"
    yield f"participant S@ as server {escaped(request, connection.server)}"
    yield f"Note over C@,S@: {connection.id} of {escaped(request, outcome.name)}"
    yield f"Note over C@,S@: {escaped(request, line(connection.stages))}"
    for step in connection.steps:
        yield _step(step, request)
    if connection.closed_by:
        who, _, how = connection.closed_by.partition(".")
        arrow = "C@-xS@" if who == "client" else "S@-xC@"
        yield f"{arrow}: {how.upper()}"
    verdict = connection.verdict
    yield f"Note over C@,S@: {verdict.status}, {escaped(request, verdict.text)}"


def _step(step: Step, request: Request) -> str:
    if not step.text:
        return f"Note over C@,S@: … {step.messages} messages"
    arrow = "S@" if step.direction else "C@"
    other = "C@" if step.direction else "S@"
    line_ = "--)" if step.media else "->>"
    place = f"{seconds(step.time_ns)} s, frame {step.frame}"
    return f"{arrow}{line_}{other}: {escaped(request, step.text)} ({place})"
