"""Colours of the text formats."""

from typing import Final

_CODES: Final = {
    "title": "1",
    "dim": "2",
    "c2s": "36",
    "s2c": "35",
    "note": "34",
    "warning": "33",
    "error": "31",
    "inconclusive": "33",
    "fail": "1;31",
    "pass": "1;32",
}


def paint(color: bool, style: str, text: str) -> str:
    """Return `text` in the colour of `style`, or as it is."""
    code = _CODES.get(style)
    return f"\x1b[{code}m{text}\x1b[0m" if color and code and text else text
