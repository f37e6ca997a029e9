"""TCP reassembly, case by case: RFC 9293, RFC 5681, RFC 2018, RFC 7413."""

import struct

import pytest

from analyzer.tcp import limits
from tests.analyzer.tcp_builder import (
    ACK,
    FIN,
    PSH,
    RST,
    SYN,
    Ends,
    Packet,
    handshake,
    run,
    snapshot,
)


def stats(result, side=0, index=0):
    return result.tracker.connections[index].directions[side].stats


def after_handshake(*packets):
    return run([*handshake(), *packets])


def test_both_directions_in_order():
    result = after_handshake(
        Packet(100, b"abc", ack=500),
        Packet(500, b"xyz", ack=103, reverse=True),
        Packet(103, b"def", PSH | ACK, ack=503),
    )
    assert result.parts(0) == [b"abcdef"]
    assert result.parts(1) == [b"xyz"]
    (connection,) = result.tracker.connections
    assert connection.client == ("10.0.0.1", 40000)
    assert connection.server == ("10.0.0.2", 1935)
    assert connection.initiator_known
    assert connection.saw_syn == [True, True]
    assert connection.closed_by is None
    assert connection.start_frame == 1
    assert connection.end_ns == 60_000


def test_segment_columns_tell_file_offsets_and_frames():
    result = after_handshake(Packet(100, b"abc"), Packet(103, b"defg"))
    segments = result.tracker.connections[0].directions[0].segments
    header = 40
    assert segments.stream_offset.tolist() == [0, 3]
    assert segments.file_offset.tolist() == [24 + 4 * header, 24 + 5 * header + 3]
    assert segments.length.tolist() == [3, 4]
    assert segments.frame.tolist() == [4, 5]
    assert segments.time_ns.tolist() == [40_000, 50_000]


REORDERED = {
    "two swapped": [(3, b"def"), (0, b"abc")],
    "backwards": [(5, b"f"), (4, b"e"), (2, b"cd"), (0, b"ab")],
    "hole filled by a larger segment": [(0, b"a"), (3, b"d"), (1, b"bcdef")],
    "overlap on the left": [(0, b"abcd"), (2, b"cdef")],
    "overlap on the right": [(2, b"cdef"), (0, b"abcd")],
    "inside": [(0, b"abcdef"), (2, b"cd")],
    "around a buffered one": [(2, b"cd"), (1, b"bcdef"), (0, b"a")],
    "around two buffered ones": [(1, b"b"), (3, b"d"), (0, b"abcdef")],
    "the same twice": [(0, b"abc"), (0, b"abc"), (3, b"def")],
    "before and after a hole": [(4, b"ef"), (0, b"ab"), (1, b"bcde")],
}


@pytest.mark.parametrize("isn", [99, 0xFFFFFFFC, 0xFFFFFFFF, 0x7FFFFFFE])
@pytest.mark.parametrize("pieces", REORDERED.values(), ids=REORDERED.keys())
def test_order_and_overlap(pieces, isn):
    packets = [Packet(isn + 1 + offset, data) for offset, data in pieces]
    result = run([*handshake(isn), *packets])
    assert result.parts() == [b"abcdef"]
    assert stats(result).overlap_conflicts == 0
    direction = result.tracker.connections[0].directions[0]
    assert sum(direction.segments.length.tolist()) == direction.length == 6


def test_the_first_bytes_win_and_a_conflict_is_counted():
    result = after_handshake(Packet(102, b"cd"), Packet(101, b"BCDE"), Packet(100, b"a"))
    assert result.parts() == [b"aBcdE"]
    assert stats(result).overlap_conflicts == 1
    kinds = [event.kind for event in result.tracker.connections[0].directions[0].events]
    assert "overlap_conflict" in kinds


def test_wrap_with_hole_retransmission_and_overlap():
    isn = 0xFFFFFF00
    stream = bytes(range(256)) * 4
    cuts = [(0, 200), (400, 600), (200, 300), (0, 200), (250, 450), (600, 1024)]
    packets = [Packet(isn + 1 + low, stream[low:high]) for low, high in cuts]
    result = run([*handshake(isn), *packets])
    assert result.parts() == [stream]
    assert stats(result).retransmitted == 2


def test_reordering_is_not_retransmission():
    result = after_handshake(Packet(103, b"def"), Packet(100, b"abc"))
    assert stats(result).out_of_order == 1
    assert stats(result).retransmitted == 0


def test_a_hole_filled_after_duplicate_acks_was_a_retransmission():
    dup = [Packet(500, ack=100, reverse=True) for _ in range(4)]
    result = after_handshake(Packet(103, b"def"), *dup, Packet(100, b"abc"))
    assert result.parts() == [b"abcdef"]
    assert stats(result).out_of_order == 0
    assert stats(result).retransmitted == 1


def test_copies_made_by_the_capture_are_not_retransmissions():
    result = after_handshake(
        Packet(100, b"abc", ident=7), Packet(100, b"abc", ident=7), Packet(100, b"abc", ident=8)
    )
    assert stats(result).duplicates == 1
    assert stats(result).retransmitted == 1
    # Two taps may be far from each other; without an identification, only time tells.
    for ident, apart, copies in ((7, 20, 1), (7, 600, 0), (0, 0.5, 1), (0, 20, 0)):
        packets = [Packet(100, b"abc", ident=ident, time_ms=at) for at in (1, 1 + apart)]
        late = after_handshake(*packets)
        assert stats(late).duplicates == copies
        assert stats(late).retransmitted == 1 - copies


@pytest.mark.parametrize("probe", [b"", b"c"])
def test_keep_alive(probe):
    result = after_handshake(Packet(100, b"abc"), Packet(102, probe), Packet(103, b"d"))
    assert result.parts() == [b"abcd"]
    assert stats(result).keep_alives == 1
    assert stats(result).retransmitted == 0


@pytest.mark.parametrize("probe", [b"", b"c"])
def test_copies_of_a_keep_alive_are_none(probe):
    """Three probes of an empty window, seen by two taps."""
    packets = [Packet(102, probe, ident=n // 2, time_ms=300 * (n // 2) + n) for n in range(2, 8)]
    result = after_handshake(Packet(100, b"abc", time_ms=1), *packets)
    assert stats(result).keep_alives == stats(result).duplicates == 3


def test_one_byte_at_the_next_offset_is_data():
    result = after_handshake(Packet(100, b"abc"), Packet(103, b"d"), Packet(104, b"e"))
    assert result.parts() == [b"abcde"]
    assert stats(result).keep_alives == 0


def test_data_in_the_fin_counts_and_both_fins_close():
    packets = [
        *handshake(),
        Packet(100, b"abc", FIN | ACK, ack=500),
        Packet(500, b"bye", FIN | ACK, ack=104, reverse=True),
        Packet(104, ack=504),
    ]
    result = run(packets, finish=False)
    assert result.parts(0) == [b"abc"]
    assert result.parts(1) == [b"bye"]
    assert result.recorder.closes == [0]
    connection = result.tracker.connections[0]
    assert connection.closed_by == "client.fin"
    assert connection.directions[0].fin_offset == 3
    connection.client_side = 1
    assert connection.closed_by == "server.fin"


def test_fin_before_the_hole_is_filled():
    result = after_handshake(
        Packet(100, b"ab", ack=500), Packet(104, b"ef", FIN | ACK), Packet(102, b"cd")
    )
    assert result.parts() == [b"abcdef"]


def test_segments_that_crossed_a_reset_count():
    packets = [
        *handshake(),
        Packet(100, b"ab"),
        Packet(500, flags=RST, reverse=True),
        Packet(104, b"ef"),
        Packet(102, b"cd"),
    ]
    result = run(packets)
    assert result.parts() == [b"abcdef"]
    assert stats(result).after_close == 0


def test_four_tuple_reuse_opens_a_second_connection():
    packets = [
        *handshake(),
        Packet(100, b"first", FIN | ACK),
        *handshake(7_000, 9_000),
        Packet(7_001, b"second"),
        Packet(9_001, b"reply", reverse=True),
    ]
    result = run(packets)
    assert result.parts(0, 0) == [b"first"]
    assert result.parts(0, 1) == [b"second"]
    assert result.parts(1, 1) == [b"reply"]
    first, second = result.tracker.connections
    assert first.closed_by == "client.fin"
    assert second.closed_by is None
    assert second.start_frame == 5


def test_syn_sent_again_is_the_same_connection():
    packets = [Packet(99, flags=SYN), *handshake(), Packet(100, b"ab"), Packet(99, flags=SYN)]
    result = run([*packets, Packet(102, b"cd")])
    assert result.parts() == [b"abcd"]
    assert len(result.tracker.connections) == 1
    assert result.tracker.connections[0].start_frame == 1


def test_data_in_the_syn_is_stream_offset_0():
    """RFC 7413: TCP Fast Open."""
    packets = [
        Packet(99, b"abc", SYN),
        Packet(499, flags=SYN | ACK, ack=103, reverse=True),
        Packet(103, b"def", ack=500),
        Packet(501, b"yz", reverse=True),
        Packet(500, b"x", reverse=True),
    ]
    result = run(packets)
    assert result.parts(0) == [b"abcdef"]
    assert result.parts(1) == [b"xyz"]
    assert len(result.tracker.connections) == 1


def test_data_captured_before_its_syn():
    packets = [Packet(103, b"def"), Packet(99, flags=SYN), Packet(100, b"abc")]
    result = run(packets)
    assert result.parts() == [b"abcdef"]
    assert result.tracker.connections[0].initiator_known


def test_mid_stream_starts_at_the_lowest_sequence_number():
    packets = [Packet(5_003, b"def"), Packet(5_000, b"abc"), Packet(5_006, b"g")]
    result = run(packets)
    assert result.parts() == [b"abcdefg"]
    connection = result.tracker.connections[0]
    assert not connection.initiator_known
    assert list(connection.directions[0].gaps) == []


def test_mid_stream_waits_for_64_segments_or_200_ms_and_64_frames_or_5_s():
    packets = [Packet(5_000 + n, b"a") for n in range(limits.HOLD_SEGMENTS)]
    assert run(packets[:-1], finish=False).parts() == []
    assert run(packets, finish=False).parts() == [b"a" * 64]
    acks = [Packet(500, reverse=True, time_ms=n * 3.2) for n in range(1, 64)]
    slow = [Packet(1, b"a", time_ms=0), *acks, Packet(500, reverse=True, time_ms=204)]
    assert run(slow[:-1], finish=False).parts() == []
    assert run(slow, finish=False).parts() == [b"a"]
    silent = [Packet(1, b"a", time_ms=0), Packet(500, reverse=True, time_ms=5_000)]
    assert run(silent, finish=False).parts() == [b"a"]


def test_mid_stream_fin_ends_the_waiting():
    packets = [Packet(5_003, b"def", FIN | ACK), Packet(5_000, b"abc")]
    assert run(packets[:1], finish=False).parts() == [b"def"]
    packets.insert(0, Packet(5_000, b"abc"))
    assert run(packets, finish=False).parts() == [b"abcdef"]


@pytest.mark.parametrize(
    ("ports", "first_is_server", "client_port"),
    [((40000, 1935), True, 40000), ((1935, 999), False, 999), ((5000, 6000), False, 6000)],
)
def test_without_syn_the_ports_tell_the_client(ports, first_is_server, client_port):
    ends = Ends(a_port=ports[0], b_port=ports[1])
    result = run([Packet(1, b"a", reverse=first_is_server)], flows=[ends])
    assert result.tracker.connections[0].client[1] == client_port


def test_syn_ack_alone_tells_both_starts():
    packets = [
        Packet(499, flags=SYN | ACK, ack=100, reverse=True),
        Packet(103, b"def"),
        Packet(500, b"x", reverse=True),
    ]
    result = run(packets)
    assert result.parts(0) == [(3, "never_delivered"), b"def"]
    assert result.tracker.connections[0].client == ("10.0.0.1", 40000)
    assert result.tracker.connections[0].saw_syn == [False, True]


def filler(count, ack, **more):
    """Frames of the other side that acknowledge `ack`."""
    return [Packet(500 + n, b"z", ack=ack, reverse=True, **more) for n in range(count)]


def test_gap_not_captured_after_256_frames():
    packets = [*handshake(), Packet(100, b"abc"), Packet(106, b"ghi")]
    passed = filler(limits.GRACE_SEGMENTS, 109)
    assert run([*packets, *passed], finish=False).parts() == [b"abc"]
    result = run([*packets, *passed, Packet(756, ack=109, reverse=True)], finish=False)
    assert result.parts() == [b"abc", (3, "not_captured"), b"ghi"]
    (gap,) = result.tracker.connections[0].directions[0].gaps
    assert gap == (3, 3, "not_captured", 5)


def test_gap_not_captured_after_200_ms_and_64_frames():
    """No order of a file is certain within some dozen packets, however long they took."""
    hole = [*handshake(), Packet(103, b"def"), Packet(500, ack=106, reverse=True, time_ms=1)]
    acks = [Packet(500, ack=106, reverse=True, time_ms=190 + n) for n in range(64)]
    assert run([*hole, *acks[:63]], finish=False).parts() == []
    assert run([*hole, *acks], finish=False).parts() == [(3, "not_captured"), b"def"]


def test_gap_not_captured_after_5_s():
    packets = [
        *handshake(),
        Packet(103, b"def"),
        Packet(500, ack=106, reverse=True, time_ms=1),
        Packet(500, ack=106, reverse=True, time_ms=5_000),
    ]
    assert run(packets, finish=False).parts() == []
    packets.append(Packet(500, ack=106, reverse=True, time_ms=5_001))
    assert run(packets, finish=False).parts() == [(3, "not_captured"), b"def"]


def test_data_captured_late_after_its_acknowledgement_leaves_no_gap():
    result = after_handshake(
        Packet(103, b"def"), *filler(200, 106), Packet(100, b"abc"), *filler(300, 106)
    )
    assert result.parts() == [b"abcdef"]


def test_gap_lost_after_three_duplicate_acks():
    dup = [Packet(500, ack=100, reverse=True) for _ in range(4)]
    result = after_handshake(Packet(103, b"def"), *dup, *filler(300, 106))
    assert result.parts() == [(3, "lost"), b"def"]


def test_gap_lost_after_sack():
    """RFC 2018: kind 5, one block 103..106."""
    sack = b"\x01\x01" + struct.pack(">BBII", 5, 10, 103, 106)
    complaint = Packet(500, ack=100, reverse=True, options=sack)
    result = after_handshake(
        Packet(103, b"def"), Packet(500, ack=100, reverse=True), complaint, *filler(300, 106)
    )
    assert result.parts() == [(3, "lost"), b"def"]


def test_copied_acks_are_not_duplicate_acks():
    dup = [Packet(500, ack=100, reverse=True, ident=9) for _ in range(6)]
    result = after_handshake(Packet(103, b"def"), *dup, *filler(300, 106))
    assert result.parts() == [(3, "not_captured"), b"def"]


def test_gap_never_delivered():
    reset = after_handshake(
        Packet(500, b"x", ack=100, reverse=True),
        Packet(103, b"def"),
        Packet(501, flags=RST, reverse=True),
    )
    assert reset.parts() == [(3, "never_delivered"), b"def"]
    ended = after_handshake(
        Packet(103, b"def"), Packet(500, ack=101, reverse=True), Packet(109, b"j")
    )
    assert ended.parts() == [
        (1, "not_captured"),
        (2, "never_delivered"),
        b"def",
        (3, "never_delivered"),
        b"j",
    ]


def test_gap_at_the_end_that_was_acknowledged():
    result = after_handshake(Packet(100, b"abc"), Packet(500, ack=109, reverse=True))
    assert result.parts() == [b"abc", (6, "not_captured")]


def test_acknowledged_fin_that_was_not_captured_is_no_gap():
    result = after_handshake(Packet(100, b"abc"), Packet(500, ack=104, reverse=True))
    assert result.parts() == [b"abc"]


def test_gap_before_a_fin():
    result = after_handshake(
        Packet(500, b"x", ack=100, reverse=True), Packet(105, flags=FIN | ACK, ack=501)
    )
    assert result.parts() == [(5, "never_delivered")]


def test_one_sided_capture_waits_5_s():
    packets = [Packet(99, flags=SYN), Packet(100, b"abc"), Packet(106, b"ghi", time_ms=10)]
    early = [*packets, Packet(109, b"j", time_ms=5_009)]
    assert run(early, finish=False).parts() == [b"abc"]
    late = [*early, Packet(110, b"k", time_ms=5_010)]
    assert run(late, finish=False).parts() == [b"abc", (3, "unknown"), b"ghijk"]


def test_a_hole_not_acknowledged_is_given_up_when_the_buffer_is_full():
    peer = Packet(500, b"x", ack=100, reverse=True)
    many = [Packet(101 + n, b"a") for n in range(limits.MAX_BUFFERED_SEGMENTS + 1)]
    assert run([*handshake(), peer, *many[:-1]], finish=False).parts() == []
    result = run([*handshake(), peer, *many], finish=False)
    assert result.parts() == [(1, "unknown"), b"a" * 1025]
    large = [Packet(101 + n * 65_000, bytes(65_000)) for n in range(66)]
    kept = run([*handshake(), peer, *large[:64]], finish=False)
    assert kept.parts() == []
    assert run([*handshake(), peer, *large], finish=False).parts()[0] == (1, "unknown")


def test_a_segment_over_too_many_buffered_pieces_ends_the_waiting():
    peer = Packet(500, b"x", ack=100, reverse=True)
    count = limits.MAX_OVERLAPPED + 2
    many = [Packet(110 + 2 * n, b"a") for n in range(count)]
    result = after_handshake(peer, *many, Packet(109, b"-" * 2 * count), Packet(100, bytes(9)))
    assert result.parts() == [(9, "unknown"), b"-a" * count]
    filled = after_handshake(peer, *many, Packet(100, bytes(9) + b"-" * 2 * count))
    assert filled.parts() == [bytes(9) + b"-a" * count]


def test_snaplen_cut_bytes_are_a_gap_in_place():
    result = after_handshake(Packet(100, b"abcdef", cut=4), Packet(106, b"ghij", cut=4))
    assert result.parts() == [b"ab", (4, "snaplen"), (4, "snaplen")]
    direction = result.tracker.connections[0].directions[0]
    assert direction.length == 10
    assert direction.segments.length.tolist() == [2]
    assert direction.stats.snaplen_cut == 2


def test_snaplen_cut_segments_out_of_order():
    result = after_handshake(Packet(103, b"def", cut=1), Packet(100, b"abc", cut=1))
    assert result.parts() == [b"ab", (1, "snaplen"), b"de", (1, "snaplen")]


def test_a_segment_more_than_1_gib_ahead_is_ignored():
    result = after_handshake(Packet(101 + (1 << 30), b"far"), Packet(100, b"abc"))
    assert result.parts() == [b"abc"]
    assert stats(result).implausible == 1


def test_zero_window_is_counted_with_its_time():
    result = after_handshake(
        Packet(100, b"abc"),
        Packet(500, ack=103, reverse=True, window=0, time_ms=10),
        Packet(500, ack=103, reverse=True, window=0, time_ms=20),
        Packet(500, ack=103, reverse=True, window=9, time_ms=35),
    )
    assert stats(result, 1).zero_windows == 1
    assert stats(result, 1).zero_window_ns == 25_000_000
    kinds = [event.kind for event in result.tracker.connections[0].directions[1].events]
    assert kinds == ["zero_window", "window_open"]


def test_a_reset_with_window_0_is_no_zero_window():
    result = after_handshake(Packet(100, b"a"), Packet(500, flags=RST, reverse=True, window=0))
    assert stats(result, 1).zero_windows == 0


def test_flows_without_payload_leave_no_connection(monkeypatch):
    monkeypatch.setattr(limits, "MAX_HALF_OPEN", 10)
    packets = [p for flow in range(30) for p in handshake(flow=flow)]
    packets += [Packet(100, flags=FIN | ACK, flow=flow) for flow in range(30)]
    packets += [Packet(100, b"error text", flags=RST, flow=3)]
    result = run(packets, flows=[Ends(a_port=1000 + n) for n in range(30)])
    assert result.tracker.connections == []
    assert result.tracker.forgotten_handshakes == 20


def test_discarded_connections_are_only_counted():
    flows = [Ends(), Ends(a_port=5)]
    packets = [*handshake(), Packet(100, b"GET /"), *handshake(flow=1)]
    more = [Packet(105 + n, b"x") for n in range(100)] + [Packet(900, b"y")]
    end = [Packet(500, flags=FIN | ACK, reverse=True), *handshake(5_000), Packet(5_001, b"new")]
    result = run([*packets, *more, *end], [7, 60, 108], flows, discard=True)
    assert result.parts() == [b"GET /"]
    assert result.recorder.opens == [0, 1]
    assert result.recorder.closes == [0, 1]
    assert result.tracker.connections == []
    assert result.tracker.discarded == 2

    result = run([*packets, *more], [7, 60, 108], flows, discard=True, finish=False)
    track = result.tracker._live[0]
    assert track.connection.directions[0].stats.segments == 102
    assert track.connection.directions[0].stats.bytes == 106
    assert len(track.connection.directions[0].segments) == 0


def test_too_many_connections_close_those_idle_longest(monkeypatch):
    monkeypatch.setattr(limits, "MAX_LIVE", 4)
    monkeypatch.setattr(limits, "EVICTED_AT_ONCE", 2)
    packets = [
        p for flow in range(4) for p in (*handshake(flow=flow), Packet(100, b"a", flow=flow))
    ]
    packets += [Packet(101, b"b", flow=0), Packet(1, b"c", flow=4), Packet(101, b"d", flow=1)]
    flows = [Ends(a_port=1000 + n) for n in range(5)]
    result = run(packets, flows=flows)
    assert [c.evicted for c in result.tracker.connections] == [False, True, True] + [False] * 3
    assert result.tracker.evicted == 2
    assert result.parts(0, 0) == [b"ab"]
    for cut in range(len(packets)):
        assert snapshot(run(packets, [cut], flows)) == snapshot(result)


def test_all_buffers_together_are_bounded(monkeypatch):
    monkeypatch.setattr(limits, "MAX_BUFFERED_TOTAL", 100)
    flows = [Ends(a_port=1000 + n) for n in range(3)]
    packets = [p for flow in range(3) for p in handshake(flow=flow)]
    packets += [Packet(101, bytes(40), flow=flow) for flow in range(3)]
    result = run(packets, flows=flows, finish=False)
    assert result.parts(0, 0) == result.parts(0, 1) == []
    assert result.parts(0, 2) == [(1, "unknown"), bytes(40)]
    assert result.tracker._budget.used == 80
    result.tracker.finish()
    assert result.tracker._budget.used == 0


def test_after_very_many_holes_none_is_waited_for(monkeypatch):
    monkeypatch.setattr(limits, "FREE_HOLES", 3)
    monkeypatch.setattr(limits, "MAX_BUFFERED_SEGMENTS", 1)
    late = [Packet(118, b"late"), Packet(122, b"end")]
    result = run([*handshake(), *(Packet(101 + 2 * n, b"x") for n in range(8)), *late])
    gaps = list(result.tracker.connections[0].directions[0].gaps)
    assert [(gap.offset, gap.length) for gap in gaps] == [(2 * n, 1) for n in range(8)] + [(16, 2)]
    assert (
        b"".join(part for part in result.parts() if isinstance(part, bytes))
        == b"x" * 8 + b"lateend"
    )
    assert result.tracker.overflows
