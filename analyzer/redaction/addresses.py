"""Addresses replaced by others, prefixes kept: what shares a network goes on sharing one.

Each bit is flipped or not by a keyed hash of the bits before it (the scheme of Crypto-PAn). Without
the key the original cannot be found again.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

KEPT: Final = {
    32: ((0x7F, 8), (0xA9FE, 16), (0xE, 4)),
    128: ((0xFF, 8), (0x3FA, 10)),
}
"""Prefixes with a meaning of their own (value, bits), by bits of an address: loopback,
link-local and multicast stay what they are."""


class Addresses:
    """One mapping of IPv4, IPv6 and MAC addresses; the same key gives the same mapping."""

    def __init__(self, key: bytes) -> None:
        self._key = blake2b(key, digest_size=32).digest()
        self._known: dict[bytes, bytes] = {}

    def ip(self, packed: bytes) -> bytes:
        """Return what stands for an IPv4 (4 bytes) or IPv6 address (16 bytes)."""
        found = self._known.get(packed)
        if found is None:
            found = self._known[packed] = self._new_ip(packed)
        return found

    def _new_ip(self, packed: bytes) -> bytes:
        bits = len(packed) * 8
        value = int.from_bytes(packed, "big")
        if _kept(value, bits):
            return packed
        # One that would become a kept address is mapped again: never two become the same.
        while _kept(value := self._mapped(value, bits), bits):
            pass
        return value.to_bytes(len(packed), "big")

    def _mapped(self, value: int, bits: int) -> int:
        new = 0
        for place in range(bits):
            bit = value >> (bits - 1 - place) & 1
            new = new << 1 | bit ^ self._flip(bits, place, value >> (bits - place))
        return new

    def _flip(self, bits: int, place: int, before: int) -> int:
        text = bytes([bits, place]) + before.to_bytes(16, "big")
        return blake2b(text, key=self._key, digest_size=1).digest()[0] & 1

    def mac(self, packed: bytes) -> bytes:
        """Return what stands for a MAC address: a locally administered one."""
        if packed in (bytes(6), b"\xff" * 6):
            return packed
        found = self._known.get(packed)
        if found is None:
            new = bytearray(blake2b(packed, key=self._key, digest_size=6).digest())
            new[0] = new[0] & 0xFC | 2 | packed[0] & 1
            found = self._known[packed] = bytes(new)
        return found


def _kept(value: int, bits: int) -> bool:
    """Whether an address is of a kept prefix, or "none", IPv6's loopback, or "all"."""
    if value in (0, (1 << bits) - 1) or (bits == 128 and value == 1):
        return True
    return any(value >> (bits - length) == prefix for prefix, length in KEPT[bits])
