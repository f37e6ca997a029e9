"""Times of the interface at 1,000,000 messages: first rows, keys, filter, sort, units, memory.

Run: python tests/bench/tui_bench.py [capture.pcap | messages]

Without a capture one is made: small messages, so that many of them fit in a file. The first half
runs the real program in tmux, the second one the same application in this process.
"""

from __future__ import annotations

import asyncio
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parents[2]))

from textual import events

from analyzer.options import Options
from analyzer.start import start
from analyzer.tui.app import AnalyzerApp
from analyzer.tui.picker import Sorting
from tests.bench import make_capture

ROOT = Path(__file__).parents[2]
MESSAGES = 1_000_000
PER_MESSAGE = 199
"""Bytes of the made capture per message."""
REPEAT = 30
TURNS = 4
"""Starts in tmux; the first one is not counted."""
SOCKET = f"rtmp-analyze-bench-{os.getpid()}"
TARGETS = {"first rows": 500, "key": 30, "filter": 500, "sort": 1000, "RSS": 300}
"""Milliseconds, and MB."""
KEYS = {
    "down": ["Down"],
    "page down": ["NPage"],
    "end and top": ["G", "g"],
    "next keyframe": ["}"],
    "next command": ["(", ")"],
    "byte space": ["b"],
}
VIEWS = "rrrTSILFem"
"""Keys of what takes memory: chunk and segment lines, then the views."""
FILTERS = (
    "csid == 6",
    "type_id == 8 and timestamp > 1000",
    "length > 100 or video",
    'video.frame_type == "keyframe"',
)
SORTS = ("length", "type", "timestamp", "delta", "pts")


def small(path: Path, messages: int) -> None:
    """Write a capture of about that many messages."""
    make_capture.KEYFRAME, make_capture.FRAME, make_capture.AUDIO = 400, 90, 40
    made = make_capture.make(path, messages * PER_MESSAGE)
    print(f"capture: {made.messages:,} messages, {made.bytes / 1e6:.0f} MB")


def report(what: str, milliseconds: float, target: str, more: str = "") -> None:
    """Print a figure beside what is asked for."""
    wanted = TARGETS[target]
    verdict = "ok" if milliseconds <= wanted else "TOO SLOW"
    print(f"{what:40} {milliseconds:8.1f} ms  (≤ {wanted} ms: {verdict}){more}")


def memory(pid: int | str = "self") -> float:
    """Return the resident set in MB."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+)", status)
    return int(found[1]) / 1e3 if found else 0.0


# The real program in tmux


def tmux(*words: str) -> str:
    command = ["tmux", "-L", SOCKET, "-f", "/dev/null", *words]
    return subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout


def screen() -> str:
    return tmux("capture-pane", "-p", "-t", "bench")


def until(passes: Callable[[str], bool], seconds: float = 120, pause: float = 0) -> float:
    """Poll the screen until `passes(text)`; return the time that took, in ms."""
    start = time.perf_counter()
    while not passes(screen()):
        if time.perf_counter() - start > seconds:
            raise TimeoutError(screen())
        time.sleep(pause)
    return (time.perf_counter() - start) * 1e3


def in_terminal(path: Path, state: str) -> None:
    """First rows, keys, memory."""
    program = f"exec {sys.executable} -m analyzer -F tui {path}"
    tmux("new-session", "-d", "-s", "before", "cat")  # tmux itself has started then
    firsts = []
    for turn in range(TURNS):  # the first time the files are not cached
        tmux("new-session", "-d", "-s", "bench", "-x", "160", "-y", "50", "-e",
             f"XDG_STATE_HOME={state}", program)  # fmt: skip
        # Looking all the time would take one of two processors from what is measured.
        first = until(lambda text: "PUBLISH" in text, pause=0.01)
        firsts.append(first)
        whole = first + until(lambda text: "verdict" in text)
        tmux("send-keys", "-t", "bench", "m")
        rows = until(lambda text: "connect(" in text)
        pid = tmux("list-panes", "-t", "bench", "-F", "#{pane_pid}").strip()
        if turn < TURNS - 1:
            tmux("send-keys", "-t", "bench", "C-q")
            while "bench" in tmux("list-sessions", "-F", "#{session_name}").split():
                time.sleep(0.05)
    report("first screen in tmux", median(firsts[1:]), "first rows")
    print(f"{'everything indexed after':40} {whole:8.1f} ms")
    print(f"{'from the story to the messages':40} {rows:8.1f} ms")
    polls = [until(lambda text: True) for _ in range(REPEAT)]
    print(f"{'one look at the screen costs':40} {median(polls):8.1f} ms (contained in the next)")
    for name, keys in KEYS.items():
        times = []
        for turn in range(REPEAT):
            before = screen()
            start = time.perf_counter()
            tmux("send-keys", "-t", "bench", keys[turn % len(keys)])
            until(lambda text, before=before: text != before, 5)
            times.append((time.perf_counter() - start) * 1e3)
            time.sleep(0.05)
        report(f"key in tmux: {name}", median(times), "key", f", worst {max(times):.0f} ms")
    print(f"{'RSS':40} {memory(pid):8.1f} MB  (≤ {TARGETS['RSS']} MB)")
    for name in VIEWS:
        tmux("send-keys", "-t", "bench", name)
        settled(pid)
        print(f"{f'RSS after {name}':40} {memory(pid):8.1f} MB")
    tmux("kill-server")


def settled(pid: str) -> None:
    """Wait until the program has had nothing to do for a while."""
    before = -1
    while (now := used(pid)) != before:
        before = now
        time.sleep(0.5)


def used(pid: str) -> int:
    """Return the CPU time of a process, in ticks; a blinking cursor does not count."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) // 5


# The same application in this process


class Timed(AnalyzerApp):
    """Notes when something was last written to the screen."""

    shown = 0.0
    paints = 0

    def _display(self, screen: object, renderable: object) -> None:
        super()._display(screen, renderable)  # type: ignore[arg-type]
        self.shown = time.perf_counter()
        self.paints += 1


async def key(app: Timed, name: str, character: str | None) -> tuple[float, float]:
    """Press a key; return ms to the first repaint and ms of CPU until it is quiet."""
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
    return (first - start) * 1e3, (time.process_time() - cpu) * 1e3


async def listed(app: Timed, change: Callable[[], None]) -> float:
    """Do something and wait until another listing is shown; return ms."""
    listing, start = app.main.messages.listing, time.perf_counter()
    change()
    while app.main.messages.listing is listing:
        await asyncio.sleep(0.001)
    return (time.perf_counter() - start) * 1e3


async def in_process(path: Path) -> None:
    """Keys without a terminal, filters, orders, units."""
    session = start([str(path)], Options())
    app = Timed(session)
    async with app.run_test(size=(160, 50)):
        while app.main.snapshot is None or not app.main.snapshot.done:
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.5)
        print(f"\n{len(session.messages):,} messages, {len(app.main.messages.listing):,} lines")
        for name, character in (("down", None), ("pagedown", None)):
            times = [await key(app, name, character) for _ in range(REPEAT)]
            first, cpu = (median(column) for column in zip(*times, strict=True))
            report(f"key: {name}", first, "key", f", CPU {cpu:.1f} ms")
        for text in FILTERS:
            took = await listed(app, partial(app.main.set_filter, text))
            more = f", {len(app.main.messages.listing):,} lines"
            report(f"filter {text}", took, "filter", more)
            app.main.set_filter("")
        for column in SORTS:
            took = await listed(app, partial(app.main.sort, Sorting(column, reverse=True)))
            report(f"sort by {column}", took, "sort")
        app.main.sort(Sorting())
        for unit in ("chunk", "segment", "message"):
            took = await listed(app, app.main.action_unit)
            print(f"{f'{unit} lines':40} {took:8.1f} ms, "
                  f"{len(app.main.messages.listing):,} lines, RSS {memory():.0f} MB")  # fmt: skip
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    print(f"RSS {memory():.0f} MB, peak with everything above {peak:.0f} MB")


def main() -> None:
    argument = sys.argv[1] if len(sys.argv) > 1 else str(MESSAGES)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(argument)
        if not path.exists():
            path = Path(folder, "small.pcap")
            small(path, int(argument))
        in_terminal(path.absolute(), folder)
        asyncio.run(in_process(path))


if __name__ == "__main__":
    main()
