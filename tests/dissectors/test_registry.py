"""A new message type takes one function and one line of the table; a bad one harms nobody."""

from dissectors.context import Context
from dissectors.cursor import Cursor
from dissectors.dissect import MESSAGE_TYPES, dissect_body
from dissectors.fields import Field
from dissectors.registry import MessageType
from tests.dissectors.bodies import assert_tiles


def read_heartbeat(cur: Cursor, root: Field, ctx: Context) -> None:
    """Made up: u32 beats, u16 seconds."""
    root.add("beats", "Beats", cur.u32("beats"), 0, 4)
    root.add("period", "Period", cur.u16("period"), 4, 2)


TABLE = {**MESSAGE_TYPES, 99: MessageType("Heartbeat", "heartbeat", read_heartbeat)}


def test_one_function_and_one_line():
    found = dissect_body(99, bytes.fromhex("00000007003c"), Context(99), TABLE)
    assert (found.title, found.info, found.body.name) == ("Heartbeat", "Heartbeat", "heartbeat")
    assert [(f.name, f.value, f.start, f.length) for f in found.body.children] == [
        ("beats", 7, 0, 4),
        ("period", 60, 4, 2),
    ]


def test_damage_is_contained_as_everywhere():
    cut = dissect_body(99, bytes(5), Context(99), TABLE).body
    assert_tiles(cut, 5)
    assert [e.code for node in cut.walk() for e in node.experts] == ["malformed"]
    longer = dissect_body(99, bytes(9), Context(99), TABLE).body
    assert_tiles(longer, 9)
    assert longer.children[-1].name == "undecoded"


def test_the_other_types_are_as_before_and_the_real_table_knows_nothing_of_it():
    assert dissect_body(1, bytes(4), Context(1), TABLE).info.startswith("Set Chunk Size")
    found = dissect_body(99, bytes(6), Context(99))
    assert (found.title, found.body.name) == ("Unknown (0x63)", "body")
