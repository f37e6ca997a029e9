"""RTMP 1.0 §5.3: the chunk stream state machine against the reference vectors and itself."""

import itertools
import json
import random
from pathlib import Path

import pytest

from dissectors.chunk_state import Flag, MessageRow
from dissectors.reader import ChunkReader

VECTORS = json.loads((Path(__file__).parents[1] / "vectors.json").read_text())["vectors"]
CHUNK = [vector for vector in VECTORS if vector["layer"] == "chunk"]


def read(data: bytes, pieces: list[int] | None = None, chunk_size: int = 128) -> list[MessageRow]:
    """Feed `data` cut at `pieces` and return all rows."""
    reader = ChunkReader(0)
    reader.chunk_size = chunk_size
    rows: list[MessageRow] = []
    cuts = [0, *(pieces or []), len(data)]
    for low, high in itertools.pairwise(cuts):
        reader.feed(data[low:high])
        rows += reader.take()
    reader.finish()
    return rows + reader.take()


def wire(vector: dict) -> bytes:
    return bytes.fromhex(vector.get("prior_hex", "")) + bytes.fromhex(vector["hex"])


def completed(rows: list[MessageRow]) -> list[MessageRow]:
    return [row for row in rows if row.flags & Flag.COMPLETE]


@pytest.mark.parametrize("vector", CHUNK, ids=lambda vector: vector["name"])
def test_vector(vector):
    rows = completed(read(wire(vector), chunk_size=vector["context"].get("chunk_size", 128)))
    expected = vector["expected"]["messages"]
    rows = rows[-len(expected) :]
    for row, message in zip(rows, expected, strict=True):
        got = {
            "csid": row.csid,
            "fmt": row.fmt,
            "timestamp": row.timestamp,
            "type": row.type_id,
            "length": row.length,
            "msid": row.msid,
            "chunks": row.chunks,
        }
        assert got == {key: message.get(key, got[key]) for key in got}


@pytest.mark.parametrize("vector", CHUNK, ids=lambda vector: vector["name"])
def test_any_cut_gives_the_same_rows(vector):
    data, size = wire(vector), vector["context"].get("chunk_size", 128)
    whole = read(data, chunk_size=size)
    assert read(data, list(range(1, len(data))), size) == whole
    chance = random.Random(vector["name"])
    for _ in range(50):
        cuts = sorted(chance.choices(range(len(data) + 1), k=chance.randint(1, 6)))
        assert read(data, cuts, size) == whole


@pytest.mark.parametrize("vector", CHUNK, ids=lambda vector: vector["name"])
def test_truncation_and_trailing_bytes(vector):
    data, size = wire(vector), vector["context"].get("chunk_size", 128)
    whole = completed(read(data, chunk_size=size))
    for end in range(len(data)):
        rows = completed(read(data[:end], chunk_size=size))
        assert rows == whole[: len(rows)]
    assert completed(read(data + b"\x06", chunk_size=size))[: len(whole)] == whole


def test_abort_gives_the_partial_message_as_a_row():
    vector = next(v for v in CHUNK if v["name"] == "chunk_abort")
    cut = [row for row in read(wire(vector)) if not row.flags & Flag.COMPLETE]
    assert [(row.csid, row.received, bool(row.flags & Flag.ABORTED)) for row in cut] == [
        (6, 128, True)
    ]


def test_fresh_chunk_stream_with_fmt_1_is_flagged():
    vector = next(v for v in CHUNK if v["name"] == "chunk_fresh_csid_type1_ping")
    assert read(wire(vector))[0].flags & Flag.FRESH


def test_what_a_fresh_chunk_stream_cannot_inherit_is_inferred():
    """§5.3.1.2: fmt 1 to 3 take their message stream id from a fmt 0, which is missing here."""
    unknown = Flag.INFERRED_MSID | Flag.INFERRED_TIMESTAMP
    body = b"\xaf\1" + bytes(20)
    first = b"\x49\0\0\5\0\0\x16\x08" + body
    later = [b"\x89\0\0\7" + body, b"\xc9" + body]
    whole = b"\x09\0\0\x64\0\0\x16\x08\1\0\0\0" + body
    rows = read(first + b"".join(later) + whole + b"\x89\0\0\7" + body)
    assert [row.flags & unknown for row in rows] == [unknown] * 3 + [0] * 2
    assert [row.flags & Flag.FRESH for row in rows] == [Flag.FRESH] + [0] * 4
    assert [row.msid for row in rows] == [0, 0, 0, 1, 1]


@pytest.mark.parametrize("msid", [255, 0x10000, 0x1000000, 0x7FFFFFFF, 0xFFFFFFFF])
def test_any_message_stream_id_is_legal_in_step(msid: int):
    """§5.3.1.2.1: four bytes, little-endian; a sender that swaps them makes 1 to 16777216."""
    data = b""
    bodies = {8: b"\xaf\1" + bytes(20), 18: b"\2\0\1x", 20: b"\2\0\1x", 4: bytes(6), 30: b"?"}
    for _ in range(3):
        for type_id, body in bodies.items():
            head = b"\x05\0\0\x14" + len(body).to_bytes(3, "big") + bytes([type_id])
            data += head + msid.to_bytes(4, "little") + body
            data += b"\x45\0\0\x14" + len(body).to_bytes(3, "big") + bytes([type_id]) + body
    rows = read(data)
    assert [row.type_id for row in rows] == [n for n in bodies for _ in range(2)] * 3
    assert {row.msid for row in rows} == {msid}
    assert all(row.flags == Flag.COMPLETE for row in rows)
