"""The secrets of a capture as bytes on the wire, and the text of equal length in their place."""

from __future__ import annotations

import base64
import re
from bisect import bisect_left
from collections.abc import Iterable
from typing import Final, NamedTuple
from urllib.parse import quote

import numpy as np

from analyzer.redact import Secrets
from analyzer.redaction.finder import SHORT

ENCODED_LEAST: Final = 6
"""A secret shorter than this is not looked for in base64: too much would look like it."""
PLACEHOLDER: Final = re.compile(rb"~(?:key|ip)?\d*~*")
"""What stands for a secret. A capture that was redacted before keeps its own."""
MAX_FORM: Final = 4096
"""A longer secret is found by its beginning where no message tells its end."""


class Hit(NamedTuple):
    """`length` bytes from `start` on are a secret, or a form of it."""

    start: int
    length: int
    secret: str


class Patterns:
    """Finds secrets in bytes. Their numbers are given as they are replaced first."""

    def __init__(self, secrets: Secrets, addresses: Iterable[str] = ()) -> None:
        """`addresses` are texts of IP addresses to be hidden like secrets."""
        self.forms: dict[bytes, str] = {}
        """Bytes that are a secret wherever they stand → the secret."""
        self.words: dict[bytes, str] = {}
        """Short or ordinary words, secrets only where they are a whole value."""
        self._numbers: dict[tuple[str, str], int] = {}
        self.addresses = frozenset(addresses)
        for data, secret in secrets.raw.items():
            self._add(data, secret)
        for text, secret in secrets.parts.items():
            for data in encodings(text):
                self._add(data, secret)
        for address in sorted(self.addresses):
            self._add(address.encode(), address)
        for data, secret in secrets.words.items():
            if not PLACEHOLDER.fullmatch(data):
                self.words.setdefault(data, secret)
        self._index()

    def _add(self, data: bytes, secret: str) -> None:
        if len(data) >= SHORT and not PLACEHOLDER.fullmatch(data):
            self.forms.setdefault(data, secret)

    def _index(self) -> None:
        self.longest = min(max(map(len, self.forms), default=0), MAX_FORM)
        self._pairs = np.zeros(1 << 16, np.bool_)
        self._lengths: dict[bytes, list[int]] = {}
        for form in self.forms:
            self._pairs[form[0] << 8 | form[1]] = True
            lengths = self._lengths.setdefault(form[:SHORT], [])
            if len(form) not in lengths:
                lengths.append(len(form))
        for lengths in self._lengths.values():
            lengths.sort(reverse=True)
        self._quads = np.array(
            sorted(int.from_bytes(start, "big") for start in self._lengths), np.uint32
        )
        self._sorted = sorted(self.forms)
        self._reversed = sorted(form[::-1] for form in self.forms)

    def __len__(self) -> int:
        return len(set(self.forms.values()) | set(self.words.values()))

    def find(self, data: bytes | bytearray | memoryview) -> list[Hit]:
        """Return the secrets in `data`, the longest at each place, not overlapping."""
        if len(data) < SHORT or not self.forms:
            return []
        raw = np.frombuffer(data, np.uint8)
        pairs = raw[:-3].astype(np.uint16) << 8 | raw[1:-2]
        found = np.flatnonzero(self._pairs[pairs])
        if not len(found):
            return []
        quads = pairs[found].astype(np.uint32) << 16
        quads |= raw[found + 2].astype(np.uint32) << 8 | raw[found + 3]
        hits: list[Hit] = []
        done = 0
        for at in found[np.isin(quads, self._quads)].tolist():
            if at < done:
                continue
            for length in self._lengths[bytes(data[at : at + SHORT])]:
                secret = self.forms.get(bytes(data[at : at + length]))
                if secret is not None and at + length <= len(data):
                    hits.append(Hit(at, length, secret))
                    done = at + length
                    break
        return hits

    def cut_end(self, data: bytes) -> Hit | None:
        """Return the longest end of `data` with which a secret begins: the rest is missing."""
        found = _begins(data[-self.longest :], self._sorted)
        if not found:
            return None
        size, form = found
        return Hit(len(data) - size, size, self.forms[form])

    def cut_start(self, data: bytes) -> Hit | None:
        """Return the longest start of `data` with which a secret ends."""
        found = _begins(data[: self.longest][::-1], self._reversed)
        return Hit(0, found[0], self.forms[found[1][::-1]]) if found else None

    def placeholder(self, secret: str, length: int) -> bytes:
        """Return ``~key1~~~`` in `length` bytes; the number is the secret's own."""
        kind = "ip" if secret in self.addresses else "key"
        number = str(self._number(kind, secret))
        for text in (f"~{kind}{number}~", f"~{number}~", f"~{number}"):
            if len(text) <= length:
                return text.ljust(length, "~").encode()
        return f"~{number[len(number) - length + 1 :]}"[:length].encode()

    def _number(self, kind: str, secret: str) -> int:
        known = self._numbers.get((kind, secret))
        if known is None:
            known = 1 + sum(1 for other, _ in self._numbers if other == kind)
            self._numbers[kind, secret] = known
        return known

    @property
    def replaced(self) -> int:
        """How many different secrets got a number: those that were there."""
        return len(self._numbers)


def encodings(text: str) -> list[bytes]:
    """Return how a secret may be written: plain, percent-encoded, JSON-escaped, hex, base64."""
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
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            forms += _base64(raw, encode)
    return forms


def _base64(raw: bytes, encode: object) -> list[bytes]:
    """Base64 of `raw` inside other text: the characters that depend on it alone, by alignment."""
    assert callable(encode)
    forms = []
    for shift in range(3):
        text: bytes = encode(bytes(shift) + raw)
        first = (0, 2, 3)[shift]
        whole = (shift + len(raw)) // 3 * 4
        forms.append(text[first:whole])
    return forms


def _begins(text: bytes, wanted: list[bytes]) -> tuple[int, bytes] | None:
    for start in range(len(text) - SHORT + 1):
        end = text[start:]
        place = bisect_left(wanted, end)
        if place < len(wanted) and wanted[place].startswith(end):
            return len(end), wanted[place]
    return None
