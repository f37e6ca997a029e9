"""JUnit XML: a suite per capture, a case per rule and connection and per assertion.

The numbers agree with the exit code: a failure is what makes `check` exit with 1, an error is an
input that could not be read (3), and what could not be told is skipped with its reason.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TextIO
from xml.etree import ElementTree as ET

from analyzer.check.assertions import Checked
from analyzer.check.outcome import FAIL, INCONCLUSIVE, UNREADABLE, Outcome
from analyzer.export.request import Request
from analyzer.rules import BY_ID
from analyzer.rules.engine import Result
from dissectors.text import safe

_PROGRAM = "rtmp-analyze"


def write(outcomes: Sequence[Outcome], out: TextIO, request: Request) -> None:
    """Write the document."""
    root = ET.Element("testsuites", name=_PROGRAM)
    for outcome in outcomes:
        root.append(_suite(outcome, request))
    _count(root, [case for suite in root for case in suite.iter("testcase")])
    ET.indent(root)
    text = ET.tostring(root, encoding="unicode")
    out.write(f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n')


def _suite(outcome: Outcome, request: Request) -> ET.Element:
    seconds = _seconds(outcome.capture.duration_ns)
    suite = ET.Element("testsuite", name=_shown(request, outcome.place), time=seconds)
    for case in _cases(outcome, request):
        suite.append(case)
    _count(suite, list(suite))
    return suite


def _count(element: ET.Element, cases: Sequence[ET.Element]) -> None:
    element.set("tests", str(len(cases)))
    for name, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        element.set(name, str(sum(case.find(tag) is not None for case in cases)))


def _cases(outcome: Outcome, request: Request) -> Iterator[ET.Element]:
    if outcome.status == UNREADABLE:
        case = ET.Element("testcase", classname="capture", name="readable")
        ET.SubElement(case, "error", message=_shown(request, outcome.reason), type="unreadable")
        yield case
        return
    if outcome.status == INCONCLUSIVE and not any(c.status == INCONCLUSIVE for c in outcome.checks):
        case = ET.Element("testcase", classname="capture", name="verdict")
        ET.SubElement(case, "skipped", message=f"inconclusive: {_shown(request, outcome.reason)}")
        yield case
    failing = outcome.failing_ids
    for result in outcome.results:
        yield _rule(outcome, result, failing, request)
    for check in outcome.checks:
        yield _assertion(outcome, check, request)


def _rule(
    outcome: Outcome, result: Result, failing: frozenset[str], request: Request
) -> ET.Element:
    place = "capture" if result.connection is None else f"c{result.connection}"
    track = f" {result.track}" if result.track else ""
    title = BY_ID[result.rule].title
    name = f"{result.rule} {title}{track}"
    case = ET.Element("testcase", classname=place, name=_shown(request, name))
    found = result.diagnostic
    if result.status == INCONCLUSIVE:
        reason = _shown(request, result.reason or "")
        ET.SubElement(case, "skipped", message=f"inconclusive: {reason}")
    elif found is not None:
        text = _shown(request, found.text)
        where = [f"frame {found.frame}"] if found.frame is not None else []
        where += [found.message] if found.message else []
        lines = [f"{found.severity}: {text}", *where]
        for label, value in (("expected", found.expected), ("actual", found.actual),
                             ("section", found.section), ("try", found.help)):  # fmt: skip
            if value is not None:
                lines.append(f"{label}: {_shown(request, value)}")
        if found.id in failing:
            failure = ET.SubElement(case, "failure", message=text, type=found.severity)
            failure.text = "\n".join(lines)
        else:
            why = "known" if found.id in outcome.known else f"below --fail-on {outcome.fail_on}"
            ET.SubElement(case, "system-out").text = "\n".join([*lines, f"not failing: {why}"])
    return case


def _assertion(outcome: Outcome, check: Checked, request: Request) -> ET.Element:
    name = f"{check.name}: {check.text}" if check.name else f"{check.kind} {check.text}"
    case = ET.Element("testcase", classname="assertions", name=_shown(request, name))
    why = _shown(request, check.why)
    if check.status == INCONCLUSIVE:
        ET.SubElement(case, "skipped", message=f"inconclusive: {why}")
    elif check.status == FAIL and outcome.decisive(check):
        ET.SubElement(case, "failure", message=why, type="assertion").text = check.source or why
    elif check.status == FAIL:
        ET.SubElement(case, "system-out").text = f"{check.severity}: {why}"
    return case


def _shown(request: Request, text: str) -> str:
    """Return captured text without characters that XML forbids: `safe` replaces them all."""
    return request.shown(safe(text))


def _seconds(duration_ns: int) -> str:
    return f"{duration_ns // 1_000_000_000}.{duration_ns // 1_000_000 % 1000:03d}"
