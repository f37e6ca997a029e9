"""CAP rules: is the capture fit for a verdict?"""

import io
import struct

from analyzer.options import Options
from analyzer.session import Session
from analyzer.sources import Reading
from analyzer.sources.model import Problem
from tests.analyzer import wire
from tests.analyzer.rules.builder import (
    C,
    S,
    Talk,
    capture,
    command,
    found,
    good,
    picture,
    rules,
    session,
)
from tests.dissectors.bodies import NULL


def test_a_good_conversation_has_no_findings():
    assert rules(good(12)) == set()


def test_cap_01_begins_mid_stream():
    talk = good()
    whole = found(talk, "CAP-01")
    talk.packets = talk.packets[40:]
    cut = found(talk, "CAP-01")
    assert whole is None and cut is not None
    assert (cut.severity, cut.blame) == ("warning", "capture")


def test_cap_02_no_payload_of_one_side():
    talk = Talk().publishing().media(1)
    assert found(talk, "CAP-02") is None
    silent = Talk().syn()
    silent.raw(C, bytes([3]) + bytes(1536)).raw(S, bytes(3073), lost=True).raw(C, bytes(1536))
    silent.send(C, command("connect", 1, NULL)).raw(S, bytes(500), lost=True)
    item = found(silent, "CAP-02")
    assert item is not None and item.severity == "error" and item.track == "s2c"


def test_cap_02_is_the_same_for_both_sides():
    """What one side alone acknowledges tells of the other, whose SYN or SYN/ACK is missing too."""
    for port, missing in ((50000, "s2c"), (1935, "c2s")):
        talk = good()
        ports = [struct.unpack_from(">H", frame, 34)[0] for _, frame, _ in talk.packets]
        talk.packets = [
            each for each, source in zip(talk.packets, ports, strict=True) if source == port
        ]
        item = found(talk, "CAP-02")
        assert item is not None and item.track == missing


def test_cap_03_cut_by_the_snapshot_length():
    talk = Talk().publishing()
    body = talk.encoded(C, picture(0, key=True, size=900))
    talk.raw(C, body, kept=96).media(1)
    item = found(talk, "CAP-03")
    assert item is not None and item.severity == "error" and f"{len(body) - 96} bytes" in item.text
    assert found(good(), "CAP-03") is None


def test_cap_04_bytes_that_the_capture_missed():
    talk = Talk().publishing().media(0.5)
    talk.send(C, picture(500, size=400), lost=True).media(1, start=540).ending()
    item = found(talk, "CAP-04")
    assert item is not None and item.blame == "capture" and "without complaint" in item.text
    assert found(good(), "CAP-04") is None


def mediamtx(window: int = 65535, first: int = 1000) -> bytes:
    """A dump as MediaMTX writes it: IPv6, no MAC addresses, counted sequence numbers."""
    frames, sent = [], [0, 0]

    def add(side: int, payload: bytes, flags: int = 0x18) -> None:
        ports = (50000, 1935) if side == 0 else (1935, 50000)
        seq = (first, 2000)[side] + sent[side] + (0 if flags & 2 else 1)
        head = struct.pack(">HHIIBBHHH", *ports, seq, 1, 5 << 4, flags, window, 0, 0)
        ends = {"source": wire.A6, "target": wire.B6}
        if side:
            ends = {"source": wire.B6, "target": wire.A6}
        body = wire.ip6(head + payload, **ends)
        frames.append((10**9 + 10**6 * len(frames), wire.ethernet(body, 0x86DD)))
        sent[side] += len(payload)

    add(0, b"", 2)
    add(1, b"", 0x12)
    talk = Talk().publishing()
    for side in (C, S):
        add(side, b"\x03" + bytes(1536) + bytes(1536))
        data = bytes(talk.chunks[side].data)
        for at in range(0, len(data), 1000):
            add(side, data[at : at + 1000])
    return wire.pcap(frames)


def test_cap_05_a_dump_that_no_network_saw():
    def found_in(data: bytes) -> set[str]:
        session = Session([io.BytesIO(data)])
        session.run()
        return {item.rule for item in session.diagnostics}

    assert "CAP-05" in found_in(mediamtx())
    assert "CAP-05" not in found_in(mediamtx(first=77123))


def test_cap_05_closes_the_gate_of_tcp_rules():
    session = Session([io.BytesIO(mediamtx())])
    session.run()
    own = [result for result in session.judgement.results if result.rule == "NET-01"]
    assert [(r.status, "made up" in (r.reason or "")) for r in own] == [("inconclusive", True)]


def test_cap_06_another_port():
    talk = Talk(server_port=40123).publishing().media(1)
    item = found(talk, "CAP-06")
    assert item is not None and item.actual == "40123"
    assert found(good(), "CAP-06") is None


def test_cap_07_ends_before_the_connection():
    talk = Talk().publishing().media(1)
    assert found(talk, "CAP-07") is not None
    assert found(talk, "CAP-07", until_ms=talk.now + 2000) is None
    assert found(good(), "CAP-07") is None


def test_cap_08_cut_file():
    session = Session([io.BytesIO(capture(good())[:-20])])
    session.run()
    assert "CAP-08" in {item.rule for item in session.diagnostics}


def test_cap_13_what_cannot_be_read():
    protected = bytes((8, 0x41)) + bytes(62)
    whole = wire.tcp(bytes(60))
    cut = wire.ip4(whole[:12], length=20 + len(whole))
    for link, frame, track, severity in (
        (105, protected, "encrypted", "warning"),
        (101, cut, "malformed", "note"),
    ):
        read = Session([io.BytesIO(wire.pcap([(1, frame)] * 3, link))])
        read.run()
        [item] = [item for item in read.diagnostics if item.rule == "CAP-13"]
        assert (item.track, item.severity) == (track, severity) and item.text.startswith("3 ")
    assert found(good(), "CAP-13") is None


def test_cap_13_an_archive_in_the_archive():
    read = session(good())
    read.captures.files[0].remark("not_opened", "x.zip is not opened")
    [item] = [item for item in read.diagnostics if item.rule == "CAP-13"]
    assert item.severity == "warning" and "x.zip" in item.text
    assert "CAP-08" not in {item.rule for item in read.diagnostics}


def test_cap_10_files_of_the_same_time():
    """A connection that goes on in a file which begins long before the one before it ends."""
    data = capture(good())
    starts = [24]
    while starts[-1] < len(data):
        starts.append(starts[-1] + 16 + struct.unpack_from("<I", data, starts[-1] + 8)[0])
    half, end = starts[len(starts) // 2], starts[-2]
    for first, wanted in ((end, True), (half, False)):
        parts = [data[:first], data[:24] + data[half:]]
        # Live, nobody knows when an input begins; others are merged.
        live = Options(reading=Reading(live=True))
        read = Session([io.BytesIO(part) for part in parts], live)
        read.run()
        assert ("CAP-10" in {item.rule for item in read.diagnostics}) == wanted


def test_cap_09_the_capture_program_lost_packets():
    """Only a live capture knows: here its note is put where the live source leaves it."""
    read = session(good())
    read.captures.files[0].problems.append(Problem("capture_drops", "3 by the kernel", 0, 9, 3))
    [item] = [item for item in read.diagnostics if item.rule == "CAP-09"]
    assert item.severity == "warning" and "3 packets" in item.text
    assert "CAP-08" not in {item.rule for item in read.diagnostics}
    assert found(good(), "CAP-09") is None


def test_cap_11_a_reset_in_the_middle_of_a_stream_that_goes_on():
    talk = Talk().publishing().media(1)
    talk.rst(S)
    frame = len(talk.packets)
    talk.media(1, start=1000).ending()
    read = session(talk)
    [item] = [item for item in read.diagnostics if item.rule == "CAP-11"]
    assert (item.severity, item.blame, item.frame, item.track) == (
        "warning",
        "network",
        frame,
        "s2c",
    )
    assert "shows that the connection goes on" in item.text
    assert found(talk, "NET-06") is None
    assert read.connections[0].closed_by == "client.fin"
    whole = session(Talk().publishing().media(1).media(1, start=1000).ending())
    assert len(read.messages) == len(whole.messages)


def test_cap_11_numbers_out_of_the_window():
    talk = Talk().publishing().media(1)
    talk.packet(C, flags=0x04, seq=talk.sent[C] + (1 << 29))
    talk.packet(C, flags=0x11, seq=talk.sent[C] + (1 << 30))
    talk.media(1, start=1000).ending()
    item = found(talk, "CAP-11")
    assert item is not None and item.count == 2 and "out of the window" in item.text
    assert found(talk, "CAP-04") is None


def test_cap_11_data_of_a_side_that_missed_the_end():
    talk = Talk().publishing().media(1).rst(S).wait(5_300)
    talk.acking = False
    talk.media(0.5, start=6300)
    item = found(talk, "CAP-11")
    assert item is not None and item.severity == "note" and "still sent data" in item.text
    assert found(talk, "NET-06") is not None
    assert found(good(), "CAP-11") is None


def test_cap_12_other_bytes_for_the_same_place():
    talk = Talk().publishing().media(1)
    at, data = talk.sent[C], talk.encoded(C, picture(1000, size=900))
    talk.raw(C, data)
    first = len(talk.packets) - 1
    talk.wait(300).packet(C, data[:100] + b"\xee" + data[101:], seq=at)
    talk.media(1, start=1040).ending()
    item = found(talk, "CAP-12")
    assert item is not None and (item.severity, item.blame) == ("warning", "network")
    assert (
        f"stream offset {at + 100}, first in frame {first}, then in frame {item.frame};"
        in item.text
    )
    assert item.span == (at + 100, len(data) - 100)
    same = Talk().publishing().media(1)
    at, data = same.sent[C], same.encoded(C, picture(1000, size=900))
    same.raw(C, data).wait(300).packet(C, data, seq=at)
    assert found(same, "CAP-12") is None
