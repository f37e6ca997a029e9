"""Quantities as people write them: ``2s``, ``100ms``, ``4500k``, ``6Mbps``."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import Final

NANOSECONDS: Final = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "min": 60_000_000_000,
    "h": 3_600_000_000_000,
}
BITS_PER_SECOND: Final = {"k": 1_000, "m": 1_000_000, "g": 1_000_000_000}
_LARGEST: Final = 1 << 62
"""Beyond every column; larger numbers would not fit an int64."""
_QUANTITY: Final = re.compile(r"([+-]?[0-9]{1,20}(?:\.[0-9]{0,20})?)([A-Za-zµ/]{0,8})")
_RATE: Final = re.compile(r"([kmg]?)(?:bps|bit/s|b/s)?", re.IGNORECASE)


def nanoseconds(text: str, bare: int | None = None) -> int | float | None:
    """Read a duration; a number without unit counts `bare` nanoseconds, else only 0 is one."""
    match = _QUANTITY.fullmatch(text)
    if match is None:
        return None
    number, unit = match.groups()
    if not unit:
        return _scaled(number, bare or 1) if bare is not None or Decimal(number) == 0 else None
    factor = NANOSECONDS.get(unit)
    return None if factor is None else _scaled(number, factor)


def bits_per_second(text: str) -> int | float | None:
    """Read a bit rate: ``6000000``, ``6M``, ``6Mbps``, ``160kbit/s``; k is 1000."""
    match = _QUANTITY.fullmatch(text)
    unit = _RATE.fullmatch(match[2]) if match else None
    if match is None or unit is None:
        return None
    return _scaled(match[1], BITS_PER_SECOND.get(unit[1].lower(), 1))


def _scaled(number: str, factor: int) -> int | float | None:
    try:
        exact = Decimal(number) * factor
    except InvalidOperation:
        return None
    value = int(exact) if exact == exact.to_integral_value() else float(exact)
    return max(-_LARGEST, min(value, _LARGEST))
