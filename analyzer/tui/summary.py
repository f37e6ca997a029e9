"""What the top line says about a capture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.tui.cells import GLYPHS, count, rate, seconds
from analyzer.tui.model import SEVERITIES
from analyzer.tui.rates import Rates
from analyzer.tui.widgets.bars import Piece

if TYPE_CHECKING:
    from analyzer.session import Session


def top_line(session: Session, done: bool, rates: Rates | None = None) -> list[Piece]:
    """File, duration, counts and, once everything was read, the findings; rates until then."""
    capture = session.capture
    pieces: list[Piece] = [
        (capture.name, "strong"),
        (f"  {seconds(capture.duration_ns or 0, 3)} s", ""),
        (f"  {count(len(session.connections), 'connection')}", ""),
        (f"  {count(len(session.messages), 'message')}", ""),
    ]
    live = rates is not None and not done and capture.size is None
    per_second = rates.per_second() if rates is not None and live else None
    if per_second is not None:
        bits = rate(per_second.octets * 8)
        text = f"  {bits}bit/s  {per_second.packets} pkt/s  {per_second.messages} msg/s"
        pieces.append((text, "good"))
    if done:
        for severity in reversed(SEVERITIES):
            number = sum(item.severity == severity for item in session.diagnostics)
            if number:
                pieces.append((f"  {GLYPHS[severity]} {count(number, severity)}", severity))
        if not session.diagnostics and len(session.messages):
            pieces.append(("  no findings", "good"))
    if capture.truncated:
        pieces.append(("  capture cut short", "warning"))
    return pieces
