"""What changes the list: units, columns, order, marks, following, find, copy, panes."""

from pathlib import Path

import pytest

from analyzer.options import Options
from analyzer.session import Session
from analyzer.tui import search
from analyzer.tui.picker import Sorting
from analyzer.tui.rates import Rates, Sample
from tests.analyzer import talk
from tests.analyzer.tui.fake import FakeSession
from tests.analyzer.tui.screen import lines, press, run, settle, text

CAPTURES = Path(__file__).parents[3] / "captures"


def capture(name="real/publish-play-nginx"):
    return Session([str(CAPTURES / f"{name}.pcap")])


def header(app):
    return next(line for line in lines(app) if "time" in line and "info" in line).split()


def test_lines_are_messages_chunks_or_segments():
    async def use(app, pilot):
        await press(pilot, "9", "g")
        row = app.main.messages.row
        screen = await press(pilot, "r")
        assert "Chunks 487" in screen and "1/1" in screen and "payload" in header(app)
        assert app.main.messages.row == row  # the cursor stays on its message
        assert "Bytes: TCP stream" in screen
        screen = await press(pilot, "r")
        assert "TCP segments 624" in screen and "begins" in header(app)
        screen = await press(pilot, "r")
        assert "Messages 485" in screen and "Bytes: message" in screen

    run(capture(), use)


def test_the_chunk_under_the_cursor_is_marked_in_the_stream():
    async def use(app, pilot):
        await press(pilot, "1", "g", "r")  # connect: 139 bytes in two chunks
        first = app.main.hexes.layer_ranges
        assert "1/2" in text(app) and first == [(0, 140)]
        await press(pilot, "j")
        assert "2/2" in text(app) and app.main.hexes.layer_ranges == [(140, 152)]

    run(capture(), use)


def test_handshake_line_shows_its_tree_and_bytes():
    async def use(app, pilot):
        screen = text(app)
        assert "Handshake C0+C1" in screen and "C1: digest form" in screen
        app.main.tree_pane.focus()
        await press(pilot, "home", "j")
        assert app.main.hexes.field_ranges == [(0, 1)]
        screen = await press(pilot, "b", "b")
        assert "frame " in screen and "Bytes: capture file" in screen
        app.main.hexes.focus()
        headers = app.main.hexes.view.pieces[0].at  # of the first frame
        await press(pilot, "home", *["right"] * (headers + 1))
        assert app.main.tree_pane.line.node.name == "time"
        assert "has no field" in await press(pilot, "a")

    run(capture(), use)


def test_gap_line_says_what_is_missing():
    async def use(app, pilot):
        gap = next(n for n in app.main.messages.rows.tolist() if n < 0
                   and app.main.snapshot.extras[n].kind == "gap")  # fmt: skip
        app.main.show_row(gap)
        await settle(pilot)
        screen = text(app)
        assert "Gap at stream offset" in screen and "bytes not in the capture" in screen
        assert "·· ··" in screen

    run(capture("lab/nginx-capture-drops"), use)


def test_filtered_chunks_and_segments():
    async def use(app, pilot):
        app.main.set_filter("type_id == 9")
        await press(pilot, "r")
        rows = app.main.messages.rows
        assert {app.main.session.value(row, "type_id") for row in rows.tolist()} == {9}
        await press(pilot, "r")
        assert 0 < len(app.main.messages.listing) < 624

    run(capture(), use)


def test_columns_are_shown_hidden_and_moved():
    async def use(app, pilot):
        assert "[x]   csid" in await press(pilot, "c")
        for _ in range(2):
            await press(pilot, "j")  # time, conn, dir …
        await press(pilot, "space", "enter")
        assert header(app)[:3] == ["time", "conn", "csid"]
        await press(pilot, "c", "greater_than_sign", "enter")
        assert header(app)[:3] == ["conn", "time", "csid"]
        await press(pilot, "c", "space", "escape")
        assert header(app)[:3] == ["conn", "time", "csid"]
        await press(pilot, "c", "d", "escape")
        assert header(app)[:3] == ["conn", "time", "csid"]
        assert "[x]   dir" in await press(pilot, "c", "d")  # and Enter applies
        await press(pilot, "enter")
        assert header(app)[:3] == ["time", "conn", "dir"]
        assert app.remember().columns == {}

    run(FakeSession(), use, (80, 24))


def test_sorting_from_the_dialog_and_by_mouse():
    async def use(app, pilot):
        pane = app.main.messages
        await press(pilot, "c", *"jjjj", "r", "enter")
        assert pane.sorting == Sorting("msid", reverse=True) and "msid▾" in text(app)
        values = [app.main.session.value(row, "msid") for row in pane.rows.tolist()]
        assert values == sorted(values, reverse=True)
        x = next(line for line in lines(app) if "msid▾" in line).index("csid")
        await pilot.click("#messages", offset=(x, 1))
        await settle(pilot)
        assert pane.sorting == Sorting("csid") and "csid▴" in text(app)
        await pilot.click("#messages", offset=(x, 1))
        await settle(pilot)
        assert pane.sorting == Sorting("csid", reverse=True)
        await press(pilot, "c", "d", "enter")
        assert pane.rows.tolist() == list(range(30))

    run(FakeSession(), use, (80, 24))


def test_the_cursor_stays_on_its_message_when_sorted():
    async def use(app, pilot):
        await press(pilot, "7", "g")
        app.main.sort(Sorting("length"))
        await settle(pilot)
        assert app.main.messages.row == 6

    run(FakeSession(), use)


def test_only_marked():
    async def use(app, pilot):
        assert "no marked message" in await press(pilot, "M")
        screen = await press(pilot, "j", "m", "j", "j", "m", "M")
        assert "Messages 2 of 30" in screen and app.main.messages.rows.tolist() == [1, 3]
        assert "Messages 30" in await press(pilot, "escape")

    run(FakeSession(), use)


def test_marks_outlive_filter_and_order():
    async def use(app, pilot):
        pane = app.main.messages
        await press(pilot, *"12g", "m", *"20g", "m", "slash", *"type_id == 20", "enter")
        pane.marks.add(pane.row)
        hidden = len(pane.marks - set(pane.rows.tolist()))
        assert "Messages 485" not in text(app) and hidden
        await press(pilot, "escape")
        marked = {row for row in pane.rows.tolist() if row in pane.marks}
        assert len(marked) == 3
        app.main.sort(Sorting("length", True))
        await settle(pilot)
        found = set()
        for _ in range(3):
            await press(pilot, "apostrophe")
            found.add(pane.row)
        assert found == marked
        assert sum("◆" in line for line in text(app).splitlines()) >= 1

    run(capture(), use)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", ""),
        ("0", "no such message here"),
        ("99999", "no such message here"),
        ("-5", "not a place"),
        ("f99999", "no such frame here"),
        ("c9.c2s.1", "no such message here"),
        ("+999999", "no such time here"),
        ("@0xfffffffff", "no such offset here"),
        ("日本", "not a place"),
        ("[b]", "not a place"),
    ],
)
def test_places_that_are_not_there(typed, said):
    async def use(app, pilot):
        await press(pilot, *"12g")
        at = app.main.messages.cursor
        app.main.goto(typed)
        await press(pilot)
        assert said in text(app) and app.main.messages.cursor == at
        assert said or "not a place" not in text(app)

    run(capture(), use)


def test_a_handshake_cannot_be_marked():
    async def use(app, pilot):
        assert "only messages can be marked" in await press(pilot, "g", "m")

    run(capture(), use)


def test_commands():
    async def use(app, pilot):
        await press(pilot, "right_parenthesis")
        assert app.main.messages.row == 3
        await press(pilot, "right_parenthesis", "left_parenthesis", "left_parenthesis")
        assert app.main.messages.row == 0
        assert "no earlier command" in await press(pilot, "left_parenthesis")

    run(FakeSession(), use)


def test_following_the_end_of_a_live_capture():
    session = FakeSession(rows=90)
    session.options = Options(endless=True)
    session.capture.size = None
    session.batches = 3

    async def use(app, pilot):
        pane = app.main.messages
        assert pane.follow and pane.cursor == 89  # the tail, without a key
        await press(pilot, "k")
        assert not pane.follow and pane.cursor == 88
        assert "following the end" in await press(pilot, "f") and pane.cursor == 89
        assert "staying here" in await press(pilot, "f")

    run(session, use)


def test_rates_look_back_some_seconds():
    rates = Rates()
    assert rates.per_second() is None
    for second in range(10):
        rates.note(Sample(float(second), second * 1000, second * 10, second * second))
    found = rates.per_second()
    assert found[1:3] == (1000, 10) and found.messages == (81 - 36) // 3


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("RELEASE", "releaseStream"),
        ("/^FC\\w+/", "FCPublish"),
        ("hex:6f6e4d65", "onMetaData"),
        ("body:ONMETADATA", "onMetaData"),
        ("tree:message stream id: 1", "publish"),
    ],
)
def test_finding_text_patterns_bytes_and_labels(typed, name):
    async def use(app, pilot):
        app.main.search_for(typed)
        await settle(pilot)
        pane = app.main.messages
        assert name in pane.info(pane.cursor), text(app)

    run(capture(), use)


@pytest.mark.parametrize("typed", ["/(/", "hex:1", "hex:zz", ""])
def test_what_cannot_be_looked_for(typed):
    with pytest.raises(ValueError, match=r"not|nothing"):
        search.parse(typed)


def test_copy_menu():
    async def use(app, pilot):
        app.main.tree_pane.focus()
        await press(pilot, *"jjj")
        for key, wanted in (("v", "3"), ("p", "header.csid"), ("h", "03"), ("c", "{0x03}"),
                            ("f", "csid == 3")):  # fmt: skip
            assert "Copy" in await press(pilot, "Y")
            await press(pilot, key)
            assert app.clipboard == wanted, key
        await press(pilot, "Y", "j", "enter")  # by cursor
        assert app.clipboard == "header.csid"
        await press(pilot, "Y", "escape")
        await press(pilot, "Y", "j")
        assert "rtmp" not in app.clipboard

    run(FakeSession(), use)


def test_copy_as_json():
    async def use(app, pilot):
        await press(pilot, "1", "g", "Y", "M")
        assert '"id": "c0.c2s.0"' in app.clipboard and '"name": "connect"' in app.clipboard
        await press(pilot, "Y", "J")
        assert app.clipboard.startswith('{"name": "message"')

    run(capture(), use)


def test_panes_grow_and_shrink():
    async def use(app, pilot):
        panes = app.main
        for pane in (panes.messages, panes.tree_pane, panes.hexes, panes.connections):
            pane.focus()
            before = pane.size
            await press(pilot, "plus")
            larger = pane.size
            assert larger.width * larger.height > before.width * before.height, pane.id
            await press(pilot, "minus")
            assert pane.size == before, pane.id
        for _ in range(60):  # never away altogether
            await press(pilot, "minus")
        assert panes.connections.size.height > 0

    run(FakeSession(), use)


def test_light_and_dark():
    async def use(app, pilot):
        assert "theme: textual-light" in await press(pilot, "t")
        assert "theme: textual-dark" in await press(pilot, "t")

    run(FakeSession(), use)


def test_completion_and_what_a_field_is():
    async def use(app, pilot):
        screen = await press(pilot, "slash", *"csi")
        assert "csid" in screen and "Tab completes" in screen
        screen = await press(pilot, "tab")
        assert app.main.prompt.line.value == "csid" and "csid: chunk stream id" in screen
        await press(pilot, *" == 3 and command.na", "tab")
        assert app.main.prompt.line.value == "csid == 3 and command.name"
        await press(pilot, *' == "csi')  # inside a string there are no fields
        assert "Tab completes" not in text(app)

    run(FakeSession(), use)


def test_a_hostile_conversation_is_browsed_in_every_unit():
    evil = "[red]\x1b]0;own\x07\u202e" + "x" * 10_000 + "\udc80[/b]"
    bad = evil.encode("utf-8", "surrogatepass")[:9000].decode("latin-1")
    session = talk.session(talk.publish(bad, bad[:500], bad[:500]), talk.answer(bad[:500]))

    async def use(app, pilot):
        for key in ("r", "j", "G", "r", "k", "g", "r", "Y", "p", "c", "escape", "1", "g", "tab",
                    "asterisk", "G", "y", "Y", "v", "/", *"app", "tab", "escape"):  # fmt: skip
            await press(pilot, key)
            for line in lines(app):
                assert line.isprintable() and len(line) <= 120, key

    run(session, use)


@pytest.mark.parametrize(
    ("layout", "pane", "across", "share"),
    [
        ("stacked", "messages", 0, "connections"),
        ("stacked", "tree", 0, "messages"),
        ("stacked", "hex", 5, "hex"),
        ("columns", "hex", 0, "messages"),
        ("columns", "tree", 5, "hex"),
        ("rows", "hex", 0, "tree"),
    ],
)
def test_borders_are_dragged(layout, pane, across, share):
    """Down by two lines (by its upper border), or to the right by five cells (by its left edge)."""

    async def use(app, pilot):
        while app.main.panes.layout_name != layout:
            await press(pilot, "vertical_line")
        region = app.main.query_one(f"#{pane}").region
        start = (region.x, region.y + 2) if across else (region.x + 3, region.y)
        end = (start[0] + across, start[1] + (0 if across else 2))
        await pilot.mouse_down(offset=start)
        await pilot.hover(offset=end)
        await pilot.mouse_up(offset=end)
        await press(pilot)
        assert app.main.panes.shares == {share: -5 if across else 2}
        moved = app.main.query_one(f"#{pane}").region
        assert (moved.x, moved.y) == (region.x + across, region.y + (0 if across else 2))
        await pilot.hover(offset=(start[0], start[1] + 4))  # no button is pressed any more
        assert app.main.query_one(f"#{pane}").region == moved

    run(FakeSession(), use, (140, 50))
