"""Draws every view on real captures: SVG for the README, text for `test_views.py`.

Run: python tests/tui_screenshot.py
"""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path
from typing import Final

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from analyzer.session import Session  # noqa: E402
from analyzer.tui.views import Jump  # noqa: E402
from tests.analyzer.tui.screen import AnalyzerApp, press, settle  # noqa: E402
from tests.analyzer.tui.test_views import NAMES, PICTURES, picture  # noqa: E402

LIMIT: Final = 200_000
"""Bytes a picture may have in the repository."""
TALK: Final = "real/publish-play-nginx.pcap"
SHOTS: Final = {
    "messages": (TALK, "", ("2", "g", "tab", *"jjjjjjjjjjjjjjjj")),
    "story": (TALK, "story", ()),
    "findings": ("lab/nginx-publish-denied.pcap", "findings", ()),
    "ladder": (TALK, "ladder", ("j",) * 5),
    "timeline": (TALK, "timeline", ("j", "j", *"LLL")),
    "follow": (TALK, "follow", ()),
    "statistics": (TALK, "statistics", ()),
    "interleave": ("real/publish-chunk128.pcap", "interleave", ("minus", "minus")),
}
"""Name → capture, view ("" for the main screen), keys pressed first."""
FONTS: Final = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)


async def draw(name: str) -> None:
    capture, view, keys = SHOTS[name]
    app = AnalyzerApp(Session([str(ROOT / "captures" / capture)]))
    async with app.run_test(size=(120, 36)) as pilot:
        await settle(pilot)
        if view:
            app.main.jump(Jump(row=0, connection=0, view=view))
            await settle(pilot)
        await press(pilot, *keys)
        title = f"rtmp-analyze {Path(capture).name}"
        svg = app.export_screenshot(title=title, simplify=True)
    svg = FONTS.sub("", svg)  # no fonts from the net: the reader's own monospace will do
    if len(svg) > LIMIT:
        raise SystemExit(f"{name}: {len(svg)} bytes are too many")
    (PICTURES / f"{name}.svg").write_text(svg, encoding="utf-8")
    print(f"{name}.svg: {len(svg)} bytes")


if __name__ == "__main__":
    PICTURES.mkdir(exist_ok=True)
    for name in SHOTS:
        asyncio.run(draw(name))
    for name in NAMES:
        (PICTURES / f"{name}.txt").write_text(picture(name), encoding="utf-8")
