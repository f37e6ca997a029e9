"""The wire-format vectors of layers message, amf0 and amf3."""

import json
from pathlib import Path

import pytest

from dissectors.amf0 import Amf0Reader
from dissectors.amf3 import Amf3Reader
from dissectors.cursor import Cursor
from dissectors.fields import Field, cover
from tests.dissectors.bodies import assert_tiles, codes, dissect

VECTORS = json.loads((Path(__file__).parents[1] / "vectors.json").read_text())["vectors"]
LIMITS = {0: "hard", 1: "soft", 2: "dynamic"}


def of(*layers):
    return [pytest.param(v, id=v["name"]) for v in VECTORS if v["layer"] in layers]


def pairs(items):
    plain = {key: plain_value(value) for key, value in items}
    assert len(plain) == len(items)
    return plain


def integral(value):
    return int(value) if float(value).is_integer() else value


def plain_value(expected):
    """The JSON form of a value as the vectors write it."""
    kind, value = expected["t"], expected.get("v")
    if kind in {"undefined", "unsupported"}:
        return {"$amf": kind}
    if kind in {"null", "false", "true"}:
        return {"null": None, "false": False, "true": True}[kind]
    if kind in {"number", "integer", "double"}:
        return integral(value)
    if kind == "date":
        return {"$date": integral(value), "timezone": expected.get("tz")}
    if kind in {"xml", "xml-document"}:
        return {"$xml": value}
    if kind == "bytearray":
        return {"$hex": value, "length": len(value) // 2}
    if kind in {"strict-array", "vector-object"}:
        return [plain_value(item) for item in value]
    if kind == "avmplus":
        return plain_value(value)
    return container(kind, expected, value)


def container(kind, expected, value):
    if kind in {"object", "ecma-array", "typed-object"}:
        inner = plain_value(expected["ext"]) if expected.get("externalizable") else pairs(value)
        return {"$class": expected["class"], "value": inner} if expected.get("class") else inner
    if kind == "array":
        dense = [plain_value(item) for item in expected["dense"]]
        named = pairs(expected["assoc"])
        return {"$array": dense, "named": named} if named else dense
    if kind == "dictionary":
        return {"$dictionary": [[plain_value(k), plain_value(v)] for k, v in value]}
    return value  # strings, booleans, numeric vectors


def has_reference(expected):
    return "reference" in json.dumps(expected) or "object-ref" in json.dumps(expected)


@pytest.mark.parametrize("vector", of("amf0", "amf3"))
def test_values(vector):
    data = bytes.fromhex(vector["hex"])
    reader = Amf0Reader() if vector["layer"] == "amf0" else Amf3Reader()
    root = Field("body", "Body", length=len(data))
    cur = Cursor(data)
    while cur:
        reader.value(cur, root)
    cover(root, data)
    assert_tiles(root, len(data))
    found = [child.value for child in root.children]
    if has_reference(vector["expected"]):
        # The vectors show the reference itself, the tree what it refers to.
        assert not any(node.name == "undecoded" for node in root.walk())
        assert found[0][1] in (found[0][0], {})
    else:
        assert found == [plain_value(item) for item in vector["expected"]["values"]]


def body_of(vector):
    """(type id, timestamp, msid, body) of the one message of a vector, written as one chunk."""
    raw = bytes.fromhex(vector["hex"])
    fmt = raw[0] >> 6
    size = {0: 12, 1: 8}[fmt]
    msid = int.from_bytes(raw[8:12], "little") if fmt == 0 else 0
    length = int.from_bytes(raw[4:7], "big")
    assert len(raw) == size + length
    return raw[7], int.from_bytes(raw[1:4], "big"), msid, raw[size:]


@pytest.mark.parametrize("vector", of("message"))
def test_messages(vector):
    type_id, timestamp, msid, body = body_of(vector)
    expected = vector["expected"]
    assert type_id == expected["type"]
    found = dissect(type_id, body, timestamp=timestamp, msid=msid)
    summary = found.body.value
    {1: control, 2: control, 3: control, 4: user_control, 5: control, 6: control}.get(
        type_id, values
    )(found, summary, expected)


def control(found, summary, expected):
    size = expected.get("chunk_size", expected.get("chunk_size_masked"))
    wanted = {
        "chunk_size": size,
        "csid": expected.get("csid"),
        "sequence_number": expected.get("sequence"),
        "window_size": expected.get("window"),
        "limit_type": expected.get("limit"),
    }
    assert summary == {key: value for key, value in wanted.items() if value is not None}
    assert bool(codes(found.body)) == ("anomaly" in expected)


def user_control(found, summary, expected):
    names = {"event": "event_type", "buffer_ms": "buffer_length", "swf_size2": "swf_size_2"}
    for key, value in expected.items():
        if key not in {"type", "prefix"}:
            assert summary[names.get(key, key)] == value


def values(found, summary, expected):
    if found.body.name == "command":
        wanted = [plain_value(item) for item in expected["values"]]
        seen = [summary["name"], summary["transaction_id"], summary["object"]]
        assert (seen + summary["arguments"])[: len(wanted)] == wanted
    elif "raw" in expected:
        assert summary["raw"]["$hex"] == expected["raw"]
    elif found.body.name == "data":
        wanted = [plain_value(item) for item in expected["values"]]
        assert [summary["name"], *summary["values"]] == wanted
    elif found.body.name == "shared_object":
        shared_object(summary, expected)
    else:
        for got, want in zip(summary["messages"], expected["sub"], strict=True):
            assert (got["type_id"], got["length"]) == (want["type"], want["size"])
            assert got["timestamp"] == want["timestamp"]


def shared_object(summary, expected):
    assert summary["name"] == expected["name"]
    assert summary["version"] == expected["version"]
    if "persistent" in expected:
        assert summary["persistent"] == expected["persistent"]
    for got, want in zip(summary["events"], expected["events"], strict=True):
        assert got["event_type"] == want["type"]
        if "properties" in want:
            assert got["properties"] == pairs(want["properties"])
        if "code" in want:
            assert (got["code"], got["level"]) == (want["code"], want["level"])
        if "values" in want:
            wanted = [plain_value(item) for item in want["values"]]
            assert [got["handler"], *got["arguments"]] == wanted
