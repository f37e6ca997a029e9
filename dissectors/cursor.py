"""Bounds-checked reads over one message body."""

import struct
from typing import Final

_F64: Final = struct.Struct(">d")


class Malformed(Exception):  # noqa: N818 — the field's word, and it is data rather than a fault
    """The bytes do not follow the format. Whoever knows where to go on makes data of it."""

    def __init__(self, reason: str, start: int, length: int = 0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.start = start
        self.length = length


class Cursor:
    """Reads values from `data` between `pos` and `end`; past the end raises `Malformed`."""

    __slots__ = ("cut", "data", "end", "pos")

    def __init__(
        self, data: bytes, pos: int = 0, end: int | None = None, cut: bool = False
    ) -> None:
        self.data = data
        self.pos = pos
        self.end = len(data) if end is None else min(end, len(data))
        self.cut = cut
        """The sender's bytes go on behind `end`; they were not captured."""

    def __len__(self) -> int:
        """Bytes left."""
        return self.end - self.pos

    def __bool__(self) -> bool:
        return self.pos < self.end

    def need(self, count: int, what: str = "value") -> int:
        """Move past `count` bytes and return where they start; raise `Malformed` if too few."""
        start = self.pos
        if count > self.end - start:
            left = self.end - start
            raise Malformed(f"{what} needs {count} bytes, {left} left", start, left)
        self.pos = start + count
        return start

    def take(self, count: int, what: str = "data") -> bytes:
        """Read `count` bytes."""
        start = self.need(count, what)
        return self.data[start : start + count]

    def rest(self) -> bytes:
        """Read all that is left."""
        return self.take(self.end - self.pos)

    def peek(self, count: int = 1) -> bytes:
        """Return up to `count` next bytes without moving."""
        return self.data[self.pos : min(self.pos + count, self.end)]

    def sub(self, count: int, what: str = "data") -> "Cursor":
        """Return a cursor over the next `count` bytes (same coordinates) and move past them."""
        start = self.need(count, what)
        end = start + count
        return Cursor(self.data, start, end, self.cut and end == self.end)

    def uint(self, count: int, what: str = "integer") -> int:
        """Read an unsigned big-endian integer of `count` bytes."""
        start = self.need(count, what)
        return int.from_bytes(self.data[start : start + count], "big")

    def u8(self, what: str = "byte") -> int:
        return self.data[self.need(1, what)]

    def u16(self, what: str = "integer") -> int:
        return self.uint(2, what)

    def u24(self, what: str = "integer") -> int:
        return self.uint(3, what)

    def u32(self, what: str = "integer") -> int:
        return self.uint(4, what)

    def s24(self, what: str = "integer") -> int:
        """Read a signed 24-bit integer (FLV's SI24)."""
        value = self.uint(3, what)
        return value - 0x1000000 if value & 0x800000 else value

    def f64(self, what: str = "number") -> float:
        """Read an IEEE 754 double."""
        start = self.need(8, what)
        return float(_F64.unpack_from(self.data, start)[0])
