"""Views opened over the main screen, on real sessions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from analyzer.session import Session
from analyzer.tui.app import AnalyzerApp
from analyzer.tui.views import Jump
from tests.analyzer.tui.screen import run, settle

CAPTURES = Path(__file__).parents[3] / "captures"
TALK = "real/publish-play-nginx.pcap"
"""A publisher and a player."""


def capture(name: str) -> Session:
    return Session([str(CAPTURES / name)])


def view(
    session: Session,
    name: str,
    use: Callable[[AnalyzerApp, Pilot[Any]], Awaitable[None]],
    size: tuple[int, int] = (120, 40),
    row: int | None = None,
    connection: int | None = None,
) -> None:
    """Index `session`, open the view and let `use` work with it."""

    async def body(app: AnalyzerApp, pilot: Pilot[Any]) -> None:
        app.main.jump(Jump(row=row, connection=connection, view=name))
        await settle(pilot)
        await use(app, pilot)

    run(session, body, size)
