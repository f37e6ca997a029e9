"""What is measured and counted per connection and direction besides the streams."""

import io
import struct
from dataclasses import replace

import pytest

from analyzer.export.tcp import tcp_object
from analyzer.options import Options
from analyzer.session import Session
from analyzer.tcp.options import SynOptions
from tests.analyzer import talk, wire
from tests.analyzer.tcp_builder import ACK, SYN, Packet, handshake, run

SCALE = b"\x02\x04\x05\xb4\x01\x03\x03\x07"  # MSS 1460, shift 7


def connection(packets, **options):
    return run(packets, **options).tracker.connections[0]


def test_round_trips_of_the_handshake():
    packets = [
        Packet(99, flags=SYN, time_ms=0, options=SCALE),
        Packet(499, flags=SYN | ACK, ack=100, reverse=True, time_ms=30, options=SCALE),
        Packet(100, ack=500, time_ms=32),
        Packet(100, b"abc", ack=500, time_ms=90),
    ]
    for cuts in ((), (1, 2, 3)):
        found = connection(packets, cuts=cuts).handshake
        assert (found.server_ns, found.client_ns) == (30_000_000, 2_000_000)
        assert found.isn == [99, 499] and found.options == [SynOptions(1460, 7)] * 2
    del packets[2]
    assert connection(packets).handshake.client_ns == 60_000_000


def test_a_syn_sent_twice_tells_no_round_trip_but_its_copy_does():
    packets = handshake()
    for packet, time_ms in zip(packets, (0, 1010, 1020), strict=True):
        packet.time_ms = time_ms
    data = Packet(100, b"abc", ack=500, time_ms=1050)
    again = Packet(99, flags=SYN, time_ms=1000)
    found = connection([packets[0], again, *packets[1:], data]).handshake
    assert (found.server_ns, found.client_ns) == (None, 10_000_000)
    again.time_ms = 20  # seen by another tap
    found = connection([packets[0], again, *packets[1:], data]).handshake
    assert found.server_ns == 1_010_000_000


def test_round_trips_of_data():
    packets = [
        *handshake(),
        Packet(100, bytes(10), ack=500, time_ms=100),
        Packet(110, bytes(10), ack=500, time_ms=101),
        Packet(500, ack=120, reverse=True, time_ms=107),
        Packet(120, bytes(10), ack=500, time_ms=200),
        Packet(500, ack=130, reverse=True, time_ms=203),
    ]
    trips = connection(packets).directions[0].round_trips
    assert (trips.samples, trips.lowest_ns, trips.highest_ns) == (3, 3_000_000, 7_000_000)
    assert trips.mean_ns == 16_000_000 // 3
    assert connection(packets).directions[1].round_trips.mean_ns is None


def test_an_acknowledgement_of_what_was_sent_twice_is_not_measured():
    packets = [
        *handshake(),
        Packet(100, bytes(10), ack=500, time_ms=100),
        Packet(100, bytes(10), ack=500, time_ms=400),
        Packet(500, ack=110, reverse=True, time_ms=407),
    ]
    assert connection(packets).directions[0].round_trips.samples == 0


def test_long_streams_are_timed_at_every_16_kib():
    packets = [*handshake()]
    for number in range(100):
        at = 100 + 1000 * number
        packets.append(Packet(at, bytes(1000), ack=500, time_ms=10 + number))
        packets.append(Packet(500, ack=at + 1000, reverse=True, time_ms=10.5 + number))
    trips = connection(packets).directions[0].round_trips
    assert trips.samples == 16 + 100_000 // 16384 - 16_000 // 16384
    assert trips.lowest_ns == trips.highest_ns == 500_000


def test_windows_and_their_scale():
    packets = handshake()
    packets[0].options = packets[1].options = SCALE
    packets += [
        Packet(100, b"a", ack=500, window=700),
        Packet(500, ack=101, reverse=True, window=40),
        Packet(500, ack=101, reverse=True, window=90),
    ]
    found = connection(packets)
    assert (found.directions[0].window.lowest, found.directions[0].window.highest) == (700, 700)
    assert (found.directions[1].window.lowest, found.directions[1].window.highest) == (40, 90)
    assert found.handshake.scale(1) == 7
    assert connection(packets[3:]).handshake.scale(1) is None
    packets[0].options = b""
    assert connection(packets).handshake.scale(1) == 0


@pytest.mark.parametrize("cuts", [(), range(70)])
def test_headers_are_counted_with_their_options(cuts):
    stamps = b"\x01\x01\x08\x0a" + bytes(8)  # RFC 7323 §3.2
    packets = [Packet(100 + n, b"a", ack=500, options=stamps) for n in range(60)]
    packets += [Packet(160, ack=500, options=stamps), Packet(160, b"a", ack=500)]
    found = connection([*handshake(), *packets], cuts=cuts).directions[0].stats
    assert (found.segments, found.header_bytes) == (61, 60 * 32 + 20)


def test_a_closed_window_with_its_times():
    packets = [
        *handshake(),
        Packet(100, b"abc", ack=500, time_ms=10),
        Packet(500, ack=103, reverse=True, window=0, time_ms=20),
        Packet(500, ack=103, reverse=True, window=900, time_ms=45),
        Packet(500, ack=103, reverse=True, window=0, time_ms=60),
        Packet(103, b"d", ack=500, time_ms=75),
    ]
    direction = connection(packets).directions[1]
    assert [(stall.frame, stall.start_ns, stall.end_ns) for stall in direction.stalls()] == [
        (5, 20_000_000, 45_000_000),
        (7, 60_000_000, None),
    ]
    assert direction.stats.zero_window_ns == 25_000_000 + 15_000_000


def test_what_is_older_opens_no_window_and_shuts_none():
    """Two taps 20 ms apart: each frame comes again, late."""
    shut = Packet(500, ack=103, reverse=True, window=0, ident=7)
    late = Packet(500, ack=101, reverse=True, window=900, ident=6)
    opened = Packet(500, ack=103, reverse=True, window=900, ident=8)
    packets = [*handshake(), Packet(100, b"abc", ack=500, time_ms=1)]
    packets += [replace(late, time_ms=2), replace(shut, time_ms=5), replace(late, time_ms=22)]
    packets += [replace(shut, time_ms=25), replace(opened, time_ms=30)]
    packets += [replace(shut, time_ms=31), replace(opened, time_ms=50)]
    direction = connection(packets).directions[1]
    assert [(each.start_ns, each.end_ns) for each in direction.stalls()] == [
        (5_000_000, 30_000_000)
    ]


def test_other_bytes_for_the_same_place_are_told_with_it():
    packets = [
        *handshake(),
        Packet(100, b"ab", ack=500),
        Packet(110, b"0123456789", ack=500),
        Packet(108, b"xx01X3", ack=500),
    ]
    direction = connection(packets).directions[0]
    events = list(direction.events.of("overlap_conflict"))
    assert [(event.frame, event.offset, event.length) for event in events] == [(6, 12, 2)]
    assert direction.stats.overlap_conflicts == 1


def dumped(client: bytes, server: bytes, isn: tuple[int, int] = (1000, 2000)) -> bytes:
    """A capture as MediaMTX writes it with `dumpPackets`: what its sockets read and wrote."""
    ends = {True: ("::ffff:10.0.0.1", 50000), False: ("::ffff:10.0.0.2", 1935)}
    sent = {True: isn[0], False: isn[1]}
    frames: list[wire.Frame] = []

    def add(from_client: bool, payload: bytes, flags: int, window: int) -> None:
        first, second = ends[from_client], ends[not from_client]
        ack = sent[not from_client] if flags & 0x10 else 0
        head = struct.pack(">HHII", first[1], second[1], sent[from_client], ack)
        body = head + struct.pack(">BBHHH", 0x50, flags, window, 0, 0) + payload
        kind = {"following": 6}
        if len(body) > 0xFFFF:  # what the library makes of it: RFC 2675
            body = struct.pack(">BBBBI", 6, 0, 0xC2, 4, len(body) + 8) + body
            kind = {"following": 0, "length": 0}
        packet = wire.ip6(body, source=first[0], target=second[0], **kind)
        frames.append((10**18 + 10**6 * len(frames), wire.ethernet(packet, 0x86DD)))
        sent[from_client] += len(payload) + (flags >> 1 & 1)

    add(True, b"", 0x02, 65535)
    add(False, b"", 0x12, 65535)
    add(True, b"", 0x10, 65535)
    for at in range(0, max(len(client), len(server)), 1 << 16):
        for from_client, stream in ((True, client), (False, server)):
            if stream[at : at + (1 << 16)]:
                add(from_client, stream[at : at + (1 << 16)], 0x18, 14600)
    return wire.pcapng(frames)


@pytest.mark.parametrize(("isn", "synthetic"), [((1000, 2000), True), ((1000, 2001), False)])
def test_what_a_server_dumped_is_known_as_such(isn, synthetic):
    video = [talk.Message(6, 9, 1, 40 * n, b"\x27\x01\0\0\0" + bytes(40_000)) for n in range(9)]
    greeting = b"\x03" + bytes(range(256)) * 12
    messages = [*talk.publish(), *video]
    streams = [greeting + bytes(talk.build(each).data) for each in (messages, talk.answer())]
    session = Session([io.BytesIO(dumped(*streams, isn=isn))])
    session.run()
    (found,) = session.connections
    assert found.tcp_connection.handshake.synthetic == synthetic
    assert tcp_object(found)["synthetic"] == synthetic
    assert len(session.messages) == len(messages) + len(talk.answer())
    assert str(found.client) == "[::ffff:10.0.0.1]:50000"
    assert not any(direction.gaps for direction in found.tcp_connection.directions)
    session.close()


def test_one_side_alone():
    data = talk.pcap(talk.publish(), [])
    session = Session([io.BytesIO(data)])
    session.run()
    assert session.connections[0].both_directions  # the server's handshake is payload
    one = connection([*handshake(), Packet(100, b"abc", ack=500)])
    assert one.one_sided
    session.close()


def summed(data: bytes) -> int:
    total = sum(struct.unpack(f">{len(data + b'x') // 2}H", data + bytes(len(data) % 2)))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def with_checksums(data: bytes, wrong: int, kind: str) -> bytes:
    """Give every TCP segment of a pcap its checksum; the `wrong`th frame with payload gets none
    that fits (`bad`) or the one a card is to finish (`offloaded`)."""
    header, records = wire.records(data)
    out, count, ip, tcp = [header], 0, 16 + 14, 16 + 14 + 20
    for record in records:
        segment = record[tcp:]
        pseudo = record[ip + 12 : ip + 20] + struct.pack(">HH", 6, len(segment))
        value = ~summed(pseudo + segment) & 0xFFFF
        if len(segment) > 20:
            count += 1
            if count == wrong:
                value = value ^ 0x5555 if kind == "bad" else summed(pseudo)
        out.append(record[: tcp + 16] + struct.pack(">H", value) + record[tcp + 18 :])
    return b"".join(out)


@pytest.mark.parametrize(("kind", "bad"), [("bad", 1), ("offloaded", 0)])
def test_checksums_are_checked_where_asked_for(kind, bad):
    data = with_checksums(talk.pcap(talk.publish(), talk.answer(), 333), 9, kind)
    for check, expected in ((True, bad), (False, 0)):
        session = Session([io.BytesIO(data)], Options(check_checksums=check))
        session.run()
        assert session.link.counters.bad_checksums == expected
        directions = session.connections[0].tcp_connection.directions
        assert sum(each.stats.bad_checksums for each in directions) == expected
        gaps = [gap for each in directions for gap in each.gaps]
        shown = tcp_object(session.connections[0])
        assert sum(shown[way]["bad_checksums"] for way in ("c2s", "s2c")) == expected
        events = [event for each in directions for event in each.events.of("bad_checksum")]
        assert len(gaps) == len(events) == expected
        assert [event.offset for event in events] == [gap.offset for gap in gaps]
        session.close()
