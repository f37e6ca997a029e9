"""Terminals of a few lines: nothing breaks, and something can be read in each view."""

import pytest

from tests.analyzer.tui.opened import TALK, capture
from tests.analyzer.tui.screen import lines, press, run, text

SHOWN = {
    "o": "PUBLISH",
    "e": "Findings",
    "L": "0.000 → TCP",
    "T": "→ video bitrate",
    "F": "→   0.",
    "S": "Message types",
    "I": "client → server",
    "m": "Messages 485",
}


@pytest.mark.parametrize("size", [(20, 5), (40, 10), (50, 30)])
def test_every_view_shows_something(size):
    async def use(app, pilot):
        for key, words in SHOWN.items():
            screen = await press(pilot, key)
            assert words[: size[0] - 3] in screen, key
            assert {len(line) for line in lines(app)} == {size[0]}
            await press(pilot, "question_mark", "G", "g", "escape")

    run(capture(TALK), use, size)


@pytest.mark.parametrize("size", [(20, 5), (40, 10)])
def test_one_pane_at_a_time_and_tab_leads_to_the_others(size):
    async def use(app, pilot):
        assert "━ Messages 485" in text(app)
        for title in ("━ Handshake C0+C1", "━ Bytes: message", "━ Connections", "━ Messages 485"):
            screen = await press(pilot, "tab")
            assert title in screen
            assert sum(line.startswith(("━ ", "─ ")) for line in screen.splitlines()) == 1
        assert "━ c0.c2s.0" in await press(pilot, "j", "j", "j", "enter")
        assert "connect" in await press(pilot, "slash", *"connect")  # the pane stays under it

    run(capture(TALK), use, size)


def test_a_terminal_that_shrinks_and_grows():
    async def use(app, pilot):
        for size, panes in (((80, 24), 4), ((30, 6), 1), ((80, 24), 4), ((200, 60), 4)):
            await pilot.resize_terminal(*size)
            await press(pilot)
            titles = [pane for pane in app.main.panes.all if pane.region.height > 1]
            assert len(titles) == panes
        for key in "oeLTFSI":
            await pilot.resize_terminal(80, 24)
            await press(pilot, key)
            for size in ((20, 5), (1, 1), (80, 24)):
                await pilot.resize_terminal(*size)
                await press(pilot)

    run(capture(TALK), use)


def test_the_findings_of_a_small_screen_are_explained_after_tab():
    async def use(app, pilot):
        await press(pilot, "e")
        assert "segments of" not in text(app)
        assert "segments of" in await press(pilot, "tab")
        assert "Expected: at most" in await press(pilot, *"jjjjjjjj")

    run(capture(TALK), use, (30, 7))
