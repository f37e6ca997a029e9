"""--strip-media: headers, configurations and lengths stay, coded media does not."""

import json
from pathlib import Path

import pytest

from analyzer.cli import main
from analyzer.redaction.edits import FILL
from analyzer.redaction.media import coded
from dissectors.context import CodecConfig
from tests.analyzer import talk
from tests.analyzer.redaction.shared import redact, rows
from tests.analyzer.talk import CAPTURES, answer, publish

SUB = b"\x09\0\0\x08" + bytes(7) + b"\x22medias." + b"\0\0\0\x13"
SLICE = b"\x65" + bytes(range(1, 16))
SPS = bytes.fromhex("6742c01ed9008830")
CONFIG_2 = bytes.fromhex("0142c01efde1001967")
"""avcC with lengths of two bytes."""


def units(*found: bytes, size: int = 4) -> bytes:
    return b"".join(len(unit).to_bytes(size, "big") + unit for unit in found)


@pytest.mark.parametrize(
    ("type_id", "body", "parts"),
    [
        (9, b"\x17\0\0\0\0record", []),
        (9, b"\x17\2\0\0\0", []),
        (9, b"\x22h263", [(1, 4)]),
        (9, b"\x52\0", []),
        (8, b"\xaf\x01coded", [(2, 5)]),
        (8, b"\xaf\0\x12\x08", []),
        (8, b"\x2fmp3", [(1, 3)]),
        (9, b"\xa1vp09coded", [(5, 5)]),
        (9, b"\x90hvc1record", []),
        (9, b"\x94hvc1meta", []),
        (8, b"\x91Opuscoded", [(5, 5)]),
        # Multitrack (E-RTMP v2): one track; many tracks; many tracks, many codecs.
        (9, b"\xa6\x01vp09\x07coded", [(7, 5)]),
        (9, b"\xa6\x11vp09\0\0\0\2ab\1\0\0\3cde", [(10, 2), (16, 3)]),
        (9, b"\xa6\x21vp09\0\0\0\2abvp08\1\0\0\2cd", [(10, 2), (20, 2)]),
        (8, b"\x95\x11Opus\0\0\0\2ab\1\0\0\3cde", [(10, 2), (16, 3)]),
        (22, SUB + SUB, [(12, 7), (35, 7)]),
        (18, b"metadata", []),
        # NAL units: length, header and the beginning of the slice stay, parameter sets whole.
        (9, b"\x17\x01\0\0\0" + units(SPS * 2, SLICE, SLICE), [(37, 8), (57, 8)]),
        (9, b"\x91hvc1\0\0\0" + units(b"\x26\x01" + SLICE), [(20, 10)]),
        (9, b"\xa6\x01hvc1\x07\0\0\0" + units(b"\x26\x01" + SLICE), [(22, 10)]),
        # Lengths that lead too far, and start codes, stay what they are.
        (9, b"\x27\x01\0\0\0\0\0\1\0" + SLICE, [(17, 8)]),
        (9, b"\x27\x01\0\0\0" + 2 * (b"\0\0\0\1" + SLICE), [(22, 4), (37, 8)]),
        # AV1: temporal delimiter, a frame; ADTS inside FLV.
        (9, b"\xa1av01\x12\0\x32\x05\x10tile", [(10, 4)]),
        (8, b"\xaf\x01\xff\xf1\x50\x80\x01\xbf\xfccoded", [(9, 5)]),
    ],
)
def test_where_coded_media_stands(type_id: int, body: bytes, parts: list[tuple[int, int]]) -> None:
    assert coded(type_id, body) == parts


def test_configuration_tells_the_size_of_lengths() -> None:
    body = b"\x27\x01\0\0\0" + units(SLICE, SLICE, size=2)
    config = {0: CodecConfig("h264", CONFIG_2, "c0.c2s.1")}
    assert coded(9, body, config) == [(15, 8), (33, 8)]


def test_bodies(tmp_path: Path) -> None:
    redact(tmp_path, talk.pcap(publish(), answer(), segment=77), "--strip-media")
    before, after = talk.opened(tmp_path / "in.pcap"), talk.opened(tmp_path / "out.pcap")
    assert rows(before) == rows(after)
    for row in before.order().tolist():
        type_id, old = before.value(row, "type_id"), before.body(row).data
        if type_id in (8, 9):
            for start, length in coded(type_id, old):
                old = old[:start] + FILL * length + old[start + length :]
            assert after.body(row).data == old


@pytest.mark.parametrize("name", ["ertmp-hevc-aac", "ertmp-multitrack-mixed", "nms-hevc"])
def test_real_captures(tmp_path: Path, name: str) -> None:
    redact(tmp_path, (CAPTURES / "lab" / f"{name}.pcap").read_bytes(), "--strip-media")
    before, after = talk.opened(tmp_path / "in.pcap"), talk.opened(tmp_path / "out.pcap")
    assert rows(before) == rows(after)
    for row in before.order()[before.messages.column("type_id")[before.order()] != 20].tolist():
        assert after.info(row).partition(" ")[0] == before.info(row).partition(" ")[0]


@pytest.mark.parametrize("name", ["edge/snap200", "lab/nginx-snaplen96"])
def test_behind_a_hole_the_same_messages_are_found(tmp_path: Path, name: str) -> None:
    redact(tmp_path, (CAPTURES / f"{name}.pcap").read_bytes(), "--strip-media")
    assert rows(talk.opened(tmp_path / "in.pcap")) == rows(talk.opened(tmp_path / "out.pcap"))


@pytest.mark.parametrize(
    "name", ["ertmp-hevc-aac", "gst-rtmp2sink", "nginx-big-keyframes", "ertmp-multitrack"]
)
def test_findings_stay(tmp_path: Path, name: str) -> None:
    redact(tmp_path, (CAPTURES / "lab" / f"{name}.pcap").read_bytes(), "--strip-media")
    found = []
    for which in ("in", "out"):
        report = tmp_path / f"{which}.json"
        main(["check", str(tmp_path / f"{which}.pcap"), "--report", f"json={report}"])
        findings = json.loads(report.read_text())["diagnostics"]
        found.append([(item["rule"], item["text"], item["message"]) for item in findings])
    assert found[0] == found[1]
