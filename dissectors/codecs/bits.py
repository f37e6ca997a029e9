"""Bit-level reads for codec headers, and the labels of bit fields."""

from dissectors.fields import Field, bits

MAX_BIT_BYTES = 1024
"""Parameter sets and sequence headers are below 200 bytes; a hostile one must stay cheap."""
MAX_GOLOMB_ZEROS = 32
"""ITU-T H.264 §9.1: a code of more leading zeros does not fit 32 bits."""


class BitReader:
    """Reads fixed-length and Exp-Golomb codes, most significant bit first.

    It never raises: past the end, or at a code that cannot be, it reads zeros and `failed`
    turns true. Callers keep their loops bounded and look at `failed` once, at the end.
    """

    __slots__ = ("_left", "_value", "failed")

    def __init__(self, data: bytes) -> None:
        data = data[:MAX_BIT_BYTES]
        self._value = int.from_bytes(data, "big")
        self._left = len(data) * 8
        self.failed = False

    @property
    def left(self) -> int:
        """Bits left."""
        return self._left

    def u(self, width: int) -> int:
        """Read an unsigned integer of `width` bits."""
        if width > self._left:
            self.failed = True
            self._left = 0
            return 0
        self._left -= width
        return (self._value >> self._left) & ((1 << width) - 1)

    def flag(self) -> bool:
        return self.u(1) == 1

    def peek(self, width: int) -> int:
        """Return the next `width` bits without moving; 0 when fewer are left."""
        if width > self._left:
            return 0
        return (self._value >> (self._left - width)) & ((1 << width) - 1)

    def ue(self) -> int:
        """Read an unsigned Exp-Golomb code (ITU-T H.264 §9.1)."""
        rest = self._value & ((1 << self._left) - 1)
        zeros = self._left - rest.bit_length()
        if not rest or zeros > MAX_GOLOMB_ZEROS:
            self.failed = True
            self._left = 0
            return 0
        self._left -= zeros
        return self.u(zeros + 1) - 1

    def se(self) -> int:
        """Read a signed Exp-Golomb code (ITU-T H.264 §9.1.1)."""
        code = self.ue()
        return (code + 1) // 2 if code & 1 else -(code // 2)


def bit_field(
    node: Field, name: str, byte: int, mask: int, text: str, value: object, start: int
) -> Field:
    """Append a field of some bits of the byte at `start`: ``.... ..11 = NAL length size: 4``."""
    return node.add(name, f"{bits(byte, mask)} = {text}", value, start, 1, mask=mask)


def leb128(data: bytes, pos: int, end: int) -> tuple[int, int]:
    """Read AV1's leb128 (AV1 §4.10.5); return (value, length), length 0 if it does not end."""
    value = 0
    for i in range(min(8, end - pos)):
        byte = data[pos + i]
        value |= (byte & 0x7F) << (7 * i)
        if not byte & 0x80:
            return value, i + 1
    return 0, 0
