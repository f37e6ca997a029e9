"""Findings that are known: only new ones fail, and those that are gone are named.

A finding is recognised by its fingerprint, which says what it is and not where; one that became
worse than it was is new.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from analyzer.export import SEVERITIES
from analyzer.model import Diagnostic

SCHEMA: Final = "rtmp-analyze/baseline"
VERSION: Final = 1
MAX_SIZE: Final = 16 << 20
"""Bytes of a baseline that are read; 100,000 findings take as much."""


class BaselineError(Exception):
    """The file is no baseline; the text is one line."""


class Known(NamedTuple):
    """A finding of the baseline."""

    fingerprint: str
    rule: str
    severity: str
    title: str


class Baseline:
    """The findings that are known."""

    def __init__(self, known: Iterable[Known] = ()) -> None:
        self.known = {item.fingerprint: item for item in known}

    def knows(self, item: Diagnostic) -> bool:
        """Whether the finding was there before, as bad as now or worse."""
        known = self.known.get(item.fingerprint)
        return known is not None and _rank(item.severity) <= _rank(known.severity)

    def gone(self, found: Iterable[Diagnostic]) -> list[Known]:
        """Return what is known and was not found."""
        seen = {item.fingerprint for item in found}
        return [item for item in sorted(self.known.values()) if item.fingerprint not in seen]


def _rank(severity: str) -> int:
    return SEVERITIES.index(severity)


def read(text: str) -> Baseline:
    """Read what `write` wrote; raise `BaselineError`."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise BaselineError("it is not JSON") from None
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise BaselineError(f"it is no baseline ('schema' should be '{SCHEMA}')")
    if document.get("version") != VERSION:
        raise BaselineError(f"its version is not {VERSION}")
    findings = document.get("findings")
    if not isinstance(findings, list):
        raise BaselineError("'findings' should be a list")
    return Baseline(_known(item) for item in findings)


def _known(item: Any) -> Known:
    values = [item.get(name) if isinstance(item, dict) else None for name in Known._fields]
    if not all(isinstance(value, str) for value in values) or values[2] not in SEVERITIES:
        names = ", ".join(Known._fields)
        raise BaselineError(f"a finding should have {names} and nothing else")
    return Known(*map(str, values))


def write(found: Iterable[Diagnostic]) -> str:
    """Return the baseline of these findings as JSON, sorted, one finding a line."""
    worst: dict[str, Known] = {}
    for item in found:
        known = Known(item.fingerprint, item.rule, item.severity, item.title)
        before = worst.get(item.fingerprint)
        if before is None or _rank(before.severity) < _rank(known.severity):
            worst[item.fingerprint] = known
    ordered = sorted(worst.values(), key=lambda known: (known.rule, known.fingerprint))
    lines = ",\n".join(json.dumps(known._asdict()) for known in ordered)
    body = f"[\n{lines}\n]" if lines else "[]"
    return f'{{"schema": "{SCHEMA}", "version": {VERSION}, "findings": {body}}}\n'
