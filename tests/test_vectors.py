"""Every wire-format vector through the whole program, as a capture; the details are tested beside
each decoder (test_chunking, test_handshake, test_vectors_messages, test_vectors_media).
"""

import io
import json
from collections import Counter
from pathlib import Path

import pytest

from analyzer.session import Session
from dissectors.chunk_state import Flag
from tests.analyzer import talk
from tests.dissectors.bodies import NULL, num, string
from tests.dissectors.chunk_builder import Message, build

VECTORS = json.loads((Path(__file__).parent / "vectors.json").read_text())["vectors"]
GREETING = b"\x03" + bytes(8) + b"\x07" * 1528 + bytes(8) + b"\x07" * 1528


def session(client: bytes, server: bytes = GREETING) -> Session:
    found = Session([io.BytesIO(talk.streams(client, server, 1400))])
    found.run()
    return found


def handshake(vector: dict, raw: bytes) -> None:
    expected = vector["expected"]
    if len(raw) < 1537:
        kinds = {"tls": "rtmps", "rtmpt": "rtmpt"}
        rest = raw if expected.get("classification") in kinds else raw + GREETING[1:]
        answer = raw[:1] + GREETING[1:] if raw[:1] == b"\x06" else GREETING
        answer = raw if rest == raw else answer
        found = session(rest, answer)
        variant = kinds.get(expected.get("classification"), "rtmp")
        if raw[:1] == b"\x06":
            variant = "rtmpe"
        if "classification" in expected:
            assert [c.variant for c in found.connections] == [variant]
        return
    (connection,) = session(raw + bytes(1536), raw[:1] + GREETING[1:]).connections
    assert connection.handshake["version"] == expected["c0_version"]
    digest = connection.handshake["digest"]["client"]
    assert (digest["schema"] if digest else None) == expected["schema"]
    assert (digest["offset"] if digest else None) == expected["digest_offset"]
    assert (connection.handshake["client_version"] or "0.0.0.0") == expected["c1_version"]


def chunks(vector: dict, raw: bytes) -> None:
    prior = bytes.fromhex(vector.get("prior_hex", ""))
    found = session(GREETING + prior + raw)
    start = 3073 + len(prior)
    rows = [r for r in found.order().tolist() if found.value(r, "stream_offset") >= start]
    wanted = vector["expected"].get("messages")
    if wanted is None:  # layer `message`: one message, its values are in `expected` itself
        assert [found.value(row, "type_id") for row in rows] == [vector["expected"]["type"]]
    else:
        names = {"type": "type_id"}
        rows = [row for row in rows if found.value(row, "flags") & Flag.COMPLETE]
        assert len(rows) == len(wanted)
        rows.sort(key=lambda row: found.value(row, "end_offset"))
        for row, message in zip(rows, wanted, strict=True):
            for name in ("csid", "fmt", "timestamp", "type", "length", "msid"):
                assert found.value(row, names.get(name, name)) == message[name], name
    decode(found, rows)


def decode(found: Session, rows: list[int]) -> None:
    for row in rows:
        assert found.tree(row).label.startswith("Real Time Messaging Protocol (")
        assert found.info(row)


def body(type_id: int, before: bytes = b""):
    def check(vector: dict, raw: bytes) -> None:
        data = bytes(build([Message(4, type_id, 1, 0, before + raw)]).data)
        found = session(GREETING + data)
        (row,) = found.order().tolist()
        assert found.body(row).data == before + raw
        assert found.decoded_summary(row) is not None
        decode(found, [row])

    return check


def tunnel(vector: dict, raw: bytes) -> None:
    request = b"POST /idle/AbC12/1 HTTP/1.1\r\nContent-Length: 1\r\n\r\n\0"
    sides = (raw, b"") if raw.startswith(b"POST") else (request, raw)
    assert [c.variant for c in session(*sides).connections] == ["rtmpt"]


LAYERS = {
    "handshake": handshake,
    "chunk": chunks,
    "message": chunks,
    "amf0": body(18, string("values")),
    "amf3": body(17, b"\0" + string("call") + num(1) + NULL + b"\x11"),
    "flv-video": body(9),
    "flv-audio": body(8),
    "rtmpt": tunnel,
}


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["name"] for vector in VECTORS])
def test_vector(vector):
    LAYERS[vector["layer"]](vector, bytes.fromhex(vector["hex"]))


def test_none_is_left_out():
    assert Counter(vector["layer"] for vector in VECTORS) == {
        "handshake": 11, "chunk": 24, "message": 32, "amf0": 15, "amf3": 26, "flv-video": 18,
        "flv-audio": 17, "rtmpt": 4,
    }  # fmt: skip
