"""The ladder: who said what, when, and how long the answer took."""

import pytest

from analyzer.tui.data.ladder import ladder, marks, said
from analyzer.tui.model import Findings, findings
from analyzer.tui.widgets.ladder import arrow
from tests.analyzer import talk
from tests.analyzer.tui.opened import TALK, capture, view
from tests.analyzer.tui.screen import lines, press, text


def told(session, connection=0):
    """Return (direction, text) of every line."""
    found = ladder(session, connection, Findings())
    return [(found.step(n).direction, said(session, found, n).text) for n in range(len(found))]


def test_the_steps_of_a_publisher():
    session = capture(TALK)
    session.run()
    steps = told(session)
    texts = [words for _, words in steps]
    assert texts[:5] == ["TCP connection opens", "C0 C1", "S0 S1", "S2", "C2"]
    assert [side for side, _ in steps[:5]] == [0, 0, 1, 1, 0]
    order = ["connect('live')", "_result('NetConnection.Connect.Success')", "createStream()",
             "publish('livestream')", "onStatus('NetStream.Publish.Start')"]  # fmt: skip
    assert [words for words in texts if words in order] == order
    assert sum(words.startswith("first ") for words in texts) == 2
    assert texts[-1].startswith("TCP FIN") or texts[-2].startswith("TCP FIN")


def test_every_message_is_on_one_line():
    session = capture(TALK)
    session.run()
    for connection in (0, 1):
        found = ladder(session, connection, Findings())
        rows = [row for n in range(len(found)) for row in found.rows_at(n).tolist()]
        assert rows == found.rows.tolist() and len(set(rows)) == len(rows)
        assert all(found.rows_at(found.of_row(row)).tolist().count(row) for row in rows)


@pytest.mark.parametrize("name", [TALK, "edge/hs-pipelined.pcap", "lab/nginx-two-players.pcap"])
def test_lines_are_in_the_order_of_time_and_frames(name):
    """Also where the client speaks before its handshake is complete (RTMP 1.0 §5.2.1)."""
    session = capture(name)
    session.run()
    for connection in range(len(session.connections)):
        found = ladder(session, connection, Findings())
        steps = [found.step(n) for n in range(len(found))]
        assert steps == sorted(steps, key=lambda step: step.time_ns)
        at = [(n, step) for n, step in enumerate(steps) if step.row >= 0]
        assert all(found.of_row(step.row) == n for n, step in at)
        told = [(step.time_ns, session.value(step.row, "last_frame")) for _, step in at]
        assert told == sorted(told)
        assert {found.near(n) for n in range(len(found))} == {step.row for _, step in at}


def test_repeated_media_are_one_line():
    session = talk.session()
    texts = [words for _, words in told(session)]
    assert "5 video, 5 audio (1,485 bytes)" in texts


def test_messages_with_findings_have_lines_of_their_own():
    session = talk.session()
    found = findings(session)
    steps = ladder(session, 0, found)
    marked = marks(steps, found)
    for row in found.by_row:
        line = steps.of_row(row)
        if found.worst(row) != "note":
            assert steps.rows_at(line).tolist() == [row]
            assert marked[line].severity == found.worst(row)
        assert line in marked


def test_media_go_on_in_another_line_behind_a_pause():
    session = talk.session()
    media = ladder(session, 0, Findings())
    run = next(n for n in range(len(media)) if len(media.rows_at(n)) > 5)
    rows = media.rows_at(run)
    times = session.messages.column("time_ns")
    late = next(n for n in range(1, len(rows)) if times[rows[n]] > times[rows[n - 1]])
    times[times >= times[rows[late]]] += 7 * 10**9
    steps = ladder(session, 0, Findings())
    line = steps.of_row(int(rows[late]))
    assert steps.rows_at(line)[0] == rows[late]
    assert steps.rows_at(line - 1)[-1] == rows[late - 1]
    assert steps.step(line).time_ns - steps.step(line - 1).last_ns > 6 * 10**9


def test_a_refusal_is_an_error_and_the_answer_has_its_time():
    session = capture("lab/nginx-publish-duplicate.pcap")
    session.run()
    found = [
        [
            said(session, ladder(session, c, Findings()), n)
            for n in range(len(ladder(session, c, Findings())))
        ]
        for c in range(len(session.connections))
    ]
    refused = [item for steps in found for item in steps if item.refused]
    assert len(refused) == 1 and "BadName" in refused[0].text
    connect = next(item for item in found[0] if "Connect.Success" in item.text)
    assert connect.answer_ns == session.exchange(0).latency_ns


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
def test_the_screen(size):
    async def use(app, pilot):
        screen = text(app)
        for piece in ("client 127.0.0.1:38060", "server 127.0.0.1:1935", "connect('live')",
                      "44.0 ms", "Enter message"):  # fmt: skip
            assert piece in screen, piece
        assert {len(line) for line in lines(app)} == {size[0]}
        connect = next(line for line in lines(app) if "connect('live')" in line)
        assert "├─ connect('live') ─" in connect and connect.rstrip("▅▁▂▃▄▆▇█ ").endswith("▶┤")

    view(capture(TALK), "ladder", use, size)


def test_keys():
    async def use(app, pilot):
        assert "C0 C1" in text(app)
        assert "TCP FIN" in await press(pilot, "G")
        assert "C0 C1" in await press(pilot, "g")
        await press(pilot, "enter")  # TCP's opening leads to the first message
        assert app.screen is app.main and app.main.messages.row == 0
        await press(pilot, "q")
        assert "play('livestream')" in await press(pilot, "c")
        assert "publish('livestream')" in await press(pilot, "C")
        await press(pilot, "g", *"jjjjj")
        screen = await press(pilot, "enter")  # the message of the line, in the list
        assert app.screen is app.main and app.main.messages.row == 0
        assert "Messages" in screen
        await press(pilot, "L")
        assert app.screen.lines.row == 0  # and back to its line
        assert "Next connection" in await press(pilot, "question_mark")
        await press(pilot, "escape", "q")
        assert app.screen is app.main

    view(capture(TALK), "ladder", use, row=0, connection=0)


def test_click_and_double_click():
    async def use(app, pilot):
        place = next(n for n, line in enumerate(lines(app)) if "createStream()" in line)
        await pilot.click("#ladder", offset=(40, place - 1))
        await press(pilot)
        assert "createStream" in app.main.session.info(app.screen.lines.row)
        await pilot.click("#ladder", offset=(40, place - 1), times=2)
        await press(pilot)
        assert app.screen is app.main

    view(capture(TALK), "ladder", use)


@pytest.mark.parametrize("direction", [-1, 0, 1])
@pytest.mark.parametrize("width", [5, 12, 49, 120])
@pytest.mark.parametrize("words", ["", "a", "日本語" * 40, "x" * 500])
def test_arrows_are_as_wide_as_asked(direction, width, words):
    from rich.cells import cell_len

    assert cell_len(arrow(words, direction, width)) == width
