"""The verdict on each connection: pass, fail or inconclusive, whose fault, in one sentence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from analyzer.model import Verdict
from analyzer.rules.scope import Scope, Shared

if TYPE_CHECKING:
    from analyzer.model import Diagnostic
    from analyzer.rules.engine import Result

_UNFIT: Final = ("CAP-01", "CAP-02", "CAP-03")
"""Findings about the capture that leave too little to pass."""
_ANSWERS: Final = ("CMD-05", "CMD-06")
"""Rules about answers, of which a stream needs each."""
_NOT_JUDGED: Final = "not judged: the capture has too many connections that carry next to nothing"


def verdicts(
    shared: Shared, found: Sequence[Diagnostic], results: Iterable[Result]
) -> list[Verdict]:
    """Return the verdict of every connection, in their order."""
    own: dict[str | None, list[Diagnostic]] = {}
    for item in found:
        own.setdefault(item.connection, []).append(item)
    judged = {view.index for view in shared.judged}
    open_ = {
        item.connection: item.reason
        for item in results
        if item.rule in _ANSWERS and item.track and item.status == "inconclusive"
    }
    return [
        _verdict(Scope(shared, view, {}), own.get(view.id, []), open_.get(view.index))
        if view.index in judged
        else Verdict(view.id, "inconclusive", None, _NOT_JUDGED)
        for view in shared.session.connections
    ]


def _verdict(scope: Scope, found: list[Diagnostic], unanswered: str | None) -> Verdict:
    view = scope.connection
    by_id = {item.id: item for item in found}
    failures = [item for item in found if item.severity == "error"]
    # A warning may be what an error follows from: then it is the one to name.
    errors = [by_id.get(item.cause or "", item) for item in failures]
    lead = min(errors, key=_when, default=None)
    if lead is not None and lead.blame == "capture":
        text = f"the capture cannot tell: {_sentence(lead)}"
        return Verdict(view.id, "inconclusive", "capture", text, lead.id)
    if lead is not None:
        more = len({item.id for item in errors}) - 1
        others = f"; {more} other error{'s' * (more != 1)}" if more else ""
        return Verdict(view.id, "fail", lead.blame, _sentence(lead) + others, lead.id)
    if not len(scope.rows(0)) and not len(scope.rows(1)):
        what = view.why_unread
        if view.handshake_seen and scope.closed_by():
            what = f"the {scope.closed_by()} closed after the handshake, without a message"
        return Verdict(view.id, "inconclusive", None, what)
    unfit = next((item for item in found if item.rule in _UNFIT), None)
    if unfit is not None:
        return Verdict(view.id, "inconclusive", "capture", _sentence(unfit), unfit.id)
    if not view.both_directions:
        return Verdict(view.id, "inconclusive", "capture", "only one direction was captured")
    status, said = "pass", "no errors"
    if unanswered is not None and scope.closed_by():
        status, said = "inconclusive", unanswered
    warnings = [item for item in found if item.severity == "warning" and item.cause is None]
    if not warnings:
        return Verdict(view.id, status, None, said)
    first, more = min(warnings, key=_when), len(warnings)
    words = f"{more} warnings, first" if more > 1 else "1 warning"
    return Verdict(view.id, status, first.blame, f"{said}, {words}: {_sentence(first)}", first.id)


def _when(item: Diagnostic) -> tuple[int, str]:
    return (item.time_ns if item.time_ns is not None else 1 << 62, item.rule)


def _sentence(item: Diagnostic) -> str:
    """Return the finding's text with its rule, frame and time."""
    place = ""
    if item.frame is not None:
        place = f" first at frame {item.frame}" if item.count > 1 else f" at frame {item.frame}"
    when = f", {item.time_ns / 1e9:.3f} s" if item.time_ns is not None else ""
    return f"{item.text} ({item.rule}){place}{when}"
