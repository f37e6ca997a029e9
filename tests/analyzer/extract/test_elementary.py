"""Bare streams, byte by byte."""

import io
import struct
from collections import Counter

from analyzer.extract.elementary import Adts, AnnexB, Ivf, Plain, Writer
from tests.analyzer.extract.test_records import AVCC, HVCC, PPS, SPS, VPS

CODE = b"\0\0\0\1"


class Track:
    """A writer, what it wrote, and what it noted."""

    def __init__(self, make: type, codec: str) -> None:
        self.out = io.BytesIO()
        self.notes: Counter[str] = Counter()
        self.writer: Writer = make(self.out, lambda text: self.notes.update([text]), codec)

    def take(self) -> bytes:
        data = self.out.getvalue()
        self.out.seek(0)
        self.out.truncate()
        return data


def units(*each: bytes, size: int = 4) -> bytes:
    return b"".join(len(unit).to_bytes(size, "big") + unit for unit in each)


def codes(*each: bytes) -> bytes:
    return b"".join(CODE + unit for unit in each)


def test_h264() -> None:
    track = Track(AnnexB, "h264")
    track.writer.config(AVCC)
    assert track.writer.frame(units(b"\x06sei", b"\x65idr"), True, 0)
    assert track.take() == codes(SPS, PPS, b"\x06sei", b"\x65idr")
    assert track.writer.frame(units(b"\x41p1", b"\x41p2"), False, 40)
    assert track.take() == codes(b"\x41p1", b"\x41p2")
    # An access unit delimiter stays first (ITU-T H.264 §7.4.1.2.3).
    track.writer.frame(units(b"\x09\xf0", b"\x65idr"), True, 80)
    assert track.take() == codes(b"\x09\xf0", SPS, PPS, b"\x65idr")
    # Parameter sets that are there are not written twice.
    track.writer.frame(units(SPS, PPS, b"\x65idr"), True, 80)
    assert track.take() == codes(SPS, PPS, b"\x65idr")
    other = AVCC.replace(SPS, b"\x67xyz")
    track.writer.config(other)
    track.writer.frame(units(b"\x41p3"), False, 120)
    assert track.take() == codes(b"\x67xyz", PPS, b"\x41p3")
    assert not track.notes


def test_h264_without_configuration_and_malformed() -> None:
    track = Track(AnnexB, "h264")
    assert track.writer.frame(units(b"\x41p"), False, 0) and track.take() == codes(b"\x41p")
    assert not track.writer.frame(b"\0\0\0\x09short", False, 0)
    assert track.writer.frame(codes(b"\x65idr"), True, 0) and track.take() == codes(b"\x65idr")
    track.writer.config(AVCC[:9])
    assert set(track.notes) == {
        "frames before any decoder configuration: NAL lengths of 4 bytes assumed",
        "NAL unit lengths that do not fit the frame",
        "frames that came with start codes",
        "malformed decoder configuration",
    }


def test_hevc_with_lengths_of_two_bytes() -> None:
    track = Track(AnnexB, "hevc")
    track.writer.config(b"\x01" + HVCC[1:])
    track.writer.frame(units(b"\x26\x01idr", size=2), True, 0)
    assert track.take() == codes(VPS, SPS, b"\x26\x01idr")


def test_adts_header() -> None:
    """ISO/IEC 14496-3 §1.A.2.2: sync, profile, rate, channels, length with the header."""
    track = Track(Adts, "aac")
    assert not track.writer.frame(b"early", False, 0)
    track.writer.config(bytes.fromhex("1210"))
    track.writer.frame(b"frame", False, 0)
    head = int.from_bytes(track.take()[:7], "big")
    fields = [head >> 44, head >> 40 & 15, head >> 38 & 3, head >> 34 & 15, head >> 30 & 7]
    assert fields == [0xFFF, 0b0001, 1, 4, 2]
    assert head >> 13 & 0x1FFF == 12 and head >> 2 & 0x7FF == 0x7FF and head & 3 == 0
    assert not track.writer.frame(bytes(8185), False, 0)
    assert track.writer.frame(bytes(8184), False, 0)


def test_ivf() -> None:
    track = Track(Ivf, "av1")
    track.writer.config(b"\x81\0\0\0" + b"\x0a\x01s")
    track.writer.frame(b"key", True, 1000)
    track.writer.frame(b"inter", False, 1040)
    track.writer.close()
    data = track.take()
    assert data[:4] == b"DKIF" and data[8:12] == b"AV01"
    assert struct.unpack_from("<HHIII", data, 4)[1] & 0xFFFF
    rate, scale, count = struct.unpack_from("<III", data, 16)
    assert (rate, scale, count) == (1000, 1, 2)
    assert data[32:44] == struct.pack("<IQ", 8, 1000) and data[44:52] == b"\x12\0\x0a\x01skey"
    assert data[52:64] == struct.pack("<IQ", 7, 1040) and data[64:] == b"\x12\0inter"


def test_flac() -> None:
    info = bytes(34)
    for record in (info, b"fLaC\x80\0\0\x22" + info):
        track = Track(Plain, "flac")
        track.writer.config(record)
        track.writer.config(record)
        track.writer.frame(b"\xff\xf8", False, 0)
        assert track.take() == b"fLaC\x80\0\0\x22" + info + b"\xff\xf8"
