"""--strip-media: headers and configurations stay, coded media becomes zeros of the same size."""

from pathlib import Path

import pytest

from analyzer.redaction.media import coded
from tests.analyzer import talk
from tests.analyzer.redaction.shared import read, redact, rows
from tests.analyzer.talk import CAPTURES, answer, publish

SUB = b"\x09\0\0\x08" + bytes(7) + b"\x27\x01\0\0\0abc" + b"\0\0\0\x13"


@pytest.mark.parametrize(
    ("type_id", "body", "parts"),
    [
        (9, b"\x27\x01\0\0\x50coded", [(5, 5)]),
        (9, b"\x17\0\0\0\0record", []),
        (9, b"\x17\2\0\0\0", []),
        (9, b"\x22h263", [(1, 4)]),
        (9, b"\x52\0", []),
        (8, b"\xaf\x01coded", [(2, 5)]),
        (8, b"\xaf\0\x12\x08", []),
        (8, b"\x2fmp3", [(1, 3)]),
        (9, b"\x91hvc1\0\0\0coded", [(8, 5)]),
        (9, b"\xa3hvc1coded", [(5, 5)]),
        (9, b"\x90hvc1record", []),
        (9, b"\x94hvc1meta", []),
        (9, b"\xa1av01coded", [(5, 5)]),
        (8, b"\x91Opuscoded", [(5, 5)]),
        # Multitrack (E-RTMP v2): one track; many tracks; many tracks, many codecs.
        (9, b"\xa6\x01hvc1\x07\0\0\0coded", [(10, 5)]),
        (9, b"\xa6\x11av01\0\0\0\2ab\1\0\0\3cde", [(10, 2), (16, 3)]),
        (9, b"\xa6\x21av01\0\0\0\2abhvc1\1\0\0\5\0\0\0cd", [(10, 2), (23, 2)]),
        (8, b"\x95\x11Opus\0\0\0\2ab\1\0\0\3cde", [(10, 2), (16, 3)]),
        (22, SUB + SUB, [(16, 3), (39, 3)]),
        (18, b"metadata", []),
        (9, b"", []),
    ],
)
def test_where_coded_media_stands(type_id: int, body: bytes, parts: list[tuple[int, int]]) -> None:
    assert coded(type_id, body, len(body)) == parts


def test_bodies(tmp_path: Path) -> None:
    redact(tmp_path, talk.pcap(publish(), answer(), segment=77), "--strip-media")
    before, after = read(tmp_path / "in.pcap"), read(tmp_path / "out.pcap")
    assert rows(before) == rows(after)
    for row in before.order().tolist():
        type_id, old = before.value(row, "type_id"), before.body(row).data
        if type_id in (8, 9):
            for start, length in coded(type_id, old, len(old)):
                old = old[:start] + bytes(length) + old[start + length :]
            assert after.body(row).data == old


@pytest.mark.parametrize("name", ["ertmp-hevc-aac", "ertmp-multitrack-mixed", "nms-hevc"])
def test_real_captures(tmp_path: Path, name: str) -> None:
    redact(tmp_path, (CAPTURES / "lab" / f"{name}.pcap").read_bytes(), "--strip-media")
    before, after = read(tmp_path / "in.pcap"), read(tmp_path / "out.pcap")
    assert rows(before) == rows(after)
    for row in before.order()[before.messages.column("type_id")[before.order()] != 20].tolist():
        assert after.info(row).partition(" ")[0] == before.info(row).partition(" ")[0]
