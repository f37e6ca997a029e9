"""Equal small messages are decoded once, unless something is known of one of them alone."""

import struct

from tests.analyzer import talk
from tests.dissectors.bodies import NULL
from tests.dissectors.chunk_builder import Message


def test_equal_bodies_share_a_tree() -> None:
    ping = Message(2, 4, 0, 0, struct.pack(">HI", 6, 7))
    extra = [talk.command("getIt", 0, NULL)] * 2 + [ping] * 2
    session = talk.session([*talk.publish(), *extra], talk.answer())
    first = len(talk.publish())
    rows = [
        row
        for row in range(len(session.messages))
        if session.value(row, "direction") == 0 and session.value(row, "index") >= first
    ]
    calls, pings = rows[:2], rows[2:]
    for one, other in (calls, pings):
        assert session.dissect(one) is session.dissect(other)
        assert session.message_id(one) != session.message_id(other)
    assert session.info(calls[1]) == "getIt()" and session.info(pings[1]) == "Ping Request 7"


def test_what_is_known_of_one_is_not_said_of_another() -> None:
    call, reply = talk.command("getIt", 9, NULL), talk.command("_result", 9, NULL)
    acknowledged = Message(2, 3, 0, 0, struct.pack(">I", 3000))
    session = talk.session([call, *talk.publish(), call], [acknowledged] * 2 + [reply])
    found = {row: session.decoded_summary(row) for row in session.order().tolist()}
    calls = [summary for _, summary in found.values() if summary.get("name") == "getIt"]
    assert sorted("reply" in each for each in calls) == [False, True]
    one, other = (row for row in found if session.type_name(row) == "Acknowledgement")
    assert session.dissect(one) is not session.dissect(other)
