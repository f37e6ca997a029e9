"""Tables that count every message once."""

import pytest

from analyzer.tui.data.statistics import sections, tcp_lines
from tests.analyzer.tui.opened import TALK, capture, view
from tests.analyzer.tui.screen import lines, press, text


@pytest.mark.parametrize("connection", [None, 0, 1])
def test_every_table_counts_all_messages_and_its_filters_find_them(connection):
    from analyzer import filters

    session = capture(TALK)
    session.run()
    order = session.order()
    mine = session.messages.column("connection")[order]
    total = len(order) if connection is None else int((mine == connection).sum())
    for section in sections(session, connection):
        assert sum(line.messages for line in section.lines) == total, section.title
        for line in section.lines:
            rows = filters.compile(line.filter).rows(session, order)
            assert len(rows) == line.messages, line.filter
            lengths = session.messages.column("length")[rows]
            assert (line.bytes, line.least, line.most) == (
                lengths.sum(), lengths.min(), lengths.max(),
            )  # fmt: skip


def test_tcp_counts_are_those_of_the_connections():
    session = capture("lab/nginx-lossy.pcap")
    session.run()
    found = tcp_lines(session, None)
    assert [line.retransmitted for line in found] == [
        side.retransmitted for side in session.connections[0].tcp
    ]
    assert found[0].retransmitted > 0


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
def test_the_screen(size):
    async def use(app, pilot):
        screen = text(app)
        for piece in ("2 connections", "Message types", "Video Data", "share"):
            assert piece in screen, piece
        video = next(line for line in lines(app) if "Video Data" in line)
        assert video.split()[:6] == ["→", "Video", "Data", "104", "33.9", "kB"]
        assert {len(line) for line in lines(app)} == {size[0]}

    view(capture(TALK), "statistics", use, size)


def test_keys():
    async def use(app, pilot):
        assert "Chunk streams" in await press(pilot, *["pagedown"] * 2)
        assert "TCP" in await press(pilot, "G")
        screen = await press(pilot, "g", "c")
        assert "Connections" not in screen and "c0" in lines(app)[0]
        screen = await press(pilot, "j", "enter")
        assert app.screen is app.main
        assert "Messages 104" in screen.replace(" of 485", "")
        assert app.main.filter_text == "connection == c0 && type_id == 9 && direction == c2s"

    view(capture(TALK), "statistics", use)


@pytest.mark.parametrize("connection", [None, 0])
def test_a_burst_of_a_few_messages_has_no_rate_of_its_own(connection):
    session = capture(TALK)
    session.run()
    view = session.connections[0]
    whole = session.capture.duration_ns if connection is None else view.end_ns - view.start_ns
    found = {section.title: section.lines for section in sections(session, connection)}
    for line in found["Message types"]:
        assert line.rate == pytest.approx(line.bytes * 8e9 / whole)
        assert line.per_second == pytest.approx(line.messages * 1e9 / whole)
    if connection is None:
        own = [line for line in found["Connections"] if line.name == "c0"]
        assert {line.lasted_ns for line in own} == {view.end_ns - view.start_ns}
