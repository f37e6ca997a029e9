"""How a secret may be written: plain, escaped, in hex, in base64, in other letters."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from typing import Final
from urllib.parse import quote

from analyzer.redaction.finder import SHORT

ENCODED_LEAST: Final = 6
"""A secret shorter than this is not looked for in base64 and in upper or lower case: too much
would look like it."""


def encodings(text: str) -> list[bytes]:
    """Return the bytes that a secret may be written as."""
    raw = text.encode("utf-8", "surrogatepass")
    escaped = quote(raw, safe="")
    forms = [
        raw,
        quote(raw, safe="/").encode(),
        escaped.encode(),
        re.sub("%..", lambda match: match[0].lower(), escaped).encode(),
        quote(raw, safe="/?&=").encode(),
        raw.replace(b"/", rb"\/"),
        raw.replace(b"&", rb"\u0026"),
    ]
    if len(raw) >= SHORT:
        forms += [raw.hex().encode(), raw.hex().upper().encode()]
    if len(raw) >= ENCODED_LEAST:
        forms += [raw.lower(), raw.upper()]
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            forms += _base64(raw, encode)
    return forms


def _base64(raw: bytes, encode: Callable[[bytes], bytes]) -> list[bytes]:
    """Base64 of `raw` inside other text: the characters that depend on it alone, by alignment."""
    forms = []
    for shift in range(3):
        text = encode(bytes(shift) + raw)
        first = (0, 2, 3)[shift]
        whole = (shift + len(raw)) // 3 * 4
        forms.append(text[first:whole])
    return forms


def values(data: bytes) -> tuple[tuple[bytes, bytes], ...]:
    """Return what stands before a whole string and the string: in AMF0, in AMF3."""
    return (
        (b"\x02" + len(data).to_bytes(2, "big"), data),
        (b"\x06" + bytes([len(data) << 1 | 1]), data),
    )


def u29(value: int) -> bytes:
    """Return an AMF3 Integer of 0 … 2^28 - 1 without its marker (AMF3 §1.3.1)."""
    if value < 1 << 21:
        shifts, last = range(7 * (max(value.bit_length() - 1, 0) // 7), 0, -7), value & 0x7F
    else:
        shifts, last = range(22, 7, -7), value & 0xFF
    return bytes([*(value >> shift & 0x7F | 0x80 for shift in shifts), last])
