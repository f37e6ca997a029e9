"""Golden screens as plain text: python -m tests.analyzer.tui.snapshots writes them anew."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from textual.pilot import Pilot

from analyzer.session import Session
from analyzer.tui.app import AnalyzerApp
from analyzer.tui.model import Findings
from analyzer.tui.screens.main import Progress
from tests.analyzer.tui.screen import press, run, settle, text

FOLDER: Final = Path(__file__).with_name("snapshots")
CAPTURE: Final = Path(__file__).parents[3] / "captures/real/publish-play-nginx.pcap"
SIZES: Final = ((80, 24), (120, 40), (200, 60))
SCENES: Final[dict[str, tuple[str, ...]]] = {
    "handshake": (),
    "command": ("1", "g", "tab", "j", "j", "j"),
    "stream-bytes": ("b",),
    "chunks": ("shift+tab", "r"),
    "segments": ("r",),
    "video": ("r", "escape", "right_curly_bracket", "b", "b"),
    "columns": ("c",),
    "copy": ("escape", "Y"),
    "filter-wrong": ("escape", "slash", *"type_id == 9 and bogus == 1"),
    "filter-right": ("escape", "slash", *"type_id == 20 and msid == 1", "enter"),
    "nothing-passes": ("slash", *" and csid == 99", "enter"),
    "zoomed": ("escape", "backslash"),
    "help": ("backslash", "question_mark"),
}
"""Name → keys, each pressed after those of the one before."""


def screens(size: tuple[int, int]) -> dict[str, str]:
    """Return the text of every scene in a terminal of that size."""
    found: dict[str, str] = {}

    async def use(app: AnalyzerApp, pilot: Pilot[Any]) -> None:
        app.main.session.diagnostics.clear()  # rules have tests of their own
        snapshot = replace(app.main.snapshot, findings=Findings())
        app.main.on_progress(Progress(snapshot))
        for name, keys in SCENES.items():
            for key in keys:  # one at a time: what comes later belongs to what is shown by then
                await press(pilot, key)
            app.main.say("")  # what was said stays for seconds
            await settle(pilot)
            found[name] = "\n".join(line.rstrip() for line in text(app).splitlines()) + "\n"

    run(Session([str(CAPTURE)]), use, size)
    return found


def file_of(name: str, size: tuple[int, int]) -> Path:
    return FOLDER / f"{name}-{size[0]}x{size[1]}.txt"


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for each in SIZES:
        for scene, shown in screens(each).items():
            file_of(scene, each).write_text(shown, "utf-8")
