"""Times of the interface at 1,000,000 messages: mount, keys, filter, memory.

Run: python tests/bench/tui_bench.py [rows]
"""

from __future__ import annotations

import asyncio
import resource
import sys
import time
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parents[2]))

from textual import events

from analyzer.tui.app import AnalyzerApp
from tests.analyzer.tui.fake import FakeSession

REPEAT = 30
KEYS = {
    "down": [("down", None)],
    "page down": [("pagedown", None)],
    "end and top": [("G", "G"), ("g", "g")],
    "next keyframe": [("right_curly_bracket", "}")],
    "byte space": [("b", "b")],
}


class Timed(AnalyzerApp):
    """Notes when something was last written to the screen."""

    shown = 0.0
    paints = 0

    def _display(self, screen: object, renderable: object) -> None:
        super()._display(screen, renderable)  # type: ignore[arg-type]
        self.shown = time.perf_counter()
        self.paints += 1


def memory() -> float:
    with Path("/proc/self/statm").open() as file:
        return int(file.read().split()[1]) * resource.getpagesize() / 1e6


async def key(app: Timed, name: str, character: str | None) -> tuple[float, float, float]:
    """Press a key; return ms to the first repaint, ms to the last one, ms of CPU."""
    paints, cpu, start = app.paints, time.process_time(), time.perf_counter()
    event = events.Key(name, character)
    event.set_sender(app)
    assert app._driver is not None
    app._driver.send_message(event)
    first = 0.0
    while time.perf_counter() - max(start, app.shown) < 0.06:
        await asyncio.sleep(0.001)
        if app.paints > paints and not first:
            first = app.shown
    spent = time.process_time() - cpu
    return (first - start) * 1e3, (app.shown - start) * 1e3, spent * 1e3


async def bench(rows: int) -> None:
    before = memory()
    session = FakeSession(rows, connections=4)
    session.batches = 64
    app = Timed(session)
    start = time.perf_counter()
    async with app.run_test(size=(160, 50)):
        while not app.paints:
            await asyncio.sleep(0.001)
        print(f"first screen {(app.shown - start) * 1e3:8.0f} ms")
        while app.main.snapshot is None or not app.main.snapshot.done:
            await asyncio.sleep(0.001)
        listed = (time.perf_counter() - start) * 1e3
        print(f"{rows:,} rows listed after {listed:.0f} ms, columns made included")
        await asyncio.sleep(0.3)
        for title, keys in KEYS.items():
            times = [await key(app, *keys[turn % len(keys)]) for turn in range(REPEAT)]
            first, last, cpu = (median(column) for column in zip(*times, strict=True))
            worst = max(item[0] for item in times)
            print(
                f"{title:14} first repaint {first:5.1f} ms (worst {worst:5.1f}), "
                f"details {last:5.1f} ms, CPU {cpu:5.1f} ms"
            )
        for text in ("csid == 6", "type_id == 20 and timestamp > 1000"):
            start = time.perf_counter()
            app.main.set_filter(text)
            await asyncio.sleep(0)
            while app.main.workers or len(app.main.messages.rows) == rows:
                await asyncio.sleep(0.001)
            print(f"filter {text!r}: {(time.perf_counter() - start) * 1e3:.0f} ms")
        columns = sum(column.nbytes for column in session.messages._columns.values()) / 1e6
        print(f"RSS {memory():.0f} MB, columns {columns:.0f} MB, imports {before:.0f} MB")


if __name__ == "__main__":
    asyncio.run(bench(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000))
