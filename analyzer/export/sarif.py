"""SARIF 2.1.0: every rule is declared, findings point at the bytes of their frame.

Fingerprints say what a finding is and hold no frame numbers, so that code-scanning services
recognise it in the next capture.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final, TextIO
from urllib.parse import quote

from analyzer import __version__
from analyzer.check.outcome import FAIL, INCONCLUSIVE, UNREADABLE, Outcome
from analyzer.export.request import Request
from analyzer.model import DIRECTIONS, Diagnostic
from analyzer.rules import RULES
from analyzer.rules.rule import Rule
from dissectors.text import safe

SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
ASSERTION: Final = "ASSERTION"
"""Rule id of assertions and of requirements of profiles."""
_INDEX: Final = {rule.id: number for number, rule in enumerate(RULES)}
_FINGERPRINT: Final = "rtmpAnalyze/v1"


def write(outcomes: Sequence[Outcome], out: TextIO, request: Request) -> None:
    """Write the log with one run."""
    run: dict[str, Any] = {
        "tool": {"driver": _driver()},
        "artifacts": [_artifact(outcome, request) for outcome in outcomes],
        "results": [
            result
            for number, outcome in enumerate(outcomes)
            for result in _results(outcome, number, request)
        ],
        "invocations": [_invocation(outcomes, request)],
        "columnKind": "unicodeCodePoints",
    }
    log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    out.write(json.dumps(log, ensure_ascii=True, separators=(",", ": ")) + "\n")


def _driver() -> dict[str, Any]:
    rules = [_rule(rule) for rule in RULES]
    text = "An assertion of the policy or of a profile holds"
    rules.append(
        {
            "id": ASSERTION,
            "shortDescription": {"text": text},
            "defaultConfiguration": {"level": "error"},
        }
    )
    return {"name": "rtmp-analyze", "version": __version__, "rules": rules}


def _rule(rule: Rule) -> dict[str, Any]:
    found: dict[str, Any] = {
        "id": rule.id,
        "shortDescription": {"text": rule.title},
        "defaultConfiguration": {"level": rule.severity},
        "properties": {"confidence": rule.confidence, "section": rule.section},
    }
    if rule.help:
        found["help"] = {"text": rule.help}
    return found


def _artifact(outcome: Outcome, request: Request) -> dict[str, Any]:
    found: dict[str, Any] = {"location": {"uri": _uri(outcome, request)}}
    if outcome.capture.size is not None:
        found["length"] = outcome.capture.size
    if outcome.no_records:
        text = f"findings name no region: {outcome.no_records}"
        found["description"] = {"text": request.shown(safe(text))}
    return found


def _uri(outcome: Outcome, request: Request) -> str:
    return quote(request.shown(safe(outcome.place)), safe="/")


def _invocation(outcomes: Sequence[Outcome], request: Request) -> dict[str, Any]:
    """What could not be told is a notification: it must not look like a pass."""
    notes = [
        _note(outcome, number, request)
        for number, outcome in enumerate(outcomes)
        if outcome.status in (INCONCLUSIVE, UNREADABLE)
    ]
    read = all(outcome.status != UNREADABLE for outcome in outcomes)
    found: dict[str, Any] = {"executionSuccessful": read}
    if notes:
        found["toolExecutionNotifications"] = notes
    return found


def _note(outcome: Outcome, number: int, request: Request) -> dict[str, Any]:
    text = f"{outcome.status}: {request.shown(safe(outcome.reason))}"
    level = "error" if outcome.status == UNREADABLE else "warning"
    place = {"physicalLocation": {"artifactLocation": _reference(outcome, number, request)}}
    return {"message": {"text": text}, "level": level, "locations": [place]}


def _reference(outcome: Outcome, number: int, request: Request) -> dict[str, Any]:
    return {"uri": _uri(outcome, request), "index": number}


def _results(outcome: Outcome, number: int, request: Request) -> Iterator[dict[str, Any]]:
    for item in outcome.findings:
        yield _finding(outcome, item, number, request)
    for check in outcome.checks:
        if check.status == FAIL:
            what = check.name or f"{check.kind} {check.text}"
            text = f"{what}: {check.why}"
            place = {"artifactLocation": _reference(outcome, number, request)}
            yield {
                "ruleId": ASSERTION,
                "ruleIndex": len(RULES),
                "level": check.severity,
                "message": {"text": request.shown(safe(text))},
                "locations": [{"physicalLocation": place}],
                "partialFingerprints": {_FINGERPRINT: f"{check.kind} {request.shown(what)}"},
            }


def _finding(outcome: Outcome, item: Diagnostic, number: int, request: Request) -> dict[str, Any]:
    physical: dict[str, Any] = {"artifactLocation": _reference(outcome, number, request)}
    record = outcome.records.get(item.frame or 0)
    if record is not None:
        physical["region"] = {"byteOffset": record[0], "byteLength": record[1]}
    location: dict[str, Any] = {"physicalLocation": physical}
    logical = request.shown(safe(_logical(item)))
    if logical:
        location["logicalLocations"] = [{"fullyQualifiedName": logical, "kind": "member"}]
    found = {
        "ruleId": item.rule,
        "ruleIndex": _INDEX[item.rule],
        "level": item.severity,
        "message": {"text": request.shown(safe(item.text))},
        "locations": [location],
        "partialFingerprints": {_FINGERPRINT: item.fingerprint},
        "properties": {
            "frame": item.frame,
            "time_ns": item.time_ns,
            "count": item.count,
            "confidence": item.confidence,
            "blame": item.blame,
            "expected": None if item.expected is None else request.shown(safe(item.expected)),
            "actual": None if item.actual is None else request.shown(safe(item.actual)),
        },
    }
    if item.id in outcome.known:
        found["baselineState"] = "unchanged"
    return found


def _logical(item: Diagnostic) -> str:
    """Return ``c0/c2s/video/c0.c2s.12``: connection, direction, track, message."""
    direction = DIRECTIONS[item.direction] if item.direction is not None else None
    parts = (item.connection, direction, item.track, item.message)
    return "/".join(dict.fromkeys(part for part in parts if part))
