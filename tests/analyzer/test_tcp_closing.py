"""Which FIN, RST and SYN end a connection: RFC 9293 §3.10.7, RFC 5961. Nothing ends a stream that
goes on."""

import pytest

from analyzer.tcp import FalseClose
from tests.analyzer.tcp_builder import ACK, FIN, RST, SYN, Packet, handshake, run, snapshot

SCALE = b"\x02\x04\x05\xb4\x01\x03\x03\x07"  # MSS 1460, shift 7
GIB = 1 << 30


def after_handshake(*packets, **options):
    return run([*handshake(), *packets], **options)


def only(result):
    (connection,) = result.tracker.connections
    return connection


def stats(result, side=0):
    return only(result).directions[side].stats


def closes(result):
    return [(item.side, item.kind, item.frame, item.by) for item in only(result).false_closes]


# -- RST


def test_a_reset_after_which_nothing_comes_is_the_end():
    result = after_handshake(Packet(100, b"abc"), Packet(500, flags=RST, reverse=True))
    assert only(result).closed_by == "server.rst"
    assert only(result).first_reset == (1, 5)
    assert closes(result) == []


@pytest.mark.parametrize("offset", [-1, -GIB, 70_000, GIB, (1 << 31) - 1])
def test_a_reset_out_of_the_window_is_not_believed(offset):
    """RFC 5961 §3.2: what is not in the window is dropped. Window here: 65535 at least."""
    packets = [Packet(100, b"abc"), Packet(500, b"x", ack=103, reverse=True)]
    forged = Packet(103 + offset, flags=RST, ident=9)
    result = after_handshake(*packets, forged, Packet(103, b"def", ack=501))
    assert result.parts() == [b"abcdef"]
    assert only(result).closed_by is None
    assert closes(result) == [(0, "rst", 6, None)]
    assert stats(result).false_closes == 1
    assert [event.kind for event in only(result).directions[0].events] == ["false_close"]


@pytest.mark.parametrize("offset", [0, 1, 30_000])
@pytest.mark.parametrize("flags", [RST, RST | ACK])
def test_a_reset_whose_sender_goes_on_was_forged(offset, flags):
    result = after_handshake(
        Packet(100, b"abc"),
        Packet(103 + offset, flags=flags, ack=500),
        Packet(103, b"d" * 40_000, ack=500),
        Packet(40_103, b"e", ack=500),
    )
    assert b"".join(result.parts()) == b"abc" + b"d" * 40_000 + b"e"
    assert only(result).closed_by is only(result).first_reset is None
    assert closes(result) == [(0, "rst", 5, 6)]
    assert stats(result).after_close == 0


def acks(count, seq, ack, reverse, first_ms, last_ms):
    step = (last_ms - first_ms) / (count - 1)
    return [
        Packet(seq, ack=ack, reverse=reverse, time_ms=first_ms + n * step) for n in range(count)
    ]


def test_a_reset_whose_sender_still_acknowledges_was_forged():
    """What was sent before may stand some dozen packets behind it in a capture."""
    packets = [
        *(Packet(100, b"abc"), Packet(500, b"x", ack=103, reverse=True)),
        Packet(501, flags=RST, reverse=True, time_ms=10),
        *acks(64, 501, 103, True, 20, 220),
        Packet(103, b"def", ack=501, time_ms=230),
    ]
    early = after_handshake(*packets[:-2])
    assert only(early).closed_by == "server.rst" and closes(early) == []
    result = after_handshake(*packets)
    assert result.parts() == [b"abcdef"]
    assert only(result).closed_by is None
    assert closes(result) == [(1, "rst", 6, 70)]


def test_data_of_the_other_side_late_after_a_reset_is_taken_and_flagged():
    """Whether the RST came through to it, nobody knows: its bytes were sent all the same."""
    packets = [
        *(Packet(100, b"abc"), Packet(500, b"x", ack=103, reverse=True)),
        Packet(501, flags=RST, reverse=True, time_ms=10),
        Packet(103, b"def", time_ms=100),
        Packet(106, b"ghi", time_ms=5_020),
    ]
    result = after_handshake(*packets)
    assert result.parts() == [b"abcdefghi"]
    assert only(result).closed_by == "server.rst"
    assert only(result).first_reset == (1, 6)
    assert stats(result).after_close == 1
    assert [(e.kind, e.frame) for e in only(result).directions[0].events] == [("after_close", 8)]
    refuted = after_handshake(*packets, Packet(501, ack=109, reverse=True, time_ms=5_030))
    assert stats(refuted).after_close == 0
    assert closes(refuted) == [(1, "rst", 6, 9)]


def test_resets_forged_to_both_sides():
    """As firewalls do; here in vain."""
    result = after_handshake(
        Packet(100, b"abc"),
        Packet(500, b"xyz", ack=103, reverse=True),
        Packet(103, flags=RST, ack=503),
        Packet(503, flags=RST, reverse=True),
        Packet(503, b"uvw", ack=103, reverse=True),
        Packet(103, b"def", ack=506),
    )
    assert (result.parts(0), result.parts(1)) == ([b"abcdef"], [b"xyzuvw"])
    assert only(result).closed_by is None
    assert closes(result) == [(1, "rst", 7, 8), (0, "rst", 6, 9)]


def test_many_resets_before_the_right_one():
    """A host without the connection answers each segment with the number that this acknowledges
    (RFC 9293 §3.10.7.1): older ones are ignored by the peer, the last one is not."""
    result = after_handshake(
        Packet(500, b"x" * 10, ack=100, reverse=True),
        Packet(100, b"abc", ack=510),
        Packet(100 + 3, ack=510),
        Packet(500, flags=RST, reverse=True),
        Packet(510, flags=RST, reverse=True),
        Packet(510, flags=RST, reverse=True),
    )
    assert only(result).closed_by == "server.rst"
    assert only(result).first_reset == (1, 8)
    assert closes(result) == [(1, "rst", 7, None)]


# -- FIN


def test_a_fin_behind_which_data_goes_on_was_forged():
    result = after_handshake(
        Packet(100, b"abc"),
        Packet(103, flags=FIN | ACK, ack=500),
        Packet(103, b"def", ack=500),
        Packet(106, b"ghi", ack=500),
    )
    assert result.parts() == [b"abcdefghi"]
    assert only(result).closed_by is None
    assert only(result).directions[0].fin_offset is None
    assert closes(result) == [(0, "fin", 5, 6)]


def test_a_forged_fin_then_the_true_one():
    packets = [
        Packet(100, b"abc"),
        Packet(103, flags=FIN | ACK, ack=500),
        Packet(103, b"def", FIN | ACK, ack=500),
        Packet(500, flags=FIN | ACK, ack=107, reverse=True),
        Packet(107, ack=501),
    ]
    result = after_handshake(*packets, finish=False)
    assert result.parts() == [b"abcdef"]
    assert result.recorder.closes == [0]
    assert only(result).first_close == (0, "fin", 6)
    assert only(result).directions[0].fin_offset == 6


def test_data_behind_a_fin_that_was_acknowledged_is_ignored_and_flagged():
    result = after_handshake(
        Packet(100, b"ab", FIN | ACK, ack=500),
        Packet(500, ack=103, reverse=True),
        Packet(102, b"zz", ack=500),
    )
    assert result.parts() == [b"ab"]
    assert only(result).closed_by == "client.fin"
    assert stats(result).after_close == 1
    assert closes(result) == []


def test_a_receiver_that_acknowledges_more_refutes_a_fin():
    result = after_handshake(
        Packet(100, b"ab", FIN | ACK, ack=500), Packet(500, ack=109, reverse=True)
    )
    assert result.parts() == [b"ab", (7, "not_captured")]
    assert closes(result) == [(0, "fin", 4, 5)]


@pytest.mark.parametrize("ahead", [70_000, GIB - 10, GIB + 10])
def test_a_fin_far_ahead_invents_no_gap(ahead):
    result = after_handshake(
        Packet(500, b"x", ack=100, reverse=True),
        Packet(100, b"abc", ack=501),
        Packet(103 + ahead, flags=FIN | ACK, ack=501),
        Packet(103, b"def", ack=501),
    )
    assert result.parts() == [b"abcdef"]
    assert only(result).closed_by is None
    assert closes(result) == [(0, "fin", 6, None)]


def test_a_fin_behind_a_large_hole_that_was_acknowledged():
    result = after_handshake(
        Packet(500, b"x", ack=100, reverse=True),
        Packet(100, b"abc", ack=501),
        Packet(100_003, flags=FIN | ACK, ack=501),
        Packet(501, ack=100_004, reverse=True),
    )
    assert result.parts() == [b"abc", (99_900, "not_captured")]
    assert only(result).closed_by == "client.fin"
    assert closes(result) == []


def test_a_fin_in_the_middle_of_what_was_sent_is_not_believed():
    result = after_handshake(Packet(100, b"abcdef"), Packet(103, flags=FIN | ACK, ack=500))
    assert only(result).closed_by is None
    assert closes(result) == [(0, "fin", 5, None)]


# -- SYN


@pytest.mark.parametrize("first", [200, 99 + 5, 7_000, 2 * GIB, 3 * GIB])
def test_a_syn_that_is_not_answered_opens_nothing(first):
    """RFC 5961 §4.2: the receiver answers with an ACK of what it expects."""
    result = after_handshake(
        Packet(100, b"abc", ack=500),
        Packet(500, b"xyz", ack=103, reverse=True),
        Packet(first, flags=SYN),
        Packet(503, ack=103, reverse=True),
        Packet(503, b"uvw", ack=103, reverse=True),
        Packet(103, b"def", ack=506),
        Packet(106, b"ghi", ack=506),
    )
    assert (result.parts(0), result.parts(1)) == ([b"abcdefghi"], [b"xyzuvw"])
    assert closes(result) == [(0, "syn", 6, 9)]


def test_a_forged_syn_just_below_what_comes_next():
    """Then the stream's next byte is the one that would follow the SYN."""
    result = after_handshake(
        Packet(100, b"abc", ack=500), Packet(102, flags=SYN), Packet(103, b"def", ack=500)
    )
    assert result.parts() == [b"abcdef"]
    assert closes(result) == [(0, "syn", 5, 6)]


def test_a_forged_syn_ack_opens_nothing():
    result = after_handshake(
        Packet(100, b"abc", ack=500),
        Packet(9_000, flags=SYN | ACK, ack=7_001, reverse=True),
        Packet(500, b"xyz", ack=103, reverse=True),
        Packet(103, b"def", ack=503),
    )
    assert (result.parts(0), result.parts(1)) == ([b"abcdef"], [b"xyz"])


REUSED = {
    "whole handshake": handshake(7_000, 9_000),
    "SYN alone": handshake(7_000, 9_000)[:1],
    "SYN/ACK alone": handshake(7_000, 9_000)[1:2],
    "SYN sent twice": [*handshake(7_000, 9_000)[:1], *handshake(7_000, 9_000)],
}


@pytest.mark.parametrize("opening", REUSED.values(), ids=REUSED)
@pytest.mark.parametrize("first", [(b"new",), (b"", b"new")])
def test_reuse_without_an_end(opening, first):
    """The end of the first connection was not captured."""
    packets = [Packet(100, b"old", ack=500), *opening]
    packets += [Packet(7_001, payload, ack=9_001) for payload in first]
    packets += [Packet(9_001, b"reply", ack=7_004, reverse=True)]
    result = after_handshake(*packets)
    assert [result.parts(0, index) for index in (0, 1)] == [[b"old"], [b"new"]]
    assert result.parts(1, 1) == [b"reply"]
    first_one, second = result.tracker.connections
    assert (first_one.end_ns, second.start_frame) == (40_000, 5)
    assert second.initiator_known
    for cut in range(len(packets) + 3):
        again = after_handshake(*packets, cuts=[cut])
        assert snapshot(again) == snapshot(result)


def test_reuse_with_numbers_just_above_the_old_ones():
    """RFC 6528: the initial sequence number of a 4-tuple grows with time."""
    opening = handshake(3_000, 4_000)
    packets = [Packet(100, b"old", ack=500), *opening, Packet(3_001, b"new", ack=4_001)]
    result = after_handshake(*packets, Packet(4_001, b"reply", ack=3_004, reverse=True))
    assert [result.parts(0, index) for index in (0, 1)] == [[b"old"], [b"new"]]
    assert result.parts(1, 1) == [b"reply"]


def test_reuse_after_a_reset_needs_no_proof():
    packets = [Packet(100, b"old"), Packet(103, flags=RST), Packet(7_000, flags=SYN)]
    result = after_handshake(*packets, Packet(7_001, b"new"))
    assert [result.parts(0, index) for index in (0, 1)] == [[b"old"], [b"new"]]


def test_reuse_with_data_in_the_syn():
    """RFC 7413."""
    opening = handshake(7_000, 9_000)
    opening[0].payload, opening[1].ack, opening[2].seq = b"fast", 7_005, 7_005
    result = after_handshake(Packet(100, b"old"), *opening, Packet(7_005, b" open", ack=9_001))
    assert [result.parts(0, index) for index in (0, 1)] == [[b"old"], [b"fast open"]]
    assert result.tracker.connections[1].saw_syn == [True, True]


def test_a_refused_syn_leaves_the_connection_alone():
    """An old connection that is gone at the server: port closed."""
    result = after_handshake(
        Packet(100, b"old"),
        Packet(7_000, flags=SYN),
        Packet(0, flags=RST | ACK, ack=7_001, reverse=True),
    )
    assert result.parts() == [b"old"]
    assert closes(result)[0] == (0, "syn", 5, None)


def test_a_closed_connection_whose_numbers_are_used_by_another_one():
    """Both FINs were acknowledged; of the next connection the SYNs were not captured."""
    packets = [
        Packet(100, b"abc", FIN | ACK, ack=500),
        Packet(500, flags=FIN | ACK, ack=104, reverse=True),
        Packet(104, ack=501),
        Packet(5 * GIB // 4, b"another", ack=9_000_000),
        Packet(9_000_000, b"reply", ack=5 * GIB // 4 + 7, reverse=True),
    ]
    result = after_handshake(*packets)
    assert [result.parts(0, index) for index in (0, 1)] == [[b"abc"], [b"another"]]
    assert result.parts(1, 1) == [b"reply"]


def test_what_is_not_believed_is_listed_with_its_frames():
    result = after_handshake(Packet(100, b"abc"), Packet(99_999_999, flags=RST, time_ms=7))
    assert only(result).false_closes == [FalseClose(0, "rst", 5, 7_000_000, None)]


# -- windows


def test_a_segment_alone_beyond_the_window_is_no_gap():
    peer = Packet(500, b"x", ack=100, reverse=True)
    more = [Packet(100 + n, b"a", ack=501) for n in range(20)]
    result = after_handshake(peer, *more[:10], Packet(80_000_000, b"far"), *more[10:])
    assert result.parts() == [b"a" * 20]
    assert stats(result).implausible == 1
    assert stats(result).retransmitted == stats(result).out_of_order == 0
    assert result.tracker._budget.used == 0


def test_two_segments_beyond_the_window_are_a_large_hole():
    peer = Packet(500, b"x", ack=100, reverse=True)
    far = [Packet(80_000_000, b"far", ack=501), Packet(80_000_003, b"ther", ack=501)]
    result = after_handshake(peer, Packet(100, b"a", ack=501), *far)
    assert result.parts() == [b"a", (79_999_899, "never_delivered"), b"farther"]
    assert stats(result).implausible == 0
    once = after_handshake(peer, Packet(100, b"a", ack=501), far[0], far[0])
    assert once.parts() == [b"a"]


def test_one_segment_beyond_the_window_that_was_acknowledged():
    peer = Packet(500, b"x", ack=100, reverse=True)
    last = Packet(501, ack=80_000_003, reverse=True)
    result = after_handshake(peer, Packet(80_000_000, b"far", ack=501), last)
    assert result.parts() == [(79_999_900, "not_captured"), b"far"]


def test_segments_beyond_the_window_that_the_stream_reaches():
    """Files in which packets stand far out of order; the window is 65535."""
    order = [0, 3, 1, 2, 4, 7, 5, 6, 8]
    data = [bytes([48 + n]) * 40_000 for n in range(9)]
    packets = [Packet(100 + 40_000 * n, data[n], ack=501) for n in order]
    peer = Packet(500, b"x", ack=100, reverse=True)
    result = after_handshake(peer, *packets)
    assert result.parts() == [b"".join(data)]
    assert stats(result).implausible == 0


def test_the_scale_of_the_window_counts():
    packets = handshake()
    packets[0].options = packets[1].options = SCALE
    packets += [Packet(500, b"x", ack=100, reverse=True, window=1000)]
    reset = Packet(100 + 1000 * 128, flags=RST, time_ms=1)
    assert only(run([*packets, Packet(100, b"a", ack=501), reset])).closed_by == "client.rst"
    reset.seq += 2
    assert only(run([*packets, Packet(100, b"a", ack=501), reset])).closed_by is None


def test_a_forged_acknowledgement_invents_no_gap():
    result = after_handshake(
        Packet(100, b"abc", ack=500),
        Packet(500, ack=103, reverse=True),
        Packet(500, ack=900_000_000, reverse=True),
        Packet(103, b"def", ack=500),
        Packet(500, ack=106, reverse=True),
    )
    assert result.parts() == [b"abcdef"]


def test_one_sided_a_stray_segment_does_not_move_the_stream():
    packets = [Packet(99, flags=SYN), Packet(100, b"a", time_ms=1), Packet(5_000_000, b"far")]
    packets[2].time_ms = 2
    packets += [Packet(101 + n, b"a", time_ms=10 + 3000 * n) for n in range(9)]
    assert run(packets).parts() == [b"a" * 10, (4_999_890, "unknown"), b"far"]
    packets[2].seq = 500_000_000
    assert run(packets).parts() == [b"a" * 10]


def test_text_in_a_reset_is_counted_and_no_part_of_the_stream():
    """RFC 9293 §3.5.3: data that explains the cause of the RST."""
    result = after_handshake(Packet(100, b"abc", ack=500), Packet(103, b"blocked", flags=RST))
    assert result.parts() == [b"abc"] and only(result).closed_by == "client.rst"
    assert stats(result).reset_bytes == 7 and stats(result).segments == 1
    events = only(result).directions[0].events
    assert [(event.kind, event.length) for event in events] == [("reset_text", 7)]
