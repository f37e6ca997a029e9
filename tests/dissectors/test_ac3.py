"""AC-3 and E-AC-3 sync frames (ETSI TS 102 366 §4.3, annex E.1.2)."""

import pytest

from tests.dissectors.bodies import codes
from tests.dissectors.media_bodies import audio


def frames(fourcc: bytes, *data: bytes):
    found = audio(b"\x91" + fourcc + b"".join(data))
    return found, [node for node in found.body.children if node.name == "sync_frame"]


def values(node):
    return {child.name: child.value for child in node.children}


# The header of a frame of FFmpeg's encoder: 48 kHz, 448 kbit/s, 3/2 with LFE, 1792 bytes.
AC3 = bytes.fromhex("0b77b50b1e40ebf8").ljust(1792, b"\xff")


def test_ac3():
    found, [node] = frames(b"ac-3", AC3)
    assert codes(found.body) == []
    assert (node.start, node.length) == (5, 1792)
    read = values(node)
    assert (read["sample_rate"], read["frame_size_code"], read["bsid"]) == (48000, 1792, 8)
    assert (read["bit_stream_mode"], read["channel_mode"], read["lfe"]) == (0, 7, True)
    assert found.body.value["frame"]["channels"] == 6
    assert found.info == "AC-3 CodedFrames 448 kbit/s 48000 Hz 5.1"


@pytest.mark.parametrize(
    ("code", "index", "size"), [(0, 0, 128), (1, 0, 138), (1, 1, 140), (2, 0, 192), (1, 37, 2788)]
)
def test_frame_sizes(code, index, size):
    """Table 4.13: 44.1 kHz alternates between two sizes."""
    head = bytes.fromhex("0b770000") + bytes([code << 6 | index, 8 << 3, 0x40, 0])
    _, [node] = frames(b"ac-3", head.ljust(size, b"\0"))
    assert (values(node)["frame_size_code"], node.length) == (size, size)


def eac3(kind: int, substream: int, size: int, mode: int = 2) -> bytes:
    """48 kHz, six blocks."""
    word = kind << 14 | substream << 11 | size // 2 - 1
    head = b"\x0b\x77" + word.to_bytes(2, "big") + bytes([3 << 4 | mode << 1, 16 << 3])
    return head.ljust(size, b"\0")


def test_every_substream_of_a_message():
    """7.1 is an independent substream of 5.1 and a dependent one with the rest (annex E.3.8)."""
    found, nodes = frames(b"ec-3", eac3(0, 0, 8, 7), eac3(1, 0, 12))
    assert codes(found.body) == []
    assert [node.length for node in nodes] == [8, 12]
    assert [values(node)["stream_type"] for node in nodes] == [0, 1]
    frame = found.body.value["frame"]
    assert (frame["channels"], frame["dependent_channels"]) == (5, 2)
    assert (frame["frame_size"], frame["blocks"]) == (8, 6)


def test_damage():
    assert codes(frames(b"ac-3", b"\x0b\x78" + AC3[2:])[0].body) == ["ac3_sync"]
    assert codes(frames(b"ac-3", AC3[:1000])[0].body) == ["ac3_frame_cut"]
    reserved = AC3[:4] + b"\xde" + AC3[5:]
    assert codes(frames(b"ac-3", reserved)[0].body) == ["ac3_reserved"]
    for size in range(12):
        frames(b"ac-3", AC3[:size])
        frames(b"ec-3", eac3(0, 0, 32)[:size])
