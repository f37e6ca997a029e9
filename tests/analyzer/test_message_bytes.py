"""Bodies and headers are the same bytes in whatever order they are asked for."""

import numpy as np

from analyzer.index import Array
from analyzer.message_bytes import Body
from analyzer.session import Session
from tests.analyzer import talk
from tests.dissectors.bodies import NULL, string
from tests.dissectors.chunk_builder import Message


def flood() -> Session:
    """Small calls and replies, among them longer ones of several chunks."""
    calls: list[Message] = []
    replies: list[Message] = []
    for number in range(300):
        size = 700 if number % 40 == 7 else number % 30 + 20
        calls.append(talk.command("call", number + 9, NULL, string("x" * size)))
        replies.append(talk.command("_result", number + 9, NULL, string("y" * size)))
    return talk.session([*talk.publish(), *calls], [*talk.answer(), *replies])


def read(session: Session, rows: Array) -> dict[int, tuple[bytes, Body]]:
    return {row: (session.header_bytes(row), session.body(row)) for row in rows.tolist()}


def test_any_order() -> None:
    session = flood()
    rows = session.order()
    forth = read(session, rows)
    assert read(flood(), rows[::-1]) == forth
    mixed = np.random.default_rng(3).permutation(rows)
    assert read(flood(), mixed) == forth
    assert all(not body.missing for _, body in forth.values())


def test_bodies_are_what_was_sent() -> None:
    session = flood()
    got = [session.body(row).data for row in session.order().tolist()]
    for number in range(300):
        size = 700 if number % 40 == 7 else number % 30 + 20
        for name, letter in (("call", "x"), ("_result", "y")):
            assert talk.command(name, number + 9, NULL, string(letter * size)).body in got
