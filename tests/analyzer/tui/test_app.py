"""The main screen at two sizes: loading, panes, filter, connections, nothing to show."""

import threading

import pytest

from analyzer.tui.app import AnalyzerApp
from tests.analyzer.tui.fake import FakeSession
from tests.analyzer.tui.screen import lines, press, run, settle, text

SIZES = [(80, 24), (120, 40), (200, 60)]


@pytest.mark.parametrize("size", SIZES)
def test_everything_is_on_the_first_screen(size):
    async def use(app, pilot):
        screen = text(app)
        for piece in ("live.pcap", "30 messages", "1 warning", "all  2 connections", "live/live",
                      "avc+aac", "publish", "AMF0 Command", "info 0 live", "→", "←",
                      "RTMP Header", "Chunk Stream ID: 3", "02 00 07 63", "? help"):  # fmt: skip
            assert piece in screen, piece
        assert {len(line) for line in lines(app)} == {size[0]}
        assert len(lines(app)) == size[1]

    run(FakeSession(), use, size)


def test_columns_are_the_ones_promised():
    async def use(app, pilot):
        header = next(line for line in lines(app) if "csid" in line)
        assert header.split() == ["time", "conn", "dir", "csid", "msid", "type", "timestamp",
                                  "length", "info"]  # fmt: skip
        row = next(line for line in lines(app) if "info 2 live" in line)
        assert row.split() == [
            "0.002",
            "c0",
            "←",
            "6",
            "1",
            "Video",
            "66",
            "22",
            "info",
            "2",
            "live",
        ]

    run(FakeSession(), use, (80, 24))


def test_rows_appear_while_indexing_and_escape_stops_it():
    session = FakeSession(rows=400)
    session.batches = 4
    turn = threading.Semaphore(2)  # two batches, then wait for the test
    session.before_batch = lambda: turn.acquire() and None

    async def use(app, pilot):
        for _ in range(100):
            await settle(pilot, indexed=False)
            if "info 0 live" in text(app):
                break
        assert "indexing" in text(app) and "%" in text(app)
        await press(pilot, "j")  # the interface works meanwhile
        assert app.main.messages.cursor == 1
        await press(pilot, "escape")
        turn.release()
        await settle(pilot)
        assert "loading stopped" in text(app)
        assert 0 < len(app.main.messages.rows) < 400
        assert app.main.messages.cursor == 1

    try:
        run(session, use, wait=False)
    finally:
        turn.release(9)


def test_an_error_while_indexing_ends_in_the_loader_not_in_the_screen():
    session = FakeSession()
    session.before_batch = lambda: 1 / 0

    async def use(app, pilot):
        assert isinstance(app.main.loader.failure, ZeroDivisionError)
        assert "No RTMP message" in text(app)

    run(session, use)


def test_no_rtmp_explains_itself():
    async def use(app, pilot):
        screen = text(app)
        for piece in ("No RTMP message in", "0 packets", "What to try", "-d tcp.port==PORT,rtmp"):
            assert piece in screen
        await press(pilot, "j", "tab", "]", "}", "m", "'", "n", "5", "g", "G", "y", "b", "a", "|")
        assert "No RTMP message in" in text(app)

    run(FakeSession(rows=0), use, (80, 24))


def test_selecting_a_connection_shows_only_its_messages():
    async def use(app, pilot):
        app.main.connections.focus()
        screen = await press(pilot, "j", "j")
        assert "Messages 15 of 30" in screen
        assert "info 1 live" in screen and "info 0 live" not in screen
        assert "Messages 30" in await press(pilot, "home")

    run(FakeSession(), use)


def test_filter_bar_colours_points_and_applies():
    async def use(app, pilot):
        await press(pilot, "slash")
        screen = await press(pilot, *"csid == ")
        assert app.main.prompt.has_class("-invalid") and "Tab completes" in screen
        assert "^ expected a number here" in await press(pilot, "x")
        await press(pilot, "backspace", "6")
        assert app.main.prompt.has_class("-valid")
        screen = await press(pilot, "enter")
        assert "Messages 10 of 30" in screen and "filter csid == 6" in screen
        assert "info 2 live" in screen and "info 0 live" not in screen
        await press(pilot, "slash", "ctrl+u", "up")  # the history has it
        assert app.main.prompt.line.value == "csid == 6"
        await press(pilot, "escape")
        assert "Messages 30" in await press(pilot, "escape")

    run(FakeSession(), use, (80, 24))


def test_filter_completion():
    async def use(app, pilot):
        await press(pilot, "slash", *"timest")
        await press(pilot, "tab")
        assert app.main.prompt.line.value == "timestamp"

    run(FakeSession(), use)


def test_a_wrong_filter_stays_open_with_its_error():
    async def use(app, pilot):
        screen = await press(pilot, "slash", *"nofield == 1", "enter")
        assert app.main.prompt.is_open
        assert "unknown field" in screen

    run(FakeSession(), use)


def test_filter_given_at_start():
    async def use(app, pilot):
        assert "Messages 10 of 30" in text(app)

    run(FakeSession(), use, filter_text="type_id == 9")


def test_filter_from_a_tree_field():
    async def use(app, pilot):
        await press(pilot, "tab", "j", "j", "j")  # Chunk Stream ID: 3
        screen = await press(pilot, "a")
        assert "Messages 10 of 30" in screen and "csid == 3" in screen
        assert "csid == 3 and !(csid == 3)" in await press(pilot, "x")

    run(FakeSession(), use)


@pytest.mark.parametrize("theme", ["textual-light", "textual-dark", "nord", "ansi-dark"])
def test_themes(theme):
    async def use(app, pilot):
        app.theme = theme
        assert "info 0 live" in await press(pilot, "j", "tab", "tab", "j")

    run(FakeSession(), use)


def test_no_color(monkeypatch):
    """https://no-color.org: no colour at all, and direction and severity still readable."""
    monkeypatch.setenv("NO_COLOR", "1")

    async def use(app, pilot):
        assert app.no_color
        assert "→" in text(app) and "←" in text(app) and "▲" in text(app)
        for strip in app.screen._compositor.render_strips():
            for segment in strip:
                for color in (segment.style.color, segment.style.bgcolor) if segment.style else ():
                    if color is not None and color.triplet is not None:
                        assert len(set(color.triplet)) == 1

    run(FakeSession(), use)


def test_resize_keeps_the_cursor_in_sight():
    async def use(app, pilot):
        await press(pilot, "G")
        for size in ((80, 24), (200, 60), (60, 15), (120, 40)):
            await pilot.resize_terminal(*size)
            await settle(pilot)
            assert " 0.029" in text(app), size

    run(FakeSession(), use)


def test_quit_returns_zero():
    async def use(app: AnalyzerApp, pilot):
        await pilot.press("q")
        assert app.return_value == 0

    run(FakeSession(), use)
