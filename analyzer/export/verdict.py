"""The verdict over a session's findings, for the summary and the JSON report."""

from __future__ import annotations

from collections import Counter
from typing import Final

from analyzer.export import SEVERITIES
from analyzer.export.ansi import paint
from analyzer.export.request import Request
from analyzer.model import RTMP_PORT
from analyzer.session import Session
from analyzer.tcp.half_open import Fate
from dissectors.text import safe

_FATES: Final[dict[Fate, str]] = {
    "refused": "refused",
    "unanswered": "without an answer",
    "silent": "opened without a byte sent",
}


def counts(session: Session) -> Counter[str]:
    """Count findings by severity; inconclusive ones are none."""
    return Counter(d.severity for d in session.diagnostics if d.status == "finding")


def numbers(session: Session) -> str:
    """Return ``2 errors, 1 warning, 0 notes``."""
    found = counts(session)
    return ", ".join(f"{found[s]} {s}{'s' * (found[s] != 1)}" for s in reversed(SEVERITIES))


def nothing_to_judge(session: Session) -> str | None:
    """Say why nothing can be said about this capture, or None."""
    if not session.connections:
        hidden = sum(count for (what, _), count in session.foreign.items() if what == "tls")
        if hidden:
            plural = "s" * (hidden != 1)
            return f"no RTMP was found, but {hidden} TLS connection{plural} without keys"
        frames = session.link.counters.protected
        if frames:
            return f"no RTMP was found, but {frames} encrypted 802.11 frame{'s' * (frames != 1)}"
        return f"no RTMP was found{_attempts(session)}"
    if len(session.messages):
        return None
    reasons = sorted({connection.why_unread for connection in session.connections})
    return "; ".join(reasons)


def _attempts(session: Session) -> str:
    """Say what became of connections to an RTMP port that carried nothing."""
    ports = {RTMP_PORT, *session.options.decode_as}
    tried = session.tracker.fates()
    told = [
        f"{tried[port, fate]} to port {port} {words}"
        for port in sorted(ports)
        for fate, words in _FATES.items()
        if tried[port, fate]
    ]
    return f"; connections: {', '.join(told)}" if told else ""


def reached(session: Session, threshold: str) -> bool:
    """Is there a finding of severity `threshold` or worse? ``never``: no."""
    if threshold not in SEVERITIES:
        return False
    found = counts(session)
    return any(found[severity] for severity in SEVERITIES[SEVERITIES.index(threshold) :])


def verdict(session: Session, threshold: str = "error") -> str:
    """Return ``pass``, ``fail`` or ``inconclusive``."""
    if reached(session, threshold):
        return "fail"
    return "inconclusive" if nothing_to_judge(session) else "pass"


def finding_lines(session: Session, request: Request, limit: int) -> list[str]:
    """Return the worst findings, one line each, worst first; what follows from one is folded."""
    follow: dict[str | None, list[str]] = {}
    worst: dict[str | None, int] = {}
    for item in session.diagnostics:
        follow.setdefault(item.cause, []).append(item.rule)
        worst[item.cause] = max(worst.get(item.cause, 0), SEVERITIES.index(item.severity))
    ranked = sorted(
        (item for item in session.diagnostics if item.cause is None),
        key=lambda item: (
            item.status != "finding",
            -max(SEVERITIES.index(item.severity), worst.get(item.id, 0)),
        ),
    )
    lines = []
    for item in ranked[:limit]:
        label = item.severity if item.status == "finding" else item.status
        place = item.message or item.connection or "capture"
        frame = f" frame {item.frame}" if item.frame is not None else ""
        text = f"{label}: {item.rule}  {place}{frame}  {safe(item.text)}"
        if item.id in follow:
            rules = list(dict.fromkeys(follow[item.id]))
            text += f"; {', '.join(rules)} follow{'s' * (len(rules) == 1)} from it"
        lines.append(paint(request.color, label, request.shown(text)))
    if len(ranked) > limit:
        lines.append(f"… and {len(ranked) - limit} more")
    return lines
