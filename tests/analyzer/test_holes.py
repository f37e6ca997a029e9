"""Messages with a hole: what stands before it is decoded, nothing behind it is invented."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from functools import cache

import numpy as np
import pytest

from analyzer.export import tree
from analyzer.export.messages import lines
from analyzer.export.request import Request
from analyzer.filters import compile as compiled
from analyzer.session import Session
from dissectors import spec
from dissectors.chunk_state import Flag
from dissectors.fields import Field
from tests.analyzer.test_loss import NAMES, Capture, load
from tests.fuzz.invariants import covered

PUBLISH = "publish"


@cache
def intact() -> Capture:
    return load(NAMES[0])


def find(session: Session, wanted: Callable[[int], bool]) -> int:
    rows: list[int] = session.order().tolist()
    return next(row for row in rows if wanted(row))


def cut(row_wanted: Callable[[Session, int], bool], low: int, high: int) -> tuple[Session, int]:
    """Leave bytes [low, high) of a message's body out of the capture; return its row, too.

    The segment that carries them is split: its first part, nothing, its last part.
    """
    capture = intact()
    whole = capture.session(capture.records)
    row = find(whole, lambda each: row_wanted(whole, each))
    spans = whole.runs(row).to_stream(low, high - low)
    begin, end = spans[0].start, spans[-1].end
    direction = "c2s" if whole.value(row, "direction") == 0 else "s2c"
    records = list(capture.records)
    for at in range(len(records) - 1, -1, -1):
        place = capture.where[at]
        if place and place[0][1] == direction and place[1] < end and place[2] > begin:
            parts = [(place[1], min(begin, place[2])), (max(end, place[1]), place[2])]
            records[at : at + 1] = [
                segment(records[at], first - place[1], last - place[1])
                for first, last in parts
                if last > first
            ]
    offset = whole.value(row, "stream_offset")
    session = capture.session(records)
    return session, find(
        session,
        lambda each: (
            session.value(each, "stream_offset") == offset
            and session.value(each, "direction") == whole.value(row, "direction")
        ),
    )


def segment(record: bytes, low: int, high: int) -> bytes:
    """Return a pcap record (Ethernet, IPv4) cut to a part of its TCP payload."""
    head, frame = record[:16], record[16:]
    ip = 14
    tcp = ip + (frame[ip] & 15) * 4
    data = tcp + (frame[tcp + 12] >> 4) * 4
    sequence = (int.from_bytes(frame[tcp + 4 : tcp + 8], "big") + low) & 0xFFFFFFFF
    payload = frame[data + low : data + high]
    total = (data - ip + len(payload)).to_bytes(2, "big")
    frame = (
        frame[: ip + 2] + total + frame[ip + 4 : tcp + 4] + sequence.to_bytes(4, "big")
        + frame[tcp + 8 : data] + payload
    )  # fmt: skip
    size = len(frame).to_bytes(4, "little")
    return head[:8] + size + size + frame


def is_publish(session: Session, row: int) -> bool:
    return session.info(row).startswith(PUBLISH)


def is_frame(type_id: int) -> Callable[[Session, int], bool]:
    def wanted(session: Session, row: int) -> bool:
        return session.value(row, "type_id") == type_id and "header" not in session.info(row)

    return wanted


def shown(session: Session, row: int) -> str:
    out = io.StringIO()
    tree.write_rows(session, out, Request(hexdump=True), np.array([row]), {0})
    return out.getvalue()


def names(body: Field) -> list[str]:
    return [leaf.name for leaf in body.leaves() if leaf.length]


def test_a_lost_command_has_no_values() -> None:
    session, row = cut(is_publish, 0, 40)
    assert not session.value(row, "flags") & Flag.COMPLETE
    assert session.info(row) == "AMF0 Command"
    assert session.summary(row) == (
        "command",
        {"name": None, "transaction_id": None, "object": None, "arguments": []},
    )
    text = shown(session, row)
    assert "[Warning: incomplete: 40 of 40 bytes missing]" in text
    assert "[40 bytes missing]" in text
    assert "Number" not in text
    assert names(session.dissect(row).body) == ["missing"]


def test_a_command_is_decoded_up_to_the_hole() -> None:
    session, row = cut(is_publish, 25, 32)
    found = session.summary(row)
    assert found is not None
    # The first argument begins before the hole and ends in it.
    said = found[1]
    assert (said["name"], said["object"]) == (PUBLISH, None)
    assert said["arguments"] == [{"$amf": "undecodable"}]
    body = session.dissect(row).body
    assert names(body)[-2:] == ["missing", "undecoded"]
    assert covered(body) == (0, 40)
    assert session.missing(row) == [(25, 7)]
    (line,) = lines(session, np.array([row]), Request(detail="bytes"))
    assert json.loads(line)["missing"] == [[25, 7]]


@pytest.mark.parametrize("type_id", (spec.AUDIO, spec.VIDEO))
def test_a_frame_without_its_header_has_no_codec(type_id: int) -> None:
    session, row = cut(is_frame(type_id), 0, 4)
    found = session.summary(row)
    assert found is not None
    assert all(value is None for value in found[1].values())
    assert session.info(row) == session.type_name(row)
    kind = "video" if type_id == spec.VIDEO else "audio"
    for name in (f"rtmpt.{kind}.format", f"{kind}.codec"):
        assert row not in compiled(f"{name} == 0").rows(session, session.order()).tolist()


@pytest.mark.parametrize("type_id", (spec.AUDIO, spec.VIDEO))
def test_a_frame_is_decoded_up_to_the_hole(type_id: int) -> None:
    session, row = cut(is_frame(type_id), 10, 14)
    found = session.summary(row)
    assert found is not None
    assert found[1]["codec"] == ("aac" if type_id == spec.AUDIO else "h264")
    body = session.dissect(row).body
    assert names(body)[-2:] == ["missing", "undecoded"]
    assert covered(body) == (0, session.value(row, "length"))


def test_a_half_sequence_header_configures_nothing() -> None:
    """``af`` and a hole is not ``af 00``."""
    session, row = cut(is_frame(spec.AUDIO), 1, 2)
    connection = session.connections[session.value(row, "connection")]
    whole = intact().session(intact().records).connections[connection.index]
    side = connection.sides[session.value(row, "direction")]
    assert connection.rtmp.halves[side].configs == whole.rtmp.halves[side].configs


def test_complete_messages_carry_no_warning() -> None:
    capture = intact()
    session = capture.session(capture.records)
    for row in session.order()[:60].tolist():
        if session.value(row, "flags") & Flag.COMPLETE:
            assert not any(e.code == "incomplete" for e in session.dissect(row).body.experts)


def test_hex_dump_shows_what_is_missing() -> None:
    session, row = cut(is_publish, 25, 32)
    assert shown(session, row).count("?? ") == 7
