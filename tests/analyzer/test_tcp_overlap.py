"""Bytes sent again with other values: the first ones stay, and the second ones are told.

RFC 9293 §3.10.7.4 lets a receiver keep either; they can only differ where someone forges, or a
middlebox or a broken card changes payload.
"""

from analyzer.tcp import TcpTracker, limits
from tests.analyzer.tcp_builder import (
    ACK,
    FIN,
    PSH,
    Ends,
    Packet,
    Recorder,
    build,
    handshake,
    run,
    snapshot,
)


def conflicts(result, side=0):
    direction = result.tracker.connections[0].directions[side]
    found = [(e.frame, e.offset, e.length) for e in direction.events.of("overlap_conflict")]
    assert direction.stats.overlap_conflicts == len(found)
    return found


def after_handshake(*packets, **options):
    return run([*handshake(), *packets], **options)


def test_delivered_bytes_sent_again_with_one_other():
    result = after_handshake(
        Packet(100, b"abcdef", ack=500), Packet(106, b"gh", ack=500), Packet(102, b"cdXf", ack=500)
    )
    assert result.parts() == [b"abcdefgh"]
    assert conflicts(result) == [(6, 4, 2)]
    assert result.tracker.connections[0].directions[0].stats.retransmitted == 1


def test_the_same_bytes_are_no_conflict():
    again = [Packet(100, b"abcdef"), Packet(101, b"bcde"), Packet(103, b"defgh"), Packet(100, b"a")]
    assert conflicts(after_handshake(Packet(100, b"abcdef"), Packet(106, b"gh"), *again)) == []


def test_part_delivered_part_new():
    result = after_handshake(Packet(100, b"abc"), Packet(101, b"XcdE"), Packet(105, b"f"))
    assert result.parts() == [b"abcdEf"]
    assert conflicts(result) == [(5, 1, 4)]


def test_delivered_and_buffered_bytes_count_once():
    result = after_handshake(
        Packet(100, b"abc"), Packet(106, b"ghi"), Packet(101, b"XcdefGhi"), Packet(109, b"j")
    )
    assert result.parts() == [b"abcdefghij"]
    assert conflicts(result) == [(6, 1, 8)]


def test_over_several_segments_and_a_hole():
    first = [Packet(100, b"ab"), Packet(102, b"cd"), Packet(110, b"kl")]
    filler = [Packet(500 + n, b"z", ack=112, reverse=True) for n in range(300)]
    again = Packet(101, b"bcd------XL", ack=800)
    result = after_handshake(*first, *filler, again)
    assert result.parts() == [b"abcd", (6, "not_captured"), b"kl"]
    assert conflicts(result) == [(307, 10, 2)]


def test_what_the_capture_cut_off_is_not_compared():
    kept = after_handshake(Packet(100, b"abcdef", cut=3), Packet(100, b"abcXYZ"))
    assert conflicts(kept) == []
    again = after_handshake(Packet(100, b"abcdef"), Packet(100, b"abXYZ", cut=3))
    assert conflicts(again) == []


def test_a_keep_alive_may_carry_any_byte():
    """RFC 9293 §3.8.4: one garbage octet."""
    assert conflicts(after_handshake(Packet(100, b"abc"), Packet(102, b"\0"))) == []


def test_in_the_last_segment_with_its_fin():
    packets = [Packet(100, b"abc", FIN | ACK, ack=500), Packet(100, b"abX", FIN | PSH | ACK)]
    result = after_handshake(*packets)
    assert result.parts() == [b"abc"]
    assert conflicts(result) == [(5, 2, 1)]


def test_mid_stream():
    again = Packet(5_000, b"abX")
    many = [Packet(5_003 + n, b"-") for n in range(limits.HOLD_SEGMENTS)]
    assert conflicts(run([Packet(5_000, b"abc"), *many, again])) == [(66, 2, 1)]
    assert conflicts(run([Packet(5_000, b"abc"), again, *many])) == [(2, 2, 1)]


def test_long_ago_and_in_any_batches():
    packets = [*handshake(), Packet(100, b"abc", ack=500)]
    packets += [Packet(103 + 100 * n, bytes(100), ack=500) for n in range(30)]
    packets += [Packet(100, b"abX", ack=500)]
    assert conflicts(run(packets)) == [(35, 2, 1)]
    for cut in range(len(packets)):
        assert snapshot(run(packets, [cut])) == snapshot(run(packets))


def test_bytes_that_cannot_be_read_again_are_not_compared():
    for kept in (b"", b"a"):
        tracker = TcpTracker([Ends()], Recorder(), lambda *_, kept=kept: kept)
        tracker.feed(build([*handshake(), Packet(100, b"abc"), Packet(100, b"abX")]))
        assert tracker.connections[0].directions[0].stats.overlap_conflicts == 0


def test_a_segment_over_very_many_others_is_compared_with_the_first_ones():
    many = [Packet(100 + n, b"a") for n in range(200)]
    for at, found in ((limits.MAX_OVERLAPPED - 1, True), (limits.MAX_OVERLAPPED, False)):
        again = Packet(100, b"a" * at + b"X" + b"a" * (199 - at))
        assert bool(conflicts(after_handshake(*many, again))) == found


def test_long_after_in_the_columns(monkeypatch):
    """Rows of segments wait before they move into columns; both are looked through."""
    plain = [Packet(100 + n, bytes([n & 0xFF]), ack=500) for n in range(1200)]
    for at in (0, 3, 700, 1199):
        again = Packet(100 + at, bytes([at & 0xFF ^ 1]) + b"?" * 3, ack=500)
        for least in (1, 1 << 30):
            monkeypatch.setattr(limits, "FAST_SEGMENTS", least)
            result = after_handshake(*plain, again)
            assert conflicts(result) == [(1204, at, 4)]


def test_comparisons_end_somewhere(monkeypatch):
    again = [Packet(100 + n, b"XYZ"[n : n + 1], flags=ACK | PSH) for n in range(3)]
    packets = [Packet(100, b"abcd"), *again]
    assert len(conflicts(after_handshake(*packets))) == 3
    monkeypatch.setattr(limits, "FREE_COMPARISONS", 2)
    result = after_handshake(*packets)
    assert len(conflicts(result)) == 2 and result.tracker.overflows
