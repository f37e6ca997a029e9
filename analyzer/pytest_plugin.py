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
from collections.abc import Callable, Collection, Iterator
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
        __tracebackhide__ = True
        if at_least not in SEVERITIES:
            pytest.fail(f"'{at_least}' is none of {', '.join(SEVERITIES)}", pytrace=False)
        rank = SEVERITIES.index(at_least)
        return [
            item
            for item in self.session.diagnostics
            if item.status == "finding" and SEVERITIES.index(item.severity) >= rank
        ]

    def assert_no_findings(self, at_least: str = "error", *, ignore: Collection[str] = ()) -> None:
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
            count = f"{len(found)} finding{'s' * (len(found) != 1)}:"
            pytest.fail("\n".join([count, *lines]), pytrace=False)

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
            message = f"{kind}: {error.message}\n{error.caret()}"
            raise pytest.fail.Exception(message, pytrace=False) from None
        checked = assertion.check(Measured(self.session))
        if checked.status != "pass":
            pytest.fail(f"{kind} {expression}: {checked.status}: {checked.why}", pytrace=False)


@pytest.fixture
def rtmp_capture() -> Iterator[Callable[[str | os.PathLike[str]], Capture]]:
    """Analyse captures: call it with a path. They are closed when the test ends.

    A capture that cannot be read fails the test, which then says why.
    """
    opened: list[Session] = []

    def analyse(path: str | os.PathLike[str]) -> Capture:
        __tracebackhide__ = True
        from analyzer.run import unsupported_link
        from analyzer.session import Session
        from analyzer.sources import SourceError

        try:
            session = Session([os.fspath(path)])
            opened.append(session)
            session.run()
        except SourceError as error:
            raise pytest.fail.Exception(str(error), pytrace=False) from None
        if (reason := unsupported_link(session)) is not None:
            pytest.fail(f"{os.fspath(path)}: {reason}", pytrace=False)
        return Capture(session)

    yield analyse
    for session in opened:
        session.close()
