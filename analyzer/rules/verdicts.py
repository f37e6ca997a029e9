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


def verdicts(
    shared: Shared, found: Sequence[Diagnostic], results: Iterable[Result]
) -> list[Verdict]:
    """Return the verdict of every connection, in their order."""
    own: dict[str | None, list[Diagnostic]] = {}
    for item in found:
        own.setdefault(item.connection, []).append(item)
    return [
        _verdict(Scope(shared, view, {}), own.get(view.id, []))
        for view in shared.session.connections
    ]


def _verdict(scope: Scope, found: list[Diagnostic]) -> Verdict:
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
        what = "encrypted, and there are no keys" if view.variant in ("rtmps", "rtmpe") else None
        return Verdict(view.id, "inconclusive", None, what or "no message could be read")
    unfit = next((item for item in found if item.rule in _UNFIT), None)
    if unfit is not None:
        return Verdict(view.id, "inconclusive", "capture", _sentence(unfit), unfit.id)
    warnings = len([item for item in found if item.severity == "warning" and item.cause is None])
    words = f"no errors, {warnings} warning{'s' * (warnings != 1)}" if warnings else "no errors"
    return Verdict(view.id, "pass", None, words)


def _when(item: Diagnostic) -> tuple[int, str]:
    return (item.time_ns if item.time_ns is not None else 1 << 62, item.rule)


def _sentence(item: Diagnostic) -> str:
    """Return the finding's text with its rule, frame and time."""
    place = ""
    if item.frame is not None:
        place = f" first at frame {item.frame}" if item.count > 1 else f" at frame {item.frame}"
    when = f", {item.time_ns / 1e9:.3f} s" if item.time_ns is not None else ""
    return f"{item.text} ({item.rule}){place}{when}"
