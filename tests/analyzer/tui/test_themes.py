"""What is dim stays readable on a light ground."""

from analyzer.tui.app import AnalyzerApp
from analyzer.tui.widgets.layers import layer
from tests.analyzer.tui.opened import TALK, capture
from tests.analyzer.tui.screen import run, settle


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
