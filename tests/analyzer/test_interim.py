"""Findings of a capture that goes on."""

from pathlib import Path

import pytest

from analyzer.interim import GRACE_NS, judge, still
from analyzer.session import Session
from tests.analyzer import talk

CAPTURES = Path(__file__).parents[2] / "captures"


def rules(session: Session) -> set[str]:
    return {item.rule for item in session.diagnostics}


def test_what_is_missing_may_still_come() -> None:
    session = Session([str(CAPTURES / "lab/nginx-publish-denied.pcap")])
    session.run()
    final = rules(session)
    session.done, session.interim = False, None
    early, late = judge(session), judge(session, silent_ns=GRACE_NS)
    assert early is not None and late is not None
    assert {item.rule for item in late.judgement.diagnostics} == final - {"CAP-07"}
    held = final - {item.rule for item in early.judgement.diagnostics}
    assert "CMD-05" not in {item.rule for item in early.judgement.diagnostics}
    assert held <= {"CAP-07", "CMD-05", "CMD-06"} and late.exchanges == early.exchanges
    assert early.messages == len(session.messages)


def test_of_a_session_that_is_done_nothing_is_so_far() -> None:
    session = talk.session()
    session.run()
    assert judge(session) is None


def test_a_still_does_not_grow() -> None:
    session = Session([str(CAPTURES / "real/publish-play-nginx.pcap")])
    seen: list[tuple[Session, int]] = []

    def look(growing: Session) -> None:
        if not seen and len(growing.messages):
            with growing.steady:
                seen.append((still(growing), len(growing.messages)))

    session.run(look)
    known, count = seen[0]
    texts = [known.info(row) for row in range(count)]
    assert len(known.messages) == count and known.done
    assert texts == [session.info(row) for row in range(count)]


def test_a_look_that_fails_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    session = talk.session()
    session.run()
    session.done = False
    monkeypatch.setattr("analyzer.rules.run", lambda session: 1 / 0)
    assert judge(session) is None and not session.steady.locked()


def test_a_rule_that_fails_meanwhile_is_no_fault_of_the_session(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The other thread may have changed what it looked at."""
    session = talk.session()
    session.run()
    session.done = False
    monkeypatch.setattr("analyzer.rules.engine._judged", lambda *_: 1 / 0)
    assert judge(session) is None and not session.failures
