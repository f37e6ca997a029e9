"""What is dim stays readable on a light ground."""

import pytest
from rich.color import Color

from analyzer.tui.app import AnalyzerApp
from analyzer.tui.widgets.layers import layer
from tests.analyzer.tui.opened import TALK, capture
from tests.analyzer.tui.screen import press, run, settle

RULES = set("━─│┃▁▂▃▄▅▆▇█▔▕▏ ")
"""Lines and scroll bars: nothing to read."""


def _contrast(*colors: Color) -> float:
    """Return the contrast ratio of two colours (WCAG 2.1 §1.4.3)."""
    found = []
    for color in colors:
        parts = [part / 255 for part in color.get_truecolor()]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        found.append(0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2])
    return (max(found) + 0.05) / (min(found) + 0.05)


def test_dim_text_contrasts_with_every_ground():
    async def body(app: AnalyzerApp, pilot) -> None:
        for theme, dark in (("textual-dark", True), ("textual-light", False)):
            app.theme = theme
            await settle(pilot)
            for name in ("lines--dim", "lines--audio"):
                color = layer(app.main.messages, name).color
                assert color is not None and color.triplet is not None
                assert (sum(color.triplet) > 384) == dark

    run(capture(TALK), body)


@pytest.mark.parametrize("theme", ["textual-dark", "textual-light"])
def test_every_view_is_legible(theme):
    """A contrast of 2.7 at least, of what is chosen, marked and dim, too."""

    async def body(app: AnalyzerApp, pilot) -> None:
        app.theme = theme
        app.main.action_view("story")
        for key in ("o", "e", "L", "T", "F", "S", "I", "m", "tab", "tab"):
            await press(pilot, key)
            await settle(pilot)
            segments = [s for line in app.screen._compositor.render_strips() for s in line]
            for text, style, _ in segments:
                if style and style.color and style.bgcolor and set(text) - RULES:
                    contrast = _contrast(style.color, style.bgcolor)
                    assert contrast > 2.7, (type(app.screen).__name__, text, contrast)

    run(capture("edge/x-del513.pcap"), body)
