"""Frame headers of MPEG audio and Opus (ISO/IEC 11172-3 §2.4.1.3, RFC 6716 §3)."""

import pytest

from tests.dissectors.media_bodies import audio


def test_every_bit_of_an_mpeg_header_has_its_field():
    found = audio(b"\x2f" + bytes.fromhex("fffb9264"))
    header = found.body.find("mpeg_audio_header")
    assert sum(child.mask for child in header.children) == 0xFFFFFFFF
    read = {child.name: child.value for child in header.children}
    assert (read["sync_word"], read["mode_extension"], read["original"]) == (0x7FF, 2, 1)


@pytest.mark.parametrize(
    ("packet", "frames"), [("fc00", 1), ("fd0000", 2), ("fe010000", 2), ("ff03000000", 3)]
)
def test_frames_of_an_opus_packet(packet, frames):
    """RFC 6716 §3.2: code 0 is one frame, 1 and 2 are two, 3 tells how many."""
    found = audio(b"\x91Opus" + bytes.fromhex(packet))
    assert found.body.value["frame"]["frames"] == frames


def test_frame_count_byte():
    found = audio(b"\x91Opus" + bytes.fromhex("ffc20503"))
    node = found.body.find("frame_count_byte")
    assert [child.value for child in node.children] == [1, 1, 2]
