"""Keys typed in one burst: faster than the screens they lead through are made."""

import asyncio

import pytest

from analyzer.tui.views import VIEWS
from tests.analyzer.tui.opened import TALK, capture
from tests.analyzer.tui.screen import press, run, settle, text

KEYS = "".join(view.key for view in VIEWS)
BURSTS = ["meLTS", "mjjjjeLTSIFomjjj", f"m{KEYS}", f"{KEYS[::-1]}m", f"{KEYS}jjkgGcCsdnf+-"]
BURSTS += [f"m{view.key}{keys}" for view in VIEWS for keys in ("jjGg", "mm", "cCsdf", "?q")]


async def burst(app, pilot, keys):
    for key in keys:
        app.simulate_key("question_mark" if key == "?" else key)
    await settle(pilot)
    await asyncio.sleep(0.02)
    await settle(pilot)


@pytest.mark.parametrize("keys", BURSTS)
def test_a_burst_over_the_views_does_no_harm(keys):
    async def use(app, pilot):
        await burst(app, pilot, keys)
        await press(pilot, "escape", "m")
        assert app.is_running and text(app).strip()

    run(capture(TALK), use)


def test_a_key_waits_for_the_view_it_is_meant_for():
    async def use(app, pilot):
        await burst(app, pilot, "Ld")
        assert app.screen.NAME == "ladder"
        await press(pilot, "m")
        await burst(app, pilot, "ST")
        assert app.screen.NAME == "timeline"

    run(capture(TALK), use)
