"""Bit reads: fixed length, Exp-Golomb (H.264 §9.1), leb128 (AV1 §4.10.5)."""

import pytest

from dissectors.codecs.avc_sps import ratio
from dissectors.codecs.bits import BitReader, leb128
from dissectors.codecs.nal import lengths_fit, unescape


def bit_string(text):
    padded = text.ljust(-len(text) // 8 * -8, "0")
    return BitReader(int(padded, 2).to_bytes(len(padded) // 8, "big"))


@pytest.mark.parametrize(
    ("code", "unsigned", "signed"),
    [("1", 0, 0), ("010", 1, 1), ("011", 2, -1), ("00100", 3, 2), ("00101", 4, -2),
     ("0001000", 7, 4)],
)  # fmt: skip
def test_exp_golomb(code, unsigned, signed):
    assert bit_string(code).ue() == unsigned
    assert bit_string(code).se() == signed


def test_largest_code():
    assert bit_string("0" * 32 + "1" + "1" * 32).ue() == 2**33 - 2
    too_long = bit_string("0" * 33 + "1" * 40)
    assert (too_long.ue(), too_long.failed) == (0, True)


def test_the_end_reads_zeros_and_fails():
    bits = BitReader(b"\xff")
    assert (bits.u(4), bits.peek(4), bits.left, bits.failed) == (15, 15, 4, False)
    assert (bits.u(5), bits.left, bits.failed) == (0, 0, True)
    assert (bits.ue(), bits.flag(), bits.peek(1)) == (0, False, 0)


def test_leb128():
    assert leb128(b"\xe5\x8e\x26", 0, 3) == (624485, 3)
    assert leb128(b"\x80" * 9, 0, 9) == (0, 0)
    assert leb128(b"\x80", 0, 1) == (0, 0)


def test_emulation_prevention():
    assert unescape(bytes.fromhex("000003000003010000030004")) == bytes.fromhex(
        "000000000100000004"
    )


def test_lengths_fit():
    assert lengths_fit(b"\0\1\xaa\0\0", 0, 5, 2)
    assert not lengths_fit(b"\0\1\xaa\0", 0, 4, 2)


def test_ratio():
    assert ratio(60000, 2002) == [30000, 1001]
    assert ratio(25, 0) is None
