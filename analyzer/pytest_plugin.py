"""A pytest plugin: captures as fixtures, and assertions about them.

Installed with the package, loaded by pytest itself::

    def test_the_encoder_publishes(rtmp_capture):
        capture = rtmp_capture("recorded.pcap")
        capture.assert_no_findings()                    # no errors
        capture.assert_expect("publish.started and video.codec == h264")
        capture.assert_expect("gop.max <= 2s")
        capture.assert_forbid("rule.TS-01")
        assert [f.rule for f in capture.findings("warning")] == []

Nothing of the analyzer is imported before a test asks for a capture.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from analyzer.check.assertions import Kind
    from analyzer.model import Diagnostic
    from analyzer.session import Session

SEVERITIES = ("note", "warning", "error")


class Capture:
    """An analysed capture. Everything else is at `session` (`analyzer.session.Session`)."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def findings(self, at_least: str = "note") -> list[Diagnostic]:
        """Return the findings of this severity or worse."""
        rank = SEVERITIES.index(at_least)
        return [
            item
            for item in self.session.diagnostics
            if item.status == "finding" and SEVERITIES.index(item.severity) >= rank
        ]

    def assert_no_findings(self, at_least: str = "error", *, ignore: tuple[str, ...] = ()) -> None:
        """Fail on findings of this severity or worse but for the rules to ignore.

        Fails as well on a capture in which there is nothing to judge.
        """
        __tracebackhide__ = True
        from analyzer.export.check import finding
        from analyzer.export.verdict import nothing_to_judge

        reason = nothing_to_judge(self.session)
        if reason is not None:
            pytest.fail(f"inconclusive: {reason}", pytrace=False)
        found = [item for item in self.findings(at_least) if item.rule not in ignore]
        if found:
            lines = [f"{item.severity}: {finding(item)}" for item in found]
            pytest.fail("\n".join([f"{len(found)} findings:", *lines]), pytrace=False)

    def assert_expect(self, expression: str) -> None:
        """Fail unless the assertion holds (`analyzer/check/CHECK.md`); also where it cannot be
        told."""
        __tracebackhide__ = True
        self._assert("expect", expression)

    def assert_forbid(self, expression: str) -> None:
        """Fail if the assertion holds, or cannot be told."""
        __tracebackhide__ = True
        self._assert("forbid", expression)

    def _assert(self, kind: Kind, expression: str) -> None:
        __tracebackhide__ = True
        from analyzer.check import assertions
        from analyzer.check.aggregates import Measured
        from analyzer.filters import FilterError

        try:
            assertion = assertions.compile(kind, expression)
        except FilterError as error:
            pytest.fail(f"{kind}: {error.message}\n{error.caret()}", pytrace=False)
        checked = assertion.check(Measured(self.session))
        if checked.status != "pass":
            pytest.fail(f"{kind} {expression}: {checked.status}: {checked.why}", pytrace=False)


@pytest.fixture
def rtmp_capture() -> Iterator[Callable[[str | os.PathLike[str]], Capture]]:
    """Analyse captures: call it with a path. They are closed when the test ends."""
    opened: list[Session] = []

    def analyse(path: str | os.PathLike[str]) -> Capture:
        from analyzer.session import Session

        session = Session([os.fspath(path)])
        opened.append(session)
        session.run()
        return Capture(session)

    yield analyse
    for session in opened:
        session.close()
