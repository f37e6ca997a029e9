"""VID rules about decoder configurations: what triggers each, and what nearly does."""

import pytest

from tests.analyzer.rules.builder import S, Talk, aac_config, avc_config, metadata, picture
from tests.analyzer.rules.media import (
    finding,
    merged,
    pictures,
    published,
    sending,
    severity,
    video,
)
from tests.dissectors.media_bodies import AVCC, HVCC

OTHER = AVCC["322x182"]
AVC = bytes.fromhex(AVCC["baseline"])
HEVC = bytes.fromhex(HVCC["crop"])


def test_frames_before_the_sequence_header():
    late = published([picture(0, True), avc_config(40), picture(80)], (metadata(),))
    assert finding(late, "VID-01").count == 1
    never = published(pictures(range(0, 400, 40)), (metadata(),))
    assert (severity(never, "VID-01"), finding(never, "VID-01").count) == ("error", 10)
    assert severity(published(pictures(range(0, 400, 40))), "VID-01") is None


def test_sorenson_needs_no_sequence_header():
    talk = published([video(40 * n, "22 00 00 84 00 81") for n in range(3)], (metadata(),))
    assert severity(talk, "VID-01") is None


@pytest.mark.parametrize(
    ("record", "key", "expected"),
    [(OTHER, True, "warning"), (OTHER, False, "error"), (AVCC["baseline"], True, None)],
)
def test_configuration_changes(record, key, expected):
    headers = (metadata(), avc_config(0, AVCC["baseline"]), aac_config())
    items = [*pictures([0, 40, 80]), avc_config(120, record), picture(120, key), picture(160)]
    talk = published(items, headers)
    assert severity(talk, "VID-02") == expected
    if expected:
        assert "320×240 to 322×182" in finding(talk, "VID-02").text


def test_repeated_configuration():
    def talk(every: int, count: int) -> Talk:
        items = []
        for number in range(count):
            if number % every == 0:
                items.append(avc_config(1000 * number))
            items += pictures(range(1000 * number, 1000 * number + 1000, 200), gop=5)
        return published(items)

    assert severity(talk(1, 6), "VID-03") == "warning"  # with every keyframe
    assert severity(talk(3, 9), "VID-03") == "note"
    assert severity(talk(3, 6), "VID-03") is None  # twice


def test_stale_configuration_from_a_server():
    old, new = avc_config(0, OTHER), avc_config(0)
    media = pictures(range(0, 2000, 40))

    def played(*headers) -> Talk:
        return sending(Talk().playing().send(S, metadata(), *headers), media, S)

    assert severity(played(old, new), "VID-04") == "warning"
    assert severity(played(new, new), "VID-04") is None
    assert severity(played(new), "VID-04") is None
    later = merged(media, [avc_config(1500, OTHER)])
    stable = sending(Talk().playing().send(S, metadata(), new), later, S)
    assert severity(stable, "VID-04") is None


def without_pps(record: bytes) -> bytes:
    at = 8 + int.from_bytes(record[6:8], "big")
    return record[:at] + b"\0"


def two_sps(record: bytes) -> bytes:
    end = 8 + int.from_bytes(record[6:8], "big")
    return record[:5] + b"\xe2" + record[6:end] * 2 + record[end:]


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (AVC, None),
        (b"\0" + AVC[1:], "error"),
        (without_pps(AVC), "error"),
        (two_sps(AVC), "warning"),
        (AVC[:5] + b"\xe0\x00", "error"),  # no SPS
        (AVC[:7], "error"),
        (AVC[:12] + bytes(22) + AVC[34:], "error"),  # an SPS of zeros
        (b"\0\0\0\1" + bytes.fromhex("6742c00c"), "error"),
    ],
)
def test_avc_record(record, expected):
    headers = (metadata(), avc_config(0, record.hex()))
    assert severity(published(pictures([0, 40]), headers), "VID-07") == expected


def test_hevc_record():
    def hevc(record: bytes):
        frames = [video(40, b"\x91hvc1\0\0\0\0\0\0\x03\x26\x01\xaf")]
        return published(frames, (metadata(), video(0, b"\x90hvc1" + record)))

    assert severity(hevc(HEVC), "VID-07") is None
    vps = HEVC.index(b"\x20\x00\x01\x00")
    length = int.from_bytes(HEVC[vps + 3 : vps + 5], "big")
    bare = HEVC[:22] + bytes([HEVC[22] - 1]) + HEVC[vps + 5 + length :]
    assert "no VPS" in finding(hevc(bare), "VID-07").text
