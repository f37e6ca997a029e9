"""The screen as plain text, and keys with their repaint."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import textual._wait
from textual.pilot import Pilot

from analyzer.tui.app import AnalyzerApp
from analyzer.tui.state import State

# Pilot waits in steps of 20 ms until the process is idle; a tenth of that is enough.
textual._wait.SLEEP_GRANULARITY = 0.002
textual._wait.SLEEP_IDLE = 0.0002


def lines(app: AnalyzerApp) -> list[str]:
    """Return what stands on the screen, line by line (the one use of a private name)."""
    strips = app.screen._compositor.render_strips()
    return ["".join(segment.text for segment in strip) for strip in strips]


def text(app: AnalyzerApp) -> str:
    return "\n".join(lines(app))


async def settle(pilot: Pilot[Any], indexed: bool = True) -> None:
    """Wait for indexing, workers and the detail panes."""
    app = pilot.app
    assert isinstance(app, AnalyzerApp)
    for _ in range(200):
        await pilot.pause()
        snapshot = app.main.snapshot
        busy = any(worker.is_running for worker in app.workers) or app.main._pending
        if not busy and (not indexed or (snapshot is not None and snapshot.done)):
            break
        await asyncio.sleep(0.005)
    await pilot.pause()


async def press(pilot: Pilot[Any], *keys: str) -> str:
    """Press keys and return the screen's text."""
    await pilot.press(*keys)
    await settle(pilot, indexed=False)
    assert isinstance(pilot.app, AnalyzerApp)
    return text(pilot.app)


async def until(pilot: Pilot[Any], wanted: str) -> str:
    """Wait for a text on the screen."""
    end = time.monotonic() + 10
    app = pilot.app
    assert isinstance(app, AnalyzerApp)
    while wanted not in (shown := text(app)):
        assert time.monotonic() < end, f"{wanted!r} did not appear:\n{shown}"
        await asyncio.sleep(0.02)
    return shown


def run(
    session: Any,
    use: Callable[[AnalyzerApp, Pilot[Any]], Awaitable[None]],
    size: tuple[int, int] = (120, 40),
    filter_text: str | None = None,
    wait: bool = True,
    remembered: State | None = None,
) -> None:
    """Run the interface on `session` without a terminal and let `use` work with it."""

    async def body() -> None:
        app = AnalyzerApp(session, filter_text, remembered)
        async with app.run_test(size=size) as pilot:
            if wait:
                await settle(pilot)
            await use(app, pilot)

    asyncio.run(body())
