"""Fields of headers that are bit strings, not bytes."""

from typing import Any

from dissectors.codecs.bits import BitReader
from dissectors.fields import Field, bits


class BitLines:
    """Reads a bit string and makes a field of what it reads.

    Such fields cross byte boundaries, so each has the span of the whole string and a mask of
    that width.
    """

    def __init__(self, node: Field, start: int, data: bytes) -> None:
        self.bits = BitReader(data)
        self.node = node
        self._start = start
        self._length = len(data)
        self._word = int.from_bytes(data, "big")

    def add(self, name: str, width: int, text: str, value: Any, plumbing: bool = False) -> None:
        """Append a field of the `width` bits read last, unless the string ended before them."""
        if self.bits.failed:
            return
        mask = ((1 << width) - 1) << self.bits.left
        total = self._length * 8
        picture = f"{bits(self._word, mask, total)} = " if self._length <= 2 else ""
        node = self.node.add(name, f"{picture}{text}", value, self._start, self._length, mask=mask)
        node.plumbing = plumbing

    def number(self, name: str, width: int, label: str) -> int:
        """Read a plain number with its own field."""
        value = self.bits.u(width)
        self.add(name, width, f"{label}: {value}", value)
        return value

    def group(self, name: str, label: str) -> Field:
        """Put the following fields below a new one; return it, for `close`."""
        outer = self.node
        self.node = outer.add(name, label, None, self._start, self._length)
        return outer

    def close(self, outer: Field) -> None:
        self.node = outer

    def rest(self, whole: bool = False, plumbing: bool = False) -> None:
        """Account for the bits behind what was read; `whole`: only padding may be left."""
        left = self.bits.left
        if not left or self.bits.failed:
            return
        value = self.bits.u(left)
        unit = "bit" if left == 1 else "bits"
        if whole and not value and left < 8:
            self.add("padding", left, f"Padding: {left} {unit}", None, plumbing=True)
        else:
            self.add("not_decoded", left, f"Not decoded: {left} {unit}", None, plumbing)
