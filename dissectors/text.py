"""Captured text made safe for a terminal."""

import re
from typing import Final

# C0 and DEL have printable twins in Unicode's "Control Pictures" block.
_PICTURES: Final = {code: 0x2400 + code for code in range(0x20)} | {0x7F: 0x2421}

_JOINING: Final = re.compile("[\ufe0e\ufe0f\U0001f3fb-\U0001f3ff\U000e0100-\U000e01ef]")
"""Emoji presentation, skin tones (UTS #51) and ideographic variations (UTS #37): they change the
cells of the character before them, by how much depends on the terminal."""

LABEL_LIMIT: Final = 1024
"""Longest captured text shown in one label; the field's value keeps all of it."""


def safe(text: str) -> str:
    """Return `text` with every control, bidi or otherwise unprintable character replaced.

    C0 controls and DEL become control pictures (``\\x1b`` → ``␛``); C1 controls, bidi and
    zero-width characters, variation selectors, skin tones and lone surrogates become ``\\uXXXX``
    escapes.
    """
    if is_safe(text):
        return text
    text = text.translate(_PICTURES)
    text = "".join(c if c.isprintable() else _escape(ord(c)) for c in text)
    return _JOINING.sub(lambda found: _escape(ord(found[0])), text)


def is_safe(text: str) -> bool:
    """Return whether `safe` would change nothing."""
    return text.isprintable() and (text.isascii() or _JOINING.search(text) is None)


def _escape(code: int) -> str:
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def quote(text: str, limit: int = LABEL_LIMIT) -> str:
    """Return `text` safe, cut to `limit` characters, in single quotes, as labels show strings."""
    if len(text) > limit:
        return f"'{safe(text[:limit])}…' ({len(text)} characters)"
    return f"'{safe(text)}'"


def hexdump(data: bytes, limit: int = 16) -> str:
    """Return the first `limit` bytes as plain hex with an ellipsis when there are more."""
    return data[:limit].hex() + ("…" if len(data) > limit else "")
