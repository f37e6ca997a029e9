"""Following a connection, a message stream, a chunk stream."""

import pytest

from analyzer.tui.data.follow import FORMS, SCOPES, SHOWN, Scope, conversation, numbers
from tests.analyzer import talk
from tests.analyzer.tui.opened import TALK, capture, view
from tests.analyzer.tui.screen import lines, press, text


def test_scopes_and_sides_divide_the_messages():
    session = talk.session()
    everything = conversation(session, Scope(SCOPES[0], 0), "both", "values")
    assert sorted(everything.rows.tolist()) == list(range(len(session.messages)))
    for kind in SCOPES[1:]:
        rows = [
            row
            for number in numbers(session, kind, 0)
            for row in conversation(session, Scope(kind, 0, number), "both", "text").rows.tolist()
        ]
        assert sorted(rows) == list(range(len(session.messages)))
    sides = [conversation(session, Scope(SCOPES[0], 0), side, "hex") for side in
             ("client", "server")]  # fmt: skip
    assert len(sides[0].rows) == len(talk.publish()) and len(sides[1].rows) == len(talk.answer())


@pytest.mark.parametrize("form", FORMS)
def test_lines_and_messages_agree(form):
    session = talk.session()
    found = conversation(session, Scope(SCOPES[0], 0), "both", form)
    seen = [found.line(n) for n in range(len(found))]
    assert [row for row, line in seen if not line] == found.rows.tolist()
    assert all(found.line(found.of_row(row)) == (row, 0) for row in found.rows.tolist())
    for row in found.rows.tolist():
        size = min(session.value(row, "length"), SHOWN)
        body = sum(1 for other, line in seen if other == row and line)
        if form != "values":
            assert body == -(-size // {"text": 64, "hex": 16}[form])


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
def test_the_screen(size):
    async def use(app, pilot):
        screen = text(app)
        assert "connection, both sides, values" in screen
        assert "connect('live')" in screen and '"app": "live"' in screen
        assert {len(line) for line in lines(app)} == {size[0]}

    view(capture(TALK), "follow", use, size, row=0, connection=0)


def test_keys():
    async def use(app, pilot):
        assert "02 00 07 63 6f 6e 6e" in await press(pilot, "f", "f")
        assert "flashVer" in await press(pilot, "f", "f")  # values, then text
        screen = await press(pilot, "d")
        assert "the client only" in screen and "_result" not in screen
        assert "the server only" in await press(pilot, "d")
        assert "both sides" in await press(pilot, "d")
        assert "message stream 0" in await press(pilot, "s")
        screen = await press(pilot, "n")
        assert "message stream 1" in screen and "publish('livestream')" in screen
        assert "connect('live')" not in screen
        assert "message stream 0" in await press(pilot, "N")
        assert "chunk stream" in await press(pilot, "s")
        assert "connection, both" in await press(pilot, "s")
        assert "s chooses what is followed" in await press(pilot, "n")
        assert "play('livestream')" in await press(pilot, "c")
        await press(pilot, "G", "enter")
        assert app.screen is app.main
        assert app.main.session.value(app.main.messages.row, "connection") == 1

    view(capture(TALK), "follow", use, row=0, connection=0)
