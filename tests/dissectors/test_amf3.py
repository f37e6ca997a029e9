"""AMF3 §1.3–3.16, and AMF0's switch to it."""

import json

import pytest

from dissectors.amf0 import Amf0Reader
from dissectors.amf3 import Amf3Reader
from dissectors.cursor import Cursor, Malformed
from dissectors.fields import Field, cover
from dissectors.spec import MAX_AMF_DEPTH
from tests.dissectors.bodies import assert_tiles, codes, lines


def read(text: str | bytes, reader: Amf3Reader | Amf0Reader | None = None) -> Field:
    data = bytes.fromhex(text) if isinstance(text, str) else text
    root = Field("body", "Body", length=len(data))
    reader = reader or Amf3Reader()
    cur = Cursor(data)
    try:
        while cur:
            reader.value(cur, root)
    finally:
        cover(root, data)
        assert_tiles(root, len(data))
        json.dumps([c.value for c in root.children], allow_nan=False)
    return root


def values(text: str) -> list[object]:
    return [child.value for child in read(text).children]


@pytest.mark.parametrize(
    ("text", "label", "value"),
    [
        ("00", "Undefined", {"$amf": "undefined"}),
        ("01", "Null", None),
        ("02", "Boolean false", False),
        ("03", "Boolean true", True),
        ("047f", "Integer 127", 127),
        ("048100", "Integer 128", 128),
        ("04ffff7f", "Integer 2097151", 2097151),
        ("0480c08000", "Integer 2097152", 2097152),
        ("04c0808000", "Integer -268435456", -(2**28)),
        ("04ffffffff", "Integer -1", -1),
        ("053ff8000000000000", "Double 1.5", 1.5),
        ("0607666f6f", "String 'foo'", "foo"),
        ("07093c612f3e", "XML document '<a/>'", {"$xml": "<a/>"}),
        ("0b093c612f3e", "XML '<a/>'", {"$xml": "<a/>"}),
        (
            "080142766f9a12c00000",
            "Date Nov 9, 2018 17:59:41.312000000 UTC",
            {"$date": 1541786381312, "timezone": None},
        ),
        ("0c07010203", "ByteArray (3 bytes) 010203", {"$hex": "010203", "length": 3}),
        ("090701040104020403", "Array (3 items)", [1, 2, 3]),
        ("0901036104010 1".replace(" ", ""), "Array (1 items)", {"a": 1}),
        ("0903036104010 10402".replace(" ", ""), "Array (2 items)", None),
        ("0a0b0103610401 01".replace(" ", ""), "Object (1 items)", {"a": 1}),
        ("0d050000000001ffffffff", "Vector of int (2 items)", [1, -1]),
        ("0e0300ffffffff", "Vector of uint (1 items)", [0xFFFFFFFF]),
        ("0f03013ff8000000000000", "Vector of Number (1 items)", [1.5]),
        ("10030007466f6f0401", "Vector of 'Foo' (1 items)", [1]),
        ("1103000603610401", "Dictionary (1 items)", {"$dictionary": [["a", 1]]}),
    ],
)
def test_values(text, label, value):
    (node,) = read(text).children
    if label == "Array (2 items)":
        value = {"$array": [2], "named": {"a": 1}}
    assert (node.label, node.value) == (label, value)
    assert type(node.value) is type(value)
    assert codes(node) == []


class TestTables:
    def test_strings(self):
        assert values("0607666f6f0600") == ["foo", "foo"]
        assert values("06010607666f6f0600") == ["", "foo", "foo"]  # "" is never entered

    def test_names_and_class_names_are_strings_too(self):
        # {foo: null} as class Foo, then references to "Foo" and "foo"
        assert values("0a1307466f6f07666f6f01 0600 0602".replace(" ", ""))[1:] == ["Foo", "foo"]

    def test_traits(self):
        first, second = read("0a1307466f6f036104010a010402").children
        assert first.value == {"$class": "Foo", "value": {"a": 1}}
        assert second.value == {"$class": "Foo", "value": {"a": 2}}

    def test_objects_count_from_the_outermost(self):
        (node,) = read("0905010a0b01010a02").children
        assert node.value == [{}, {}]
        assert node.children[-1].label == "Object reference 1"

    def test_cyclic(self):
        (node,) = read("0903010900").children
        assert node.value == [{"$ref": 0}]
        assert codes(node) == ["cyclic_reference"]

    @pytest.mark.parametrize(
        ("text", "code"),
        [("0604", "reference_out_of_range"), ("0a04", "reference_out_of_range")],
    )
    def test_out_of_range(self, text, code):
        assert codes(read(text)) == [code]

    def test_reference_to_another_type(self):
        root = read("0901010a00")  # an array, then "object 0"
        assert root.children[1].value == {"$ref": 0}
        assert codes(root) == ["reference_type"]

    def test_unknown_traits_end_decoding(self):
        with pytest.raises(Malformed, match="traits 5"):
            read("0a15")


class TestExternalizable:
    """AMF3 §3.12: the class alone knows where its bytes end."""

    def test_array_collection(self):
        name = b"flex.messaging.io.ArrayCollection"
        data = b"\x0a\x07" + bytes([len(name) << 1 | 1]) + name + bytes.fromhex("0903010401")
        (node,) = read(data).children
        assert node.value == {"$class": name.decode(), "value": [1]}

    def test_small_acknowledge_message(self):
        # body (bit 0) and message id bytes (second flag byte, bit 1), correlation id, no own flags
        data = "0a0707" + b"DSK".hex() + "8102 0401 0c0355 01 060378 00".replace(" ", "")
        (node,) = read(data).children
        expected = {"body": 1, "message_id_bytes": {"$hex": "55", "length": 1}}
        assert node.value == {"$class": "DSK", "value": expected | {"correlation_id": "x"}}

    def test_unknown_class_stops(self):
        with pytest.raises(Malformed, match="'Foo' has a format of its own"):
            read("0a0707466f6f0401")


class TestSwitch:
    """AMF0 §3.1: 0x11 carries exactly one AMF3 value."""

    def test_one_value_then_amf0_again(self):
        root = read("1104050 5".replace(" ", ""), Amf0Reader())
        assert [c.value for c in root.children] == [5, None]
        assert lines(root, plumbing=True)[1:4] == [
            "    Integer 5",
            "        AMF0 type: Switch to AMF3 (0x11)",
            "        AMF3 type: Integer (0x04)",
        ]

    def test_tables_are_shared_by_the_values_of_a_message(self):
        root = read("110607666f6f110600", Amf0Reader())
        assert [c.value for c in root.children] == ["foo", "foo"]
        assert codes(root) == []

    def test_an_encoder_that_restarts_its_tables_per_value(self):
        # Each value: [{}, object 1]. With shared tables, object 1 of the second is no array …
        first = "110905010a0b01010a02"
        second = "1109050109010109 02".replace(" ", "")
        root = read(first + second, Amf0Reader())
        assert [c.value for c in root.children] == [[{}, {}], [[], []]]
        assert codes(root) == ["amf3_tables_restarted"]

    def test_first_reading_stands_when_the_second_is_no_better(self):
        root = read("110607666f6f110640", Amf0Reader())
        assert root.children[1].value == "$ref 32"
        assert codes(root) == ["reference_out_of_range"]


def test_depth():
    root = read("090301" * 200)
    assert json.dumps(root.children[0].value).count("[") == MAX_AMF_DEPTH
    assert [n.label for n in root.walk() if n.name == "truncated"] == [
        f"[truncated: nested deeper than {MAX_AMF_DEPTH} levels]"
    ]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_against_py3amf():
    pyamf = pytest.importorskip("pyamf")
    cases = [
        *(0, 1, 127, 128, 16383, 16384, 2**21 - 1, 2**21, 2**28 - 1, -1, -(2**28), 2**28, 1.25),
        *("", "héllo", "x" * 200, True, False, None),
        [1, "a", "a", [2.5, "a"]],
        {"app": "live", "deep": {"app": "live", "list": [1, 2]}, "flag": True},
        {"same": [{"k": "v"}] * 3},
    ]
    for case in cases:
        data = pyamf.encode(case, encoding=pyamf.AMF3).getvalue()
        (node,) = read(data).children
        assert node.value == case, case
    for case in cases:
        data = pyamf.encode(case, encoding=pyamf.AMF0).getvalue()
        (node,) = read(data, Amf0Reader()).children
        assert node.value == case, case
