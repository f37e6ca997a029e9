"""Draws the main screen on a real capture as SVG, for the README.

Run: python tests/tui_screenshot.py [capture] [output]
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from analyzer.session import Session  # noqa: E402
from tests.analyzer.tui.screen import AnalyzerApp, press, settle  # noqa: E402

CAPTURE = ROOT / "captures/real/publish-play-nginx.pcap"
OUTPUT = ROOT / "captures/screenshot.svg"
LIMIT = 150_000
"""Bytes the picture may have in the repository."""
KEYS = ("5", "g", "tab", *"jjjjjjjjjjjjjjjj")


async def draw(capture: Path, output: Path) -> None:
    app = AnalyzerApp(Session([str(capture)]))
    async with app.run_test(size=(132, 40)) as pilot:
        await settle(pilot)
        await press(pilot, *KEYS)
        svg = app.export_screenshot(title=f"rtmp-analyze {capture.name}", simplify=True)
    if len(svg) > LIMIT:
        raise SystemExit(f"{len(svg)} bytes are too many")
    output.write_text(svg, encoding="utf-8")
    print(f"{output.name}: {len(svg)} bytes")


if __name__ == "__main__":
    paths = [Path(word) for word in sys.argv[1:]]
    asyncio.run(draw(*(paths + [CAPTURE, OUTPUT][len(paths) :])))
