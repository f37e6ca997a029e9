"""Findings by severity, explained, with the way to their evidence."""

from typing import Any

import pytest
from textual.pilot import Pilot

from analyzer.model import Diagnostic, Place
from analyzer.tui.app import AnalyzerApp
from analyzer.tui.data.findings import details, items, row_of
from analyzer.tui.views import Jump
from analyzer.tui.widgets.findings import wrap
from tests.analyzer import talk
from tests.analyzer.tui.opened import TALK, capture, view
from tests.analyzer.tui.screen import lines, press, run, settle, text

DENIED = "lab/nginx-publish-denied.pcap"


class Judged:
    """A session with these findings only."""

    def __init__(self, *found: Diagnostic) -> None:
        self.diagnostics = list(found)


def finding(number: int, severity: str, **more: object) -> Diagnostic:
    return Diagnostic(f"R-{number}", severity, f"text {number}", id=f"d{number}",
                      connection="c0", time_ns=number, **more)  # fmt: skip


def test_errors_first_and_consequences_below_their_cause():
    found = items(
        Judged(
            finding(1, "note"),
            finding(2, "error"),
            finding(3, "warning", cause="d2"),
            finding(4, "warning"),
            finding(5, "error", status="inconclusive"),
        ),
        None,
    )
    told = [(i.group, i.number or i.finding.rule, i.depth) for i in found]
    assert told == [
        ("error", 1, 0), ("error", "R-2", 0), ("error", "R-3", 1),
        ("warning", 1, 0), ("warning", "R-4", 0),
        ("note", 1, 0), ("note", "R-1", 0),
        ("inconclusive", 1, 0), ("inconclusive", "R-5", 0),
    ]  # fmt: skip


def test_causes_in_a_circle_end():
    found = items(Judged(finding(1, "error", cause="d2"), finding(2, "error", cause="d1")), None)
    assert len(found) < 20


def test_one_connection_and_the_capture_itself():
    other = finding(2, "error")
    other.connection = "c1"
    whole = finding(3, "warning")
    whole.connection = None
    rules = [i.finding.rule for i in items(Judged(finding(1, "error"), other, whole), 0)
             if i.finding]  # fmt: skip
    assert rules == ["R-1", "R-3"]


def test_details_tell_everything():
    places = [Place("c0.c2s.1", 5, 10**9), Place("c0.c2s.2", 6, 2 * 10**9)]
    item = finding(1, "error", expected="a", actual="b", help="do this", blame="server",
                   section="RTMP 1.0 §1", message="c0.c2s.1", frame=5, count=7,
                   examples=places, last=places[1])  # fmt: skip
    told = {detail.name: detail.text for detail in details(Judged(item), item)}
    assert told["What to try"] == "do this" and told["Whose fault"] == "server"
    assert "7 times" in told["Seen"] and "frame 6" in told["Last"]
    assert told["Rule"] == "R-1, definite, RTMP 1.0 §1"


def test_rows_by_message_id():
    session = talk.session()
    for row in range(len(session.messages)):
        assert row_of(session, session.message_id(row)) == row
    assert row_of(session, "c0.c2s.999") is None


@pytest.mark.parametrize("width", [20, 33, 80])
def test_wrapping_keeps_every_word(width):
    words = "one two three " * 20
    assert " ".join(wrap(words.strip(), width)).split() == words.split()
    assert max(map(len, wrap("x" * 500, width))) <= width


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
def test_the_screen(size):
    async def use(app, pilot):
        screen = text(app)
        for piece in ("1 error", "✗", "What to try", "Whose fault", "CMD-05", "Enter evidence"):
            assert piece in screen, piece
        assert {len(line) for line in lines(app)} == {size[0]}

    view(capture(DENIED), "findings", use, size)


def test_keys():
    async def use(app, pilot):
        assert app.screen.list.item.finding.rule == "CMD-05"
        screen = await press(pilot, "G")
        assert app.screen.list.item.finding.rule in screen
        await press(pilot, "g", "j", "tab")
        assert app.focused is app.screen.detail
        await press(pilot, "enter")
        assert app.screen is app.main
        assert "publish('cam')" in app.main.session.info(app.main.messages.row)
        await press(pilot, "e", "c")
        assert "c0" in lines(app)[0]
        await press(pilot, "escape")
        assert app.screen is app.main

    view(capture(DENIED), "findings", use)


def test_nothing_wrong_says_so():
    async def use(app, pilot):
        session = app.main.session
        if not session.diagnostics:
            assert "No findings" in text(app)
        else:  # notes at most
            assert all(item.severity != "error" for item in session.diagnostics)

    view(capture("real/publish-play-nginx.pcap"), "findings", use)


def test_evidence_is_shown_whatever_the_filter_hides() -> None:
    session = capture(TALK)

    async def use(app: AnalyzerApp, pilot: Pilot[Any]) -> None:
        tied = 0
        for item in session.diagnostics:
            app.main.set_filter("csid == 99")
            await settle(pilot)
            app.main.jump(Jump(diagnostic=item))
            await settle(pilot)
            row = app.main.messages.row
            assert row is not None and not app.main.filter_text
            if item.message:
                tied += 1
                assert session.message_id(row) == item.message
            else:
                assert f"no message belongs to frame {item.frame}; this is the next" in text(app)
                assert session.value(row, "last_frame") >= (item.frame or 0)
        assert 0 < tied < len(session.diagnostics)

    run(session, use)
