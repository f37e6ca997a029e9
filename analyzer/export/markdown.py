"""A Markdown summary, for pull requests, issues and GITHUB_STEP_SUMMARY."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final, TextIO

from analyzer.check.outcome import FAIL, INCONCLUSIVE, PASS, UNREADABLE, ConnectionOutcome, Outcome
from analyzer.check.stages import line
from analyzer.export.check import title, why
from analyzer.export.request import Request
from analyzer.export.tree import seconds
from dissectors.text import safe

MARKS: Final = {PASS: "✅", FAIL: "❌", INCONCLUSIVE: "❔", UNREADABLE: "❌"}
MAX_ROWS: Final = 200
"""Rows of a table: GitHub cuts a step's summary at 1 MiB."""
_SPECIAL: Final = re.compile(r"([\\`*_{}\[\]()<>#!|~$&@:])")
"""What means something in the middle of a line; no captured text begins one."""


def write(outcomes: Sequence[Outcome], out: TextIO, request: Request) -> None:
    """Write a table of the captures where there are several, then a section for each."""
    if len(outcomes) > 1:
        rows = [
            (MARKS[o.status], o.status, escaped(request, o.name), escaped(request, why(o)))
            for o in outcomes
        ]
        out.writelines(line + "\n" for line in _table(("", "verdict", "capture", "findings"), rows))
        out.write("\n")
    for outcome in outcomes:
        out.writelines(line + "\n" for line in _capture(outcome, request))


def escaped(request: Request, text: str) -> str:
    """Return captured text that Markdown shows as it is: no link, mention, table or HTML."""
    shown = _SPECIAL.sub(r"\\\1", request.shown(safe(text)))
    # GitHub makes a mention of @name even behind a backslash, and links of bare addresses.
    return shown.replace("\\@", "&#64;").replace("\\:", "&#58;").replace("www.", "www&#46;")


def _capture(outcome: Outcome, request: Request) -> Iterator[str]:
    name = escaped(request, outcome.name)
    yield f"## {MARKS[outcome.status]} {outcome.status}: {name}"
    yield ""
    yield escaped(request, why(outcome))
    yield ""
    for connection in outcome.connections:
        yield from _connection(connection, request)
    if outcome.more_connections:
        yield f"… and {outcome.more_connections} more connections"
        yield ""
    if outcome.checks:
        rows = [
            (MARKS[c.status], escaped(request, c.name or f"{c.kind} {c.text}"),
             escaped(request, c.why), c.source)
            for c in outcome.checks
        ]  # fmt: skip
        yield from _table(("", "assertion", "because", "source"), rows)
        yield ""
    rules = {item.id: item.rule for item in outcome.findings}
    found = [
        (item.severity + (" (known)" if item.id in outcome.known else ""), item.rule,
         escaped(request, item.message or item.connection or "capture"),
         "" if item.frame is None else str(item.frame), escaped(request, item.text),
         "" if item.cause is None else f"follows from {rules[item.cause]}")
        for item in outcome.ranked[: MAX_ROWS + 1]
    ]  # fmt: skip
    if found:
        yield from _table(("severity", "rule", "place", "frame", "finding", ""), found)
        yield ""


def _connection(connection: ConnectionOutcome, request: Request) -> Iterator[str]:
    yield f"### {escaped(request, title(connection))}"
    yield ""
    yield line(connection.stages)
    yield ""
    failed = next((stage for stage in connection.stages if stage.passed is False), None)
    if failed is not None:
        words = f"{failed.text}: {failed.description}" if failed.description else failed.text
        place = f", frame {failed.frame}" if failed.frame is not None else ""
        yield f"{failed.name} ✗ {escaped(request, words)}{place}"
        yield ""
    verdict = connection.verdict
    blame = f" Blame: {verdict.blame}." if verdict.blame else ""
    yield f"{MARKS[verdict.status]} {escaped(request, verdict.text)}.{blame}"
    yield ""
    if connection.tracks:
        rows = [
            (track.name, track.codec or "", escaped(request, track.detail), str(track.frames),
             seconds(track.duration_ms * 1_000_000),
             "" if track.bitrate is None else f"{track.bitrate / 1000:,.0f}")
            for track in connection.tracks
        ]  # fmt: skip
        yield from _table(("track", "codec", "format", "frames", "time, s", "kbit/s"), rows)
        yield ""


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield "| " + " | ".join(head) + " |"
    yield "| " + " | ".join("---" for _ in head) + " |"
    for row in rows[:MAX_ROWS]:
        yield "| " + " | ".join(row) + " |"
    if len(rows) > MAX_ROWS:
        yield ""
        yield "… and more"
