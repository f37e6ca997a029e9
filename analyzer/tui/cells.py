"""Text in terminal cells: cut, padded, safe."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from dissectors.text import is_safe, safe

Part = tuple[str, Style | None]

GLYPHS: Final = {"error": "✗", "warning": "▲", "note": "•"}
"""Severity without colour (NO_COLOR, printouts, colour-blind eyes)."""
ARROWS: Final = ("→", "←")
"""Direction: client to server, server to client."""


def fit(text: str, width: int, right: bool = False) -> str:
    """Return `text` safe for a terminal and exactly `width` cells wide, cut with an ellipsis.

    Captured text is safe when it arrives; this is the last gate before the terminal, for
    whatever was not.
    """
    if width <= 0:
        return ""
    if len(text) > 4 * width + 16:  # nobody sees the rest, and labels may be long
        text = text[: 4 * width + 16]
    if not is_safe(text):
        text = safe(text)
    size = len(text) if text.isascii() else cell_len(text)
    if size > width:
        return set_cell_size(text, width - 1) + "…"
    pad = " " * (width - size)
    return pad + text if right else text + pad


def middle_out(text: str, width: int) -> str:
    """Return beginning and end of a text, in at most `width` cells."""
    if cell_len(text) <= width:
        return text
    keep = min(len(text), width)
    while True:
        head, tail = text[: (keep - 1) // 2], text[len(text) - keep // 2 :]
        if cell_len(head + tail) < width or keep < 2:
            return f"{head}…{tail}"
        keep -= 1


def strip(parts: Iterable[Part], width: int, base: Style) -> Strip:
    """Return one line of exactly `width` cells on `base`; what does not fit is cut."""
    segments: list[Segment] = []
    left = width
    for text, style in parts:
        if left <= 0:
            break
        if not is_safe(text):
            text = safe(text)
        size = len(text) if text.isascii() else cell_len(text)
        if size > left:
            text, size = fit(text, left), left
        segments.append(Segment(text, base + style if style else base))
        left -= size
    if left > 0:
        segments.append(Segment(" " * left, base))
    return Strip(segments, width)


def seconds(nanoseconds: int, digits: int = 6) -> str:
    """Return a relative time in seconds: ``1.042661``."""
    sign = "-" if nanoseconds < 0 else ""
    whole, rest = divmod(abs(nanoseconds), 1_000_000_000)
    return f"{sign}{whole}.{rest:09d}"[: len(sign) + len(str(whole)) + 1 + digits]


def rate(bits_per_second: float) -> str:
    """Return a bit rate: ``812k``, ``3.4M``."""
    if bits_per_second >= 999_500:
        return f"{bits_per_second / 1e6:.1f}M"
    return f"{bits_per_second / 1e3:.0f}k" if bits_per_second >= 1000 else f"{bits_per_second:.0f}"


def bit_rate(per_second: float) -> str:
    """Return a bit rate in words: ``66 kbit/s``."""
    text = rate(per_second)
    return f"{text[:-1]} {text[-1]}bit/s" if text[-1] in "kM" else f"{text} bit/s"


def count(number: int, noun: str) -> str:
    """Return ``1 message``, ``12,345 messages``."""
    return f"{number:,} {noun}{'s' * (number != 1)}"


def span(nanoseconds: int) -> str:
    """Return a duration in at most 7 cells: ``35 µs``, ``4.2 ms``, ``1.31 s``, ``2:05 m``."""
    size = abs(nanoseconds)
    sign = "-" if nanoseconds < 0 else ""
    if size < 1_000_000:
        return f"{sign}{size // 1000} µs"
    if size < 1_000_000_000:
        return f"{sign}{size / 1e6:.{1 if size < 100_000_000 else 0}f} ms"
    if size < 100_000_000_000:
        return f"{sign}{size / 1e9:.2f} s"
    minutes, rest = divmod(size // 1_000_000_000, 60)
    return f"{sign}{minutes}:{rest:02d} m" if minutes < 100 else f"{sign}{minutes / 60:.0f} h"


def volume(octets: float) -> str:
    """Return a number of bytes: ``812 B``, ``3.4 kB``, ``1.2 GB``."""
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if octets >= size:
            return f"{octets / size:.1f} {unit}"
    return f"{octets:.0f} B"
