"""What is said of a message without its tree is what the tree would say."""

import random

import pytest

from dissectors.context import Context
from dissectors.dissect import MESSAGE_TYPES, brief, dissect_body
from dissectors.messages.user_control import EVENTS

CONTROL = (1, 2, 3, 5, 6)


def same(type_id: int, body: bytes) -> bool:
    """Whether there is a brief form of the body; it must be the tree's."""
    found = brief(type_id, body)
    if found is None:
        return False
    decoded = dissect_body(type_id, body, Context(type_id))
    assert found.info == decoded.info
    if found.summary is not None:
        assert found.summary == (decoded.body.name, decoded.body.value)
        assert list(found.summary[1]) == list(decoded.body.value)
    return True


@pytest.mark.parametrize("type_id", [*CONTROL, 4, 7, 99])
def test_any_bytes(type_id: int) -> None:
    dice = random.Random(type_id)
    for length in range(17):
        for _ in range(50):
            body = dice.randbytes(length)
            same(type_id, body)
            same(type_id, bytes(length) + body)


@pytest.mark.parametrize("type_id", CONTROL)
def test_control_messages_of_the_usual_length(type_id: int) -> None:
    tail = b"\2" if type_id == 6 else b""
    for value in (b"\0\0\0\0", b"\x80\0\0\1", b"\xff\xff\xff\xff"):
        assert same(type_id, value + tail) and not same(type_id, value + tail + b"x")


@pytest.mark.parametrize("kind", EVENTS)
def test_user_control_events(kind: int) -> None:
    body = kind.to_bytes(2, "big") + b"".join(
        bytes(range(7, 7 + value.size)) for value in EVENTS[kind].values
    )
    integers = all(value.size == 4 for value in EVENTS[kind].values)
    assert same(4, body) is integers
    assert not same(4, body[:-1]) and not same(4, body + b"x")


def test_a_type_that_nobody_knows() -> None:
    assert not {7, 99} & MESSAGE_TYPES.keys()
    found = brief(99, b"abc")
    assert found is not None and found.info == "Unknown (0x63)" and found.summary is None
