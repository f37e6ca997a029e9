"""What the list hides is found all the same, or its hiding is told: no jump is lost."""

import pytest

from analyzer.tui.keys import MAIN, MOVE, view_keys
from analyzer.tui.picker import UNITS
from analyzer.tui.views import Jump
from tests.analyzer import talk
from tests.analyzer.tui.fake import FakeSession
from tests.analyzer.tui.opened import TALK, capture
from tests.analyzer.tui.screen import press, run, settle, text

HIDINGS = {
    "the filter": ("slash", "ctrl+u", *"type_id == 8", "enter"),
    "marked only": ("1", "g", "m", "M"),
    "the choice of c1": ("shift+tab", "j", "j", "enter"),
}
"""What hides rows 2 and 8, and the keys for it."""


@pytest.mark.parametrize("words", HIDINGS)
def test_what_hides_the_target_of_a_jump_is_lifted_and_told(words):
    async def use(app, pilot):
        main = app.main

        async def hide():
            main.show_row(0)
            main.messages.marks.clear()
            await press(pilot, *HIDINGS[words])
            assert main.hidings() == words
            assert main.messages.listing.place(2) is main.messages.listing.place(8) is None

        for typed in ("c0.s2c.0", "f3"):
            await hide()
            screen = await press(pilot, "colon", *typed, "enter")
            assert main.messages.row == 2 and not main.hidings(), typed
            assert f"was hidden; lifted: {words}" in screen
            assert ("/ ↑ filters again" in screen) == (words == "the filter")
        for jump, row in (
            (Jump(row=2), 2),  # as from the ladder, a plot, a story
            (Jump(diagnostic=main.session.diagnostics[0]), 8),
        ):
            await hide()
            main.jump(jump)
            await settle(pilot)
            assert main.messages.row == row and not main.hidings()
            assert f"was hidden; lifted: {words}" in text(app)

    run(FakeSession(), use)


def test_only_what_hides_the_target_is_lifted():
    async def use(app, pilot):
        await press(pilot, *HIDINGS["the filter"], *HIDINGS["the choice of c1"])
        await press(pilot, "colon", *"c1.c2s.1", "enter")  # row 5 of c1: video
        assert app.main.messages.row == 5 and app.main.hidings() == "the choice of c1"
        await press(pilot, *HIDINGS["the filter"])
        screen = await press(pilot, "colon", *"c0.s2c.0", "enter")
        assert "lifted: the filter and the choice of c1" in screen
        screen = await press(pilot, "slash", "up", "enter")
        assert "type_id == 8" in screen and app.main.filter_text == "type_id == 8"

    run(FakeSession(), use)


def test_an_offset_is_found_where_its_message_is_hidden():
    async def use(app, pilot):
        session, row = app.main.session, 60
        side = [session.value(row, name) for name in ("connection", "direction")]
        await press(pilot, "slash", *f"connection == {side[0]} and index == 0", "enter")
        await press(pilot, "g" if not side[1] else "G")
        at = session.value(row, "stream_offset") + 5
        screen = await press(pilot, "colon", *f"@{at:#x}", "enter")
        assert app.main.messages.row == row and "lifted: the filter" in screen

    run(capture(TALK), use)


def test_what_is_not_found_among_the_shown_says_so():
    async def use(app, pilot):
        await press(pilot, "slash", *"csid == 3", "enter")
        assert "there are 13; the filter hides others" in await press(pilot, "9", "9", "g")
        assert "among the lines shown; the filter may hide" in await press(
            pilot, "right_curly_bracket"
        )
        screen = await press(pilot, "ctrl+f", *"keyframe", "enter")
        assert "nowhere among the lines shown; the filter may hide" in screen
        await press(pilot, "escape", "right_curly_bracket", "m", "slash", *"csid == 3", "enter")
        assert "hidden by the filter: 1 marked" in await press(pilot, "apostrophe")

    run(capture(TALK), use)


def test_a_message_inside_a_segment_has_a_line_there():
    async def use(app, pilot):
        session = app.main.session
        await press(pilot, "r", "r")
        for row in range(0, len(session.messages), 37):
            app.main.show_row(row)
            await settle(pilot)
            listing, line = app.main.messages.listing, app.main.messages.cursor
            assert listing.UNIT == "segment"
            start, length = listing.span(line)
            assert start <= session.value(row, "stream_offset") < start + length

    run(capture(TALK), use)


NOTHING = [
    ('type == "foo"', "no message type is called 'foo'"),
    ("csid == 1", "no csid but 2 to 65599 is possible"),
    ("csid == 99", "csid is here: "),
    ("user_control.event", "No message passes"),
]


def test_an_empty_list_says_why_it_is_empty():
    async def use(app, pilot):
        for typed, why in NOTHING:
            screen = await press(pilot, "slash", "ctrl+u", *typed, "enter")
            if len(app.main.messages.listing):
                continue
            assert "No message passes." in screen and f"Filter: {typed}" in screen
            assert why in screen and "Esc lifts it" in screen
        await press(pilot, "escape", "m", "M")
        await press(pilot, "slash", *"csid == 99", "enter")
        screen = await press(pilot, "shift+tab", "j", "enter")
        assert "M lists all" in screen and "Only c0 is listed" in screen
        assert "the others stay" in screen

    run(capture(TALK), use)


@pytest.mark.parametrize("unit", UNITS)
def test_no_key_fails_on_an_empty_list(unit):
    async def use(app, pilot):
        main = app.main
        main.set_unit(unit)
        for item in (*MAIN, *MOVE, *view_keys()):
            if item.action.startswith("app.") or item.action in ("help", "back"):
                continue
            main.set_filter("csid == 99")
            main.set_focus(main.messages)
            await settle(pilot)
            assert not len(main.messages.listing)
            await press(pilot, item.key.split(",")[0])
            if main.prompt.is_open:
                await press(pilot, *"connect", "enter")
            while app.screen is not main:
                app.pop_screen()
                await settle(pilot)
            main.prompt.close()
            assert app.is_running, item
        await press(pilot, "n", "N", "9", "9", "g")
        assert app.is_running

    run(talk.session(), use, (64, 16))


def test_a_filter_that_can_pass_nothing_is_marked_while_it_is_typed():
    async def use(app, pilot):
        screen = await press(pilot, "slash", *'direction == "up" ')
        assert app.main.prompt.has_class("-doubtful")
        assert "no direction is called 'up': there is c2s, s2c" in screen
        await press(pilot, "ctrl+u", *"type_id == 9 ")
        assert app.main.prompt.has_class("-valid")
        await press(pilot, "ctrl+u", *"type_id == bogus ")
        assert app.main.prompt.has_class("-invalid")
        assert not app.main.prompt.has_class("-doubtful")

    run(FakeSession(), use)
