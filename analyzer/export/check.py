"""The text of `check`: the verdict first, then how far each connection came, then why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final, TextIO

from analyzer.check.assertions import Checked
from analyzer.check.outcome import FAIL, INCONCLUSIVE, PASS, ConnectionOutcome, Outcome
from analyzer.check.stages import line
from analyzer.export import SEVERITIES
from analyzer.export.ansi import paint
from analyzer.export.request import Request
from analyzer.export.tree import seconds
from analyzer.model import Diagnostic
from dissectors.text import safe

MAX_LINES: Final = 25
"""Lines per capture: one screen."""
MAX_CONNECTIONS: Final = 3
MAX_CHECKS: Final = 5
MAX_FINDINGS: Final = 6
WIDTH: Final = 400
"""Characters of captured text in a line."""


def write(outcomes: Sequence[Outcome], out: TextIO, request: Request) -> None:
    """Write up to `MAX_LINES` lines per capture, and a count where there are several."""
    for outcome in outcomes:
        lines = list(_lines(outcome, request))
        if len(lines) > MAX_LINES:
            left = len(lines) - MAX_LINES + 1
            lines[MAX_LINES - 1 :] = [f"  … {left} more lines; --report html=FILE has everything"]
        for text in lines:
            out.write(text + "\n")
    if len(outcomes) > 1:
        words = [PASS, FAIL, INCONCLUSIVE, "unreadable"]
        counts = {word: sum(o.status == word for o in outcomes) for word in words}
        said = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
        out.write(f"{len(outcomes)} captures: {said}\n")


def _lines(outcome: Outcome, request: Request) -> Iterator[str]:
    name = request.shown(safe(outcome.name))
    yield paint(
        request.color, outcome.status, f"{outcome.status}: {name}: {request.shown(why(outcome))}"
    )
    shown = sorted(outcome.connections, key=lambda item: _RANK[item.verdict.status])
    for connection in shown[:MAX_CONNECTIONS]:
        yield from _connection(connection, outcome, request)
    left = len(shown) - MAX_CONNECTIONS + outcome.more_connections
    if left > 0:
        yield f"  … and {left} more connection{'s' * (left != 1)}"
    yield from _checks([c for c in outcome.checks if c.status == FAIL], request)
    yield from _findings(outcome, request)
    yield from _checks([c for c in outcome.checks if c.status == INCONCLUSIVE], request)


_RANK: Final = {"fail": 0, "inconclusive": 1, "pass": 2}


def numbers(outcome: Outcome) -> str:
    """Return ``2 errors, 1 warning, 0 notes``."""
    found = outcome.counts()
    said = ", ".join(f"{found[s]} {s}{'s' * (found[s] != 1)}" for s in reversed(SEVERITIES))
    return f"{said} ({len(outcome.known)} known)" if outcome.known else said


def why(outcome: Outcome) -> str:
    """Return why the outcome is what it is: a reason, or counts of findings and assertions."""
    if outcome.reason:
        return safe(outcome.reason)
    failed = sum(check.status == FAIL for check in outcome.checks)
    words = f", {failed} of {len(outcome.checks)} assertions failed" if failed else ""
    return numbers(outcome) + words


def title(connection: ConnectionOutcome) -> str:
    """Return who, to whom, what for; captured words are safe."""
    words = [connection.id, connection.client, "→", connection.server]
    if connection.role:
        words.append("publish and play" if connection.role == "both" else connection.role)
    if connection.app is not None:
        words.append(f"app '{_cut(connection.app)}'")
    if connection.streams:
        more = " …" if len(connection.streams) > 2 else ""
        words.append("stream " + ", ".join(f"'{_cut(name)}'" for name in connection.streams[:2]))
        words[-1] += more
    return " ".join(words)


def _cut(text: str) -> str:
    """Return captured text, safe; the ellipsis tells the redactor, too, that it was longer."""
    return safe(text if len(text) <= WIDTH else text[:WIDTH] + "…")


def _connection(connection: ConnectionOutcome, outcome: Outcome, request: Request) -> Iterator[str]:
    yield paint(request.color, "title", f"  {request.shown(title(connection))}")
    yield f"    {line(connection.stages)}"
    for stage in connection.stages:
        if stage.passed is False:
            said = _cut(stage.text)
            if stage.description:
                said += f": {_cut(stage.description)}"
            place = f"  frame {stage.frame}" if stage.frame is not None else ""
            yield paint(request.color, "fail", f"    {stage.name} ✗ {request.shown(said)}{place}")
    verdict = connection.verdict
    blame = f"; blame: {verdict.blame}" if verdict.blame else ""
    if verdict.status != PASS:
        known = " (known)" if verdict.diagnostic in outcome.known else ""
        yield f"    {verdict.status}{known}: {request.shown(_cut(verdict.text))}{blame}"


def _checks(wrong: Sequence[Checked], request: Request) -> Iterator[str]:
    for check in wrong[:MAX_CHECKS]:
        what = f"{check.name}: {check.text}" if check.name else f"{check.kind} {check.text}"
        label = check.status if check.status != FAIL or check.severity == "error" else "warning"
        text = f"  {label}: {safe(what)}: {_cut(check.why)}"
        yield paint(request.color, label, request.shown(text))
    if len(wrong) > MAX_CHECKS:
        yield f"  … and {len(wrong) - MAX_CHECKS} more assertions"


def _findings(outcome: Outcome, request: Request) -> Iterator[str]:
    """First causes, worst first; what follows from them is counted."""
    following = Counter(item.cause for item in outcome.findings)
    alike: dict[tuple[str, str, str, bool], list[Diagnostic]] = {}
    for item in outcome.ranked:
        if item.cause is None:
            key = (item.rule, item.severity, item.text, item.id in outcome.known)
            alike.setdefault(key, []).append(item)
    causes = sorted(alike.values(), key=lambda items: items[0].id in outcome.known)
    for item, *others in causes[:MAX_FINDINGS]:
        label = "known" if item.id in outcome.known else item.severity
        more = f" (and {len(others)} more like it)" if others else ""
        yield paint(request.color, label, f"  {label}: {request.shown(finding(item))}{more}")
        count = following[item.id]
        if count:
            more = "1 more finding follows" if count == 1 else f"{count} more findings follow"
            yield f"    {more} from it"
        if item.help and item.severity != "note" and label != "known":
            yield f"    try: {safe(item.help)}"
    if len(causes) > MAX_FINDINGS:
        yield f"  … and {len(causes) - MAX_FINDINGS} more kinds of findings"


def finding(item: Diagnostic) -> str:
    """Return rule, place and text of a finding in one line, safe and not redacted."""
    place = item.message or item.connection or "capture"
    frame = f" frame {item.frame}" if item.frame is not None else ""
    when = f" {seconds(item.time_ns)} s" if item.time_ns is not None else ""
    return f"{item.rule}  {place}{frame}{when}  {_cut(item.text)}"
