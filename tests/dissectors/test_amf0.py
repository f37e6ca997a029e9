"""AMF0 §2: values, references, limits, damage."""

import json

import pytest

from dissectors.amf import MAX_AMF_EXPANSION, MAX_AMF_PLUMBING
from dissectors.amf0 import Amf0Reader
from dissectors.cursor import Cursor, Malformed
from dissectors.fields import Field, cover
from dissectors.spec import MAX_AMF_DEPTH, MAX_AMF_NODES
from tests.dissectors.bodies import NULL, assert_tiles, codes, lines, num, obj, string, utf8


def read(data: bytes) -> Field:
    """All values of a message below one root."""
    root = Field("body", "Body", length=len(data))
    Amf0Reader().values(Cursor(data), root)
    cover(root, data)
    assert_tiles(root, len(data))
    json.dumps([child.value for child in root.children], allow_nan=False)
    return root


def one(data: bytes) -> Field:
    root = read(data)
    assert len(root.children) == 1
    return root.children[0]


@pytest.mark.parametrize(
    ("data", "label", "value"),
    [
        (num(2), "Number 2", 2),
        (num(-0.5), "Number -0.5", -0.5),
        (num(29.97002997002997), "Number 29.97002997003", 29.97002997002997),
        (num(2.0**53), "Number 9007199254740992", 2**53),
        (num(-(2.0**53)), "Number -9007199254740992", -(2**53)),
        (num(2.0**54), "Number 1.8014398509482e+16", 2.0**54),
        (num(0), "Number 0", 0),
        (num(2.0**53 - 1), "Number 9007199254740991", 2**53 - 1),
        (num(float("nan")), "Number NaN", {"$number": "NaN"}),
        (num(float("-inf")), "Number -Infinity", {"$number": "-Infinity"}),
        (b"\x01\x00", "Boolean false", False),
        (b"\x01\x02", "Boolean true", True),
        (string("livestream"), "String 'livestream'", "livestream"),
        (string(""), "String ''", ""),
        (b"\x05", "Null", None),
        (b"\x06", "Undefined", {"$amf": "undefined"}),
        (b"\x0d", "Unsupported", {"$amf": "unsupported"}),
        (b"\x0c" + utf8("abc", 4), "Long string 'abc'", "abc"),
        (b"\x0f" + utf8("<a/>", 4), "XML '<a/>'", {"$xml": "<a/>"}),
        (
            b"\x0b" + num(1700000000000)[1:] + b"\0\0",
            "Date Nov 14, 2023 22:13:20.000000000 UTC",
            {"$date": 1700000000000, "timezone": 0},
        ),
        (
            b"\x0b" + num(1.5)[1:] + b"\xff\xc4",
            "Date Jan 1, 1970 00:00:00.001500000 UTC (time zone -60 min)",
            {"$date": 1.5, "timezone": -60},
        ),
        (b"\x0a" + bytes.fromhex("00000002") + NULL + string("a"), "Strict array (2 items)", None),
    ],
)
def test_values(data, label, value):
    node = one(data)
    assert node.label == label
    if label.startswith("Strict"):
        value = [None, "a"]
    assert node.value == value
    assert type(node.value) is type(value)
    assert codes(node) == []


def test_negative_zero():
    """AMF0 §2.2: an IEEE 754 double, whose zero has a sign."""
    node = one(num(-0.0))
    assert node.label == "Number -0"
    assert json.dumps(node.value) == "-0.0"


def test_date_beyond_the_calendar():
    node = one(b"\x0b" + num(1e300)[1:] + b"\0\0")
    assert node.label == "Date 1e+300 ms"


def test_plumbing_of_a_string():
    node = one(string("live"))
    assert lines(node, plumbing=True) == [
        "String 'live'",
        "    AMF0 type: String (0x02)",
        "    String length: 4",
        "    String: live",
    ]
    assert [(c.start, c.length) for c in node.children] == [(0, 1), (1, 2), (3, 4)]
    assert all(child.plumbing for child in node.children)


def test_object_is_one_line_per_property():
    node = one(obj(("app", string("live")), ("sub", obj(("a", num(1))))))
    assert lines(node) == [
        "Object (2 items)",
        "    Property 'app' String 'live'",
        "    Property 'sub' Object (1 items)",
        "        Property 'a' Number 1",
    ]
    assert node.value == {"app": "live", "sub": {"a": 1}}


def test_object_plumbing():
    assert lines(one(obj(("a", num(1)))), plumbing=True) == [
        "Object (1 items)",
        "    AMF0 type: Object (0x03)",
        "    Property 'a' Number 1",
        "        Name length: 1",
        "        Name: a",
        "        AMF0 type: Number (0x00)",
        "        Number: 1",
        "    End Of Object Marker",
    ]


def test_ecma_count_is_a_hint():
    node = one(b"\x08" + b"\xff\xff\xff\xff" + obj(("foo", b"\x01\x01"))[1:])
    assert (node.label, node.value) == ("ECMA array (1 items)", {"foo": True})
    assert codes(node) == ["ecma_count"]


def test_typed_object():
    node = one(b"\x10" + utf8("Foo") + obj(("a", num(1)))[1:])
    assert node.label == "Typed object 'Foo' (1 items)"
    assert node.value == {"$class": "Foo", "value": {"a": 1}}


def test_empty_name_is_a_property():
    assert one(obj(("", string("x")), ("b", NULL))).value == {"": "x", "b": None}


@pytest.mark.parametrize("names", [("a", "a"), ("$ref", "b")])
def test_names_that_a_json_object_cannot_carry(names):
    node = one(obj((names[0], num(1)), (names[1], num(2))))
    assert node.value == {"$pairs": [[names[0], 1], [names[1], 2]]}


def test_captured_text_is_made_safe():
    node = one(obj(("a\x1b[31m", string("x\u202ey"))))
    assert lines(node)[1] == "    Property 'a␛[31m' String 'x\\u202ey'"
    assert node.value == {"a\x1b[31m": "x\u202ey"}


def test_text_that_is_not_utf8():
    node = one(b"\x02\x00\x02\xff\xfe")
    assert node.value == "\ufffd\ufffd"
    assert codes(node) == ["invalid_utf8"]


class TestReferences:
    """AMF0 §2.9: containers count from 0 in the order of their markers."""

    def test_resolved(self):
        root = read(obj(("a", num(1))) + b"\x07\0\0")
        assert root.children[1].label == "Reference 0"
        assert root.children[1].value == {"a": 1}

    def test_the_outer_container_comes_first(self):
        node = one(bytes.fromhex("0a00000002030001610101000009070001"))
        assert node.value == [{"a": True}, {"a": True}]

    def test_cyclic(self):
        node = one(obj(("self", b"\x07\0\0")))
        assert node.value == {"self": {"$ref": 0}}
        assert codes(node) == ["cyclic_reference"]

    def test_out_of_range(self):
        node = one(b"\x07\x01\x00")
        assert node.value == {"$ref": 256}
        assert codes(node) == ["reference_out_of_range"]

    def test_repetition_is_bounded(self):
        """Each array refers twice to the one before: 2^40 values if nobody counted."""
        doubling = b"".join(
            b"\x0a\0\0\0\2" + (b"\x07" + (i - 1).to_bytes(2, "big") if i else NULL) * 2
            for i in range(40)
        )
        root = read(doubling)
        assert len(json.dumps([c.value for c in root.children])) < 20 * MAX_AMF_EXPANSION
        assert any(node.name == "truncated" for node in root.walk())


class TestDamage:
    """Deviations of real encoders, and cut bodies."""

    @pytest.mark.parametrize("rest", [b"", b"\0", b"\0\0"])
    def test_missing_end_marker_keeps_the_properties(self, rest):
        node = one(b"\x03" + utf8("a") + obj(("b", num(1)))[:-3] + rest)
        assert node.value == {"a": {"b": 1}}
        assert codes(node) == ["missing_end_marker"]

    def test_what_was_read_survives(self):
        data = obj(("app", string("live")), ("list", b"\x0a\0\0\0\3" + num(1) + b"\x04"))
        root = Field("body", "Body", length=len(data))
        with pytest.raises(Malformed, match="0x04"):
            Amf0Reader().values(Cursor(data), root)
        assert root.children[0].value == {"app": "live", "list": [1, {"$amf": "undecodable"}]}

    def test_string_longer_than_the_message(self):
        root = Field("body", "Body", length=6)
        with pytest.raises(Malformed, match="65535 bytes, 3 left") as fault:
            Amf0Reader().values(Cursor(b"\x02\xff\xffabc"), root)
        assert (fault.value.start, root.children[0].length) == (3, 3)

    def test_array_count_beyond_the_message(self):
        root = Field("body", "Body", length=7)
        with pytest.raises(Malformed, match="array of 4294967295 values ends after 2"):
            Amf0Reader().values(Cursor(b"\x0a\xff\xff\xff\xff" + NULL * 2), root)
        assert root.children[0].value == [None, None]

    @pytest.mark.parametrize("marker", [0x04, 0x09, 0x0E, 0x12, 0xFF])
    def test_markers_without_a_format(self, marker):
        root = Field("body", "Body")
        with pytest.raises(Malformed):
            Amf0Reader().values(Cursor(bytes([marker])), root)
        assert root.children[0].value == {"$amf": "undecodable"}

    @pytest.mark.parametrize(
        "torn",
        [num(1)[:5], b"\x01", string("abc")[:-1], b"\x0c\0\0\0\1", b"\x0b" + bytes(9), b"\x07\0"],
        ids=["number", "boolean", "string", "long string", "date", "reference"],
    )
    def test_a_torn_value_is_not_null(self, torn):
        """Null is a value of its own (AMF0 §2.7): what could not be read must not look like it."""
        root = Field("body", "Body")
        with pytest.raises(Malformed):
            Amf0Reader().values(Cursor(NULL + torn), root)
        assert [node.value for node in root.children] == [None, {"$amf": "undecodable"}]

    def test_a_name_without_a_value(self):
        root = Field("body", "Body")
        with pytest.raises(Malformed):
            Amf0Reader().values(Cursor(b"\x03\0\1a"), root)
        assert root.children[0].value == {"a": {"$amf": "undecodable"}}


class TestLimits:
    def test_depth(self):
        node = read(obj(("a", num(1)))[:4] * 200).children[0]
        marks = [n for n in node.walk() if n.name == "truncated"]
        assert [m.label for m in marks] == [
            f"[truncated: nested deeper than {MAX_AMF_DEPTH} levels]"
        ]
        assert json.dumps(node.value).count('"a"') == MAX_AMF_DEPTH

    def test_nodes(self):
        root = read(NULL * (MAX_AMF_NODES + 5))
        assert [n.name for n in root.children[-2].children] == ["truncated"]
        assert root.children[-1].name == "undecoded"

    def test_large_arrays_have_no_plumbing(self):
        count = MAX_AMF_PLUMBING * 2
        node = one(b"\x0a" + count.to_bytes(4, "big") + num(1.5) * count)
        assert node.value == [1.5] * count
        assert not node.children[-1].children
        assert codes(node) == ["plumbing_omitted"]

    def test_properties_without_plumbing(self):
        inner = obj(*((f"k{i}", num(i)) for i in range(MAX_AMF_PLUMBING)), ("o", obj(("p", NULL))))
        value = one(inner).value
        assert len(value) == MAX_AMF_PLUMBING + 1
        assert value["o"] == {"p": None}
