"""Captured text never reaches a markup parser or the terminal as it is."""

import re
import unicodedata

import pytest
from rich.cells import cell_len

from tests.analyzer.tui.fake import HOSTILE, FakeSession
from tests.analyzer.tui.screen import lines, press, run

BAD = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069]")


@pytest.mark.parametrize("captured", [*HOSTILE[:2], "".join(HOSTILE[2:]), "x" * 100_000])
def test_hostile_text_in_every_pane(captured):
    async def use(app, pilot):
        def check():
            for line in lines(app):
                assert not BAD.search(line)
                assert cell_len(line) == 120

        check()
        assert captured[:5] in "\n".join(lines(app)) or not captured.isprintable()
        keys = ["j", "]", "m", "y", "tab", "asterisk", *"jjjjjjj", "y", "a", "escape", "tab", "j",
                "b", "b", "enter", "|", "|", "\\", "q", "tab", "j", "enter", "?", "escape",
                "/", *"csid", "escape", ":", "1", "enter"]  # fmt: skip
        for key in keys:
            await press(pilot, key)
            check()
        app.main.search_for(captured)
        await press(pilot, "n")
        check()
        await press(pilot, "ctrl+p", *"mark")
        check()
        await press(pilot, "escape")
        app.main.set_filter(f'info contains "{captured[:50]}')
        await press(pilot, "end")
        check()

    run(FakeSession(text=captured), use)


def test_pasted_control_characters_become_pictures():
    async def use(app, pilot):
        await press(pilot, "slash")
        app.main.prompt.line.insert_text_at_cursor("a\x1b]0;b\x07")
        assert app.main.prompt.line.value == "a␛]0;b␇"

    run(FakeSession(), use)


def test_wide_characters_keep_the_columns():
    async def use(app, pilot):
        assert all(cell_len(line) == 80 for line in lines(app))
        assert any(unicodedata.east_asian_width(c) == "W" for line in lines(app) for c in line)

    run(FakeSession(text="日本語" * 20), use, (80, 24))
