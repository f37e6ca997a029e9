"""Annotations of GitHub Actions: a workflow command per finding and failed assertion."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, TextIO

from analyzer.check.outcome import FAIL, INCONCLUSIVE, UNREADABLE, Outcome
from analyzer.export.check import finding, why
from analyzer.export.request import Request
from dissectors.text import safe

MAX_ANNOTATIONS: Final = 50
"""Findings of a capture, worst first: GitHub shows ten of a step."""
_LEVELS: Final = {"error": "error", "warning": "warning", "note": "notice"}
_TEXT: Final = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})
_PROPERTY: Final = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A", ":": "%3A", ",": "%2C"})


def write(outcomes: Sequence[Outcome], out: TextIO, request: Request) -> None:
    """Write the commands, and last of each capture its verdict in a line."""
    for outcome in outcomes:
        for line in _commands(outcome, request):
            out.write(line + "\n")


def _commands(outcome: Outcome, request: Request) -> Iterator[str]:
    name = request.shown(safe(outcome.place))
    causes = [item for item in outcome.ranked if item.cause is None]
    for item in causes[:MAX_ANNOTATIONS]:
        known = item.id in outcome.known
        level = "notice" if known else _LEVELS[item.severity]
        text = request.shown(finding(item)) + (" (known)" if known else "")
        if item.help and not known:
            text += f"\nTry: {safe(item.help)}"
        yield _command(level, name, f"{item.rule} {item.title}", text)
    for check in outcome.checks:
        what = request.shown(safe(check.name or f"{check.kind} {check.text}"))
        text = f"{request.shown(safe(check.text))}: {request.shown(safe(check.why))}"
        if check.status == FAIL:
            yield _command(_LEVELS[check.severity], name, what, text)
        elif check.status == INCONCLUSIVE:
            yield _command("warning", name, f"inconclusive: {what}", text)
    if outcome.status == UNREADABLE or (outcome.status == INCONCLUSIVE and not outcome.checks):
        level = "error" if outcome.status == UNREADABLE else "warning"
        yield _command(level, name, outcome.status, request.shown(safe(outcome.reason)))
    # A line of its own that no command can hide in: captured names come after a colon.
    yield f"rtmp-analyze: {outcome.status}: {name}: {request.shown(why(outcome))}"


def _command(level: str, file: str, title: str, text: str) -> str:
    properties = f"file={file.translate(_PROPERTY)},title={title.translate(_PROPERTY)}"
    return f"::{level} {properties}::{text.translate(_TEXT)}"
