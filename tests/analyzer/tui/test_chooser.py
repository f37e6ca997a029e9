"""What the program asks when it is started without arguments."""

import asyncio
import shutil
from pathlib import Path

import pytest

from analyzer.sources import SourceError, live
from analyzer.tui.chooser import Choice, Chooser, captures, interfaces, recent
from analyzer.tui.state import State
from tests.analyzer.tui.opened import CAPTURES


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(live, "interfaces", lambda: "1. eth0\n2. lo (Loopback)\n")
    for name in ("b.pcap", "c.PCAPNG.gz", "notes.txt", "\x1b[31mred.pcap"):
        shutil.copy(CAPTURES / "edge/abort.pcap", tmp_path / name)
    return tmp_path


def choose(folder: Path, *keys: str, known: State | None = None) -> tuple[str, Choice | None]:
    seen: list[str] = []

    async def body() -> Choice | None:
        app = Chooser(folder, known or State())
        async with app.run_test(size=(80, 24)) as pilot:
            await app.workers.wait_for_complete()
            await pilot.pause()
            strips = app.screen._compositor.render_strips()
            seen.append("\n".join("".join(part.text for part in strip) for strip in strips))
            await pilot.press(*keys)
            await pilot.pause()
        return app.return_value

    chosen = asyncio.run(body())
    return seen[0], chosen


def test_captures_and_interfaces_are_listed_and_safe(folder):
    screen, chosen = choose(folder, "q")
    for text in ("Captures in this folder", "b.pcap", "c.PCAPNG.gz", "eth0", "Loopback", "q quit"):
        assert text in screen
    assert "notes.txt" not in screen and "\x1b" not in screen and chosen is None


def test_enter_chooses_and_headings_are_passed_over(folder):
    first = captures(folder)[0]
    assert choose(folder, "enter")[1] == first.choice
    assert choose(folder, "j", "j", "j", "enter")[1] == Choice("interface", "eth0")
    assert choose(folder, "i", "enter")[1] == Choice("interface", "eth0")
    assert choose(folder, "j", "j", "j", "k", "enter")[1] == captures(folder)[2].choice


def test_what_was_opened_lately_comes_first(folder):
    path = str(CAPTURES / "edge/abort.pcap")
    screen, chosen = choose(folder, "enter", known=State(recent=["/gone.pcap", path]))
    assert "Opened lately" in screen and "gone" not in screen
    assert chosen == Choice("capture", path)
    assert [entry.text for entry in recent([path, "\0"])] == [path]


def test_nothing_here(tmp_path, monkeypatch):
    def refused() -> str:
        raise SourceError("no permission")

    monkeypatch.setattr(live, "interfaces", refused)
    screen, chosen = choose(tmp_path, "enter", "q")
    assert "none (*.pcap" in screen and "no permission" in screen and chosen is None
    assert "cannot be read" in captures(tmp_path / "gone")[0].text
    assert interfaces()[0].choice is None
