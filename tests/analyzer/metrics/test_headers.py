"""Headers by columns are those that `media_head` reads one by one."""

import random

import numpy as np
import pytest

from analyzer.metrics.headers import CODECS, CONFIG, END, FRAME, OTHER, decode
from dissectors.messages.media_head import peek_audio, peek_video

ROLES = {
    "sequence_header": CONFIG, "sequence_start": CONFIG, "mpeg2ts_sequence_start": CONFIG,
    "nalu": FRAME, "raw": FRAME, "coded_frames": FRAME, "coded_frames_x": FRAME,
    "end_of_sequence": END, "sequence_end": END,
}  # fmt: skip
FOURCCS = (b"avc1", b"hvc1", b"vvc1", b"av01", b"vp08", b"vp09", b"mp4a", b"Opus", b"zzzz")


def columns(kind: int, body: bytes):
    head = np.frombuffer(body[:16].ljust(16, b"\0"), np.uint8).reshape(1, 16)
    return decode(np.array([kind], np.uint8), head, np.array([len(body)]))


def random_bodies(count: int):
    dice = random.Random(7)
    for _ in range(count):
        first = dice.randrange(256)
        if dice.random() < 0.5:
            yield bytes([first]) + dice.choice(FOURCCS) + dice.randbytes(12)
        elif dice.random() < 0.5:
            track = bytes([dice.choice((0x00, 0x01, 0x03))]) + dice.choice(FOURCCS)
            yield bytes([dice.choice((0x96, 0xA6, 0x95, 0xB6))]) + track + dice.randbytes(12)
        else:
            yield bytes([first, dice.randrange(4)]) + dice.randbytes(14)


@pytest.mark.parametrize("kind", [8, 9])
def test_equal_to_one_by_one(kind):
    for body in random_bodies(3000):
        found = columns(kind, body)
        seen = peek_video(body, len(body)) if kind == 9 else peek_audio(body, len(body))
        if seen.multitrack not in (None, "one_track"):
            continue  # `expand` divides these
        assert CODECS[found.codec[0]] == seen.codec, body.hex()
        assert found.track[0] == (seen.track_id or 0), body.hex()
        if seen.packet_type is not None and getattr(seen, "frame_type", None) != "command":
            assert found.role[0] == ROLES.get(seen.packet_type, OTHER), body.hex()
        if kind == 9 and found.role[0] == FRAME:
            assert found.cts_ms[0] == (seen.composition_time or 0), body.hex()
            assert bool(found.keyframe[0]) == (
                seen.frame_type in ("keyframe", "generated_keyframe")
            ), body.hex()
            assert found.data_at[0] == seen.header_length, body.hex()


@pytest.mark.parametrize(
    ("kind", "body", "role"),
    [
        (9, "17000000000142c00c", CONFIG),
        (9, "1701000028000000026588", FRAME),
        (9, "1702000000", END),
        (9, "5700", OTHER),
        (9, "22000084008100", FRAME),
        (9, "", OTHER),
        (9, "1701", OTHER),
        (8, "af001210", CONFIG),
        (8, "af00", CONFIG),
        (8, "af0121", FRAME),
        (8, "2f", FRAME),
        (8, "", OTHER),
        (9, "94" + b"hvc1".hex() + "02", OTHER),
        (8, "94" + b"Opus".hex() + "0102", OTHER),
    ],
)
def test_roles(kind, body, role):
    assert columns(kind, bytes.fromhex(body)).role[0] == role
