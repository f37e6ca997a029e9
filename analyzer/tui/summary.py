"""What the top line says about a capture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from analyzer.tui.cells import GLYPHS, bit_rate, count, middle_out, seconds
from analyzer.tui.model import SEVERITIES
from analyzer.tui.rates import Rates
from analyzer.tui.widgets.bars import Piece

if TYPE_CHECKING:
    from analyzer.session import Session


LONGEST: Final = 40
"""Cells of a capture's name; its middle is left out."""


FOLLOWING, UPDATING = ("  following the end", "good"), ("  updating", "good")


def frozen(key: str) -> Piece:
    """Say that the screen stays where it is, and which key lets it go on."""
    return (f"  ‖ staying here, {key} follows", "warning")


STDIN: Final = "standard input"


class Counts(NamedTuple):
    """How much of a capture was indexed, at one moment."""

    duration_ns: int
    connections: int
    messages: int


def counted(session: Session) -> Counts:
    """Return how much there is now."""
    duration = session.capture.duration_ns or 0
    return Counts(duration, len(session.connections), len(session.messages))


def top_line(
    session: Session,
    done: bool,
    rates: Rates | None = None,
    state: Piece = UPDATING,
    *more: Piece,
    counts: Counts | None = None,
    short: bool = False,
) -> list[Piece]:
    """File, `more`, findings as far as there are any, rates of a capture that goes on, counts:
    those of now, unless what is shown below is of another moment. `short`: for narrow terminals."""
    capture, counts = session.capture, counts or counted(session)
    name = STDIN if capture.name == "-" else middle_out(capture.name, LONGEST)
    pieces: list[Piece] = [(name, "name"), *more]
    pieces += found(session, done, short)
    if not done:
        pieces += rates_now(session, rates, state)
    nouns = ("conn", "msg") if short else ("connection", "message")
    numbers = (counts.connections, counts.messages)
    pieces.append((f"  {seconds(counts.duration_ns, 1)}s" if short
                   else f"  {seconds(counts.duration_ns, 3)} s", ""))  # fmt: skip
    pieces += [
        (f"  {number:,} {noun}" if short else f"  {count(number, noun)}", "")
        for number, noun in zip(numbers, nouns, strict=True)
    ]
    if capture.truncated:
        pieces.append(("  cut short" if short else "  capture cut short", "warning"))
    return pieces


def found(session: Session, done: bool, short: bool = False) -> list[Piece]:
    """How many findings there are, by severity; `short` with the glyph alone."""
    pieces: list[Piece] = []
    judging = session.done and not done  # the rules run: nobody here waits for them
    diagnostics = [] if judging else session.diagnostics
    for severity in reversed(SEVERITIES):
        number = sum(item.severity == severity for item in diagnostics)
        if number:
            text = str(number) if short else f" {count(number, severity)}"
            pieces.append((f"  {GLYPHS[severity]}{text}", severity))
    if done and not pieces and len(session.messages):
        pieces.append(("  no findings", "good"))
    return pieces


def rates_now(session: Session, rates: Rates | None, state: Piece = UPDATING) -> list[Piece]:
    """How fast a capture comes in, of the last seconds, and whether the screen goes with it;
    nothing of a file."""
    if rates is None or not session.options.reading.live:
        return []
    now = rates.per_second()
    if now is None:
        return [("  ● capturing", "good"), state]
    text = f"{now.messages} msg/s"
    if now.packets or not now.messages:  # of input read ahead they were counted long ago
        text = f"{bit_rate(now.octets * 8)}  {now.packets} pkt/s  {text}"
    return [(f"  ● {text}", "good"), state]
