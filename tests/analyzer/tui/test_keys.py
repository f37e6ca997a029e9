"""Keys that move, mark, copy, zoom and help."""

import pytest

from analyzer.tui.keys import COLUMNS, HEX, MAIN, MOVE, TREE
from analyzer.tui.views import VIEWS
from tests.analyzer.tui.fake import FakeSession
from tests.analyzer.tui.opened import TALK, capture
from tests.analyzer.tui.screen import lines, press, run, text, until


def test_moving_in_the_list():
    async def use(app, pilot):
        pane = app.main.messages
        for keys, wanted in (
            ("j", 1), ("down", 2), ("k", 1), ("G", 99), ("up", 98), ("g", 0), ("end", 99),
            ("home", 0), ("pagedown", pane.page), ("pageup", 0),
        ):  # fmt: skip
            await press(pilot, keys)
            assert pane.cursor == wanted, keys
        assert pane.scroll_offset.y == 0

    run(FakeSession(rows=100), use, (80, 24))


def test_number_and_g_goes_to_a_message():
    async def use(app, pilot):
        screen = await press(pilot, "1", "7")
        assert "17 …" in screen
        screen = await press(pilot, "g")
        assert app.main.messages.cursor == 16 and "17 of 100" in screen
        await press(pilot, "9", "escape", "g")
        assert app.main.messages.cursor == 0

    run(FakeSession(rows=100), use, (80, 24))


def test_goto_prompt():
    async def use(app, pilot):
        for typed, wanted in (
            ("42", 41), ("f60", 59), ("c0.s2c.3", 14), ("+0.050", 50), ("999", 50), ("what", 50),
        ):  # fmt: skip
            await press(pilot, "colon", *typed, "enter")
            assert app.main.messages.cursor == wanted, typed
        assert "not a place" in text(app)

    run(FakeSession(rows=100), use, (80, 24))


def test_a_frame_without_a_message_leads_to_the_next_message():
    async def use(app, pilot):
        column = app.main.session.messages.column
        column("first_frame")[50:] += 10
        column("last_frame")[50:] += 10
        screen = await press(pilot, "colon", *"f55", "enter")
        assert app.main.messages.cursor == 50
        assert "no message in frame 55; this is the next one" in screen
        assert "no such frame" in await press(pilot, "colon", *"f999", "enter")
        assert app.main.messages.cursor == 50

    run(FakeSession(rows=100), use)


def test_an_emptied_filter_is_cleared_and_its_bar_closes():
    async def use(app, pilot):
        assert "Messages 10 of 30" in await press(pilot, "slash", *"csid==3", "enter")
        screen = await press(pilot, "slash", *["backspace"] * 7, "enter")
        assert app.main.filter_text == "" and not app.main.prompt.is_open
        assert "Messages 30" in screen

    run(FakeSession(), use)


def test_diagnostics_and_keyframes():
    async def use(app, pilot):
        screen = await press(pilot, "right_square_bracket")
        assert app.main.messages.cursor == 8 and "warning: odd live" in screen
        assert "Diagnostics (1)" in await press(pilot, "tab", "asterisk", "G")
        app.main.messages.focus()
        await press(pilot, "left_square_bracket")
        assert "no earlier finding" in text(app)
        await press(pilot, "g", "right_curly_bracket")
        first = app.main.messages.cursor
        assert first % 10 == 5 and first % 3 == 2
        await press(pilot, "right_curly_bracket")
        second = app.main.messages.cursor
        assert second > first
        await press(pilot, "left_curly_bracket")
        assert app.main.messages.cursor == first

    run(FakeSession(rows=100), use)


def test_marks():
    async def use(app, pilot):
        await press(pilot, "j", "m", "j", "j", "m", "g", "apostrophe")
        assert app.main.messages.cursor == 1
        await press(pilot, "apostrophe")
        assert app.main.messages.cursor == 3
        screen = await press(pilot, "apostrophe")
        assert app.main.messages.cursor == 1
        assert sum(line.startswith("◆") for line in screen.splitlines()) == 2

    run(FakeSession(), use)


def test_find_and_next():
    async def use(app, pilot):
        await press(pilot, "ctrl+f", *"INFO 2", "enter")
        assert app.main.messages.cursor == 2
        for key, wanted in (("n", 20), ("n", 21), ("N", 20)):
            await press(pilot, key)
            assert app.main.messages.cursor == wanted
        assert "nowhere" in await press(pilot, "ctrl+f", *"zzz", "enter")
        assert app.main.messages.cursor == 20

    run(FakeSession(), use)


def test_find_goes_round_and_says_so():
    async def use(app, pilot):
        screen = await press(pilot, "1", "7", "g", "ctrl+f", *"info 4", "enter")
        assert app.main.messages.cursor == 4 and "found 'info 4', from the top again" in screen
        screen = await press(pilot, "N")  # only this one has it
        assert app.main.messages.cursor == 4 and "from the end again" in screen
        assert "from the" not in await press(pilot, "j")  # it was said of another line

    run(FakeSession(), use)


def test_find_asks_anew_and_enter_alone_repeats():
    async def use(app, pilot):
        await press(pilot, "ctrl+f", *"info 2", "enter", "ctrl+f")
        assert app.main.prompt.line.value == ""
        assert "Enter finds 'info 2' again" in text(app)
        await press(pilot, "enter")
        assert app.main.messages.cursor == 20
        await press(pilot, "ctrl+f", *"info 7", "enter")
        assert app.main.messages.cursor == 7

    run(FakeSession(), use)


def test_zoom_and_layouts():
    async def use(app, pilot):
        screen = await press(pilot, "backslash")
        assert "Connections" not in screen and "Bytes" not in screen and "info 29" in screen
        assert "Connections" in await press(pilot, "q")
        for _ in range(3):
            screen = await press(pilot, "vertical_line")
            for piece in ("Connections", "Messages 30", "RTMP Header", "Bytes"):
                assert piece in screen

    run(FakeSession(), use)


def test_tab_goes_round_the_panes():
    async def use(app, pilot):
        seen = []
        for _ in range(4):
            seen.append(app.focused.id)
            await press(pilot, "tab")
        assert sorted(seen) == ["connections", "hex", "messages", "tree"]
        assert app.focused.id == "messages"

    run(FakeSession(), use)


def test_copy():
    async def use(app, pilot):
        screen = await press(pilot, "y")
        shown = next(line for line in screen.splitlines() if "info 0 live" in line)
        columns = app.clipboard.split("\t")  # as they stand there, and each of them
        assert " ".join(columns).split() == shown.split() and columns[-1] == "info 0 live"
        assert len(columns) == len(app.main.messages.columns) + 1
        await press(pilot, "tab", "j", "j", "j", "y")
        assert app.clipboard == "3"
        await press(pilot, "tab", "y")
        assert app.clipboard == "03"

    run(FakeSession(), use)


def test_help_lists_every_binding():
    async def use(app, pilot):
        await press(pilot, "question_mark")
        sheet = app.screen.query_one("#sheet")
        shown = set()
        for _ in range(5):
            shown |= {line.strip("│ ") for line in lines(app)}
            await press(pilot, "pagedown")
        everything = "\n".join(shown)
        for binding in (*MAIN, *MOVE, *TREE, *HEX, *COLUMNS):
            assert binding.description[:50] in everything, binding
            assert binding.key_display in everything
        assert sheet.line_count() > 40
        assert "Messages" in await press(pilot, "q")

    run(FakeSession(), use)


def test_palette_knows_the_actions():
    async def use(app, pilot):
        names = {command.title for command in app.get_system_commands(app.main)}
        assert "Filter messages" in names and "Next keyframe" in names

    run(FakeSession(), use)


@pytest.mark.parametrize("item", VIEWS, ids=lambda item: item.name)
def test_palette_finds_views_by_name(item):
    async def use(app, pilot):
        await press(pilot, "ctrl+p", *item.name)
        shown = await until(pilot, item.title[:40])
        assert item.name in shown and f"key {item.key}" in shown
        await press(pilot, "enter")
        await until(pilot, f" {item.name}  ")
        assert item.name == app.screen.NAME
        await press(pilot, "ctrl+p", *"interleave")  # from a view, too
        await until(pilot, "key I")

    run(capture(TALK), use)


def test_an_unfinished_filter_is_told_at_enter():
    async def use(app, pilot):
        shown = await press(pilot, "slash", *"msid", "space", *"==", "space")
        wrong = app.main.problem("msid == ")[0]
        assert wrong not in shown  # it is not done yet
        note = next(line for line in (await press(pilot, "enter")).splitlines() if wrong in line)
        assert note.index("^") < note.index(wrong)
        assert app.main.prompt.is_open

    run(FakeSession(), use)


def test_mouse():
    async def use(app, pilot):
        await pilot.click("#messages", offset=(10, 5))
        assert app.main.messages.cursor == 3  # border, header, three messages
        await pilot.click("#tree", offset=(10, 4))
        assert app.main.tree_pane.cursor == 3

    run(FakeSession(), use)


def test_keys_typed_at_once_all_reach_the_prompt():
    async def use(app, pilot):
        for key in ("slash", *"csid"):  # no time between them, as a script sends them
            app.simulate_key(key)
        await press(pilot, "space")
        assert app.main.prompt.line.value == "csid "

    run(FakeSession(), use)
