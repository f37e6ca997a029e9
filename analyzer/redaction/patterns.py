"""The secrets of a capture as bytes on the wire, and the text of equal length in their place."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Final, NamedTuple

import numpy as np

from analyzer.redaction.encodings import u29, values
from analyzer.redaction.finder import SHORT
from analyzer.redaction.secrets import ORDINARY, Secrets

PLACEHOLDER: Final = re.compile(r"~(?:key|ip)?\d*~*")
"""What stands for a secret. A capture that was redacted before keeps its own."""
SMALLEST_OF: Final = {1: 0, 2: 1 << 7, 3: 1 << 14, 4: 1 << 21}
"""Bytes of an AMF3 Integer → the smallest that has so many: the copy reads as the original did."""
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
        self._heads: dict[bytes, int] = {}
        """How many bytes of a form stay: marker and length of a short string."""
        self.integers: dict[bytes, str] = {}
        """AMF3 Integers with their marker → the secret, where a message tells that they are."""
        self._sizes: dict[str, int] = {}
        self._secrets = secrets
        self._numbers: dict[tuple[str, str], int] = {}
        self.addresses = frozenset(addresses)
        for data, secret in secrets.forms().items():
            self._add(data, secret)
        for address in sorted(self.addresses):
            self._add(address.encode(), address)
        for data, secret in secrets.words.items():
            if self._replaced(secret):
                continue
            self.words.setdefault(data, secret)
            if data.lower().decode("utf-8", "replace") not in ORDINARY:
                for head, text in values(data):
                    if len(head + text) >= SHORT:
                        self.forms.setdefault(head + text, secret)
                        self._heads[head + text] = len(head)
        for data, secret in secrets.integers.items():
            if self._replaced(secret):
                continue
            self.integers[data] = secret
            self._sizes[secret] = len(data) - 1
            for head in (b"", b"\x11"):  # AMF0 §3.1 switches to AMF3
                if len(head + data) >= SHORT:
                    self.forms.setdefault(head + data, secret)
                    self._heads[head + data] = len(head) + 1
        self._index()

    def _add(self, data: bytes, secret: str) -> None:
        if len(data) >= SHORT and not self._replaced(secret):
            self.forms.setdefault(data, secret)

    def _replaced(self, secret: str) -> bool:
        """Whether a secret is what stands for one since the capture was redacted before."""
        pieces = self._secrets.pieces.get(secret, (("", secret),))
        return all(PLACEHOLDER.fullmatch(leaf) for _, leaf in pieces if leaf)

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
        self._starts = {form[:SHORT] for form in self._sorted}
        self._ends = {form[:SHORT] for form in self._reversed}

    def __len__(self) -> int:
        return len(set(self.forms.values()) | set(self.words.values()))

    def find(self, data: bytes | bytearray | memoryview) -> list[Hit]:
        """Return the secrets in `data`, the longest at each place, not overlapping."""
        return self._hits(data, [len(data)])[0]

    def find_each(self, texts: Sequence[bytes]) -> list[list[Hit]]:
        """Return what `find` returns of each text: many short ones cost no more than a long one."""
        return self._hits(b"".join(texts), list(accumulate(map(len, texts))))

    def _hits(self, data: bytes | bytearray | memoryview, ends: list[int]) -> list[list[Hit]]:
        """Return the secrets of each part of `data`, given where the parts end."""
        hits: list[list[Hit]] = [[] for _ in ends]
        number = begin = done = 0
        for at in self._starting(data):
            if at < done:
                continue
            while ends[number] <= at:
                begin, number = ends[number], number + 1
            for length in self._lengths[bytes(data[at : at + SHORT])]:
                form = bytes(data[at : at + length])
                secret = self.forms.get(form)
                if secret is not None and at + length <= ends[number]:
                    head = self._heads.get(form, 0)
                    hits[number].append(Hit(at + head - begin, length - head, secret))
                    done = at + length
                    break
        return hits

    def _starting(self, data: bytes | bytearray | memoryview) -> list[int]:
        """Return where the first bytes of a form stand."""
        if len(data) < SHORT or not self.forms:
            return []
        raw = np.frombuffer(data, np.uint8)
        pairs = raw[:-3].astype(np.uint16) << 8 | raw[1:-2]
        found = np.flatnonzero(self._pairs[pairs])
        if not len(found):
            return []
        quads = pairs[found].astype(np.uint32) << 16
        quads |= raw[found + 2].astype(np.uint32) << 8 | raw[found + 3]
        place = np.minimum(self._quads.searchsorted(quads), len(self._quads) - 1)
        starts: list[int] = found[self._quads[place] == quads].tolist()
        return starts

    def cut_end(self, data: bytes) -> Hit | None:
        """Return the longest end of `data` with which a secret begins: the rest is missing."""
        found = _begins(data[-self.longest :] if self.forms else b"", self._sorted, self._starts)
        if not found:
            return None
        size, form = found
        return Hit(len(data) - size, size, self.forms[form])

    def cut_start(self, data: bytes) -> Hit | None:
        """Return the longest start of `data` with which a secret ends."""
        found = _begins(data[: self.longest][::-1], self._reversed, self._ends)
        return Hit(0, found[0], self.forms[found[1][::-1]]) if found else None

    def placeholder(self, secret: str, length: int) -> bytes:
        """Return ``~key1~~~`` in `length` bytes; the number is the secret's own.

        Of a secret that consists of others each gets its own, where it stands as it is.
        """
        pieces = self._secrets.pieces.get(secret, ())
        if not pieces:
            return self._mark(secret, length)
        parts = [(text.encode(), leaf.encode("utf-8", "surrogatepass")) for text, leaf in pieces]
        if sum(len(text) + len(leaf) for text, leaf in parts) != length:
            return self._mark(next(leaf for _, leaf in pieces if leaf), length)
        return b"".join(
            self._between(text) + (self._mark(leaf, len(raw)) if leaf else b"")
            for (text, raw), (_, leaf) in zip(parts, pieces, strict=True)
        )

    def _between(self, text: bytes) -> bytes:
        """Return what stays of a secret that consists of others, without those it holds as well."""
        kept = bytearray(text)
        for start, length, secret in self.find(text):
            kept[start : start + length] = self.placeholder(secret, length)
        return bytes(kept)

    def _mark(self, secret: str, length: int) -> bytes:
        secret = self._secrets.whole.get(secret, secret)
        kind = "ip" if secret in self.addresses else "key"
        if self._sizes.get(secret) == length:
            return u29(SMALLEST_OF[length] + self._number(kind, secret))
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


def _begins(text: bytes, wanted: list[bytes], starts: set[bytes]) -> tuple[int, bytes] | None:
    """Return the length of the longest end of `text` that begins one of the sorted `wanted`."""
    for start in range(len(text) - SHORT + 1):
        if text[start : start + SHORT] not in starts:
            continue
        end = text[start:]
        place = bisect_left(wanted, end)
        if place < len(wanted) and wanted[place].startswith(end):
            return len(end), wanted[place]
    return None
