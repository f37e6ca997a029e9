"""IEEE 802.11 frames, built with scapy."""

import struct

import pytest
from scapy.layers.dot11 import Dot11, Dot11FCS, Dot11QoS, RadioTap
from scapy.layers.inet import IP, TCP
from scapy.layers.l2 import LLC, SNAP

from analyzer.link import Flow
from tests.analyzer.test_link import batch, decode, payloads

HELLO = b"hello, station"
# Frame Control flags: 1 to DS, 2 from DS, 4 more fragments, 0x40 protected, 0x80 HT Control.
FLOW = Flow("10.0.0.1", 5000, "10.0.0.2", 1935)
DATA = LLC(dsap=0xAA, ssap=0xAA, ctrl=3) / SNAP() / IP(src="10.0.0.1", dst="10.0.0.2")
DATA = DATA / TCP(sport=5000, dport=1935, flags="PA") / HELLO
ENDS = {"addr1": "00:11:22:33:44:55", "addr2": "66:77:88:99:aa:bb", "addr3": "00:00:00:00:00:01"}
TO_AP = Dot11(type=2, subtype=0, FCfield=1, **ENDS)
WITH_FCS = Dot11FCS(type=2, subtype=0, FCfield=1, **ENDS)
BRIDGE = Dot11(type=2, subtype=0, FCfield=3, addr4="00:00:00:00:00:02", **ENDS)
QOS = Dot11(type=2, subtype=8, FCfield=2, **ENDS) / Dot11QoS()
ORDER = Dot11(type=2, subtype=8, FCfield=0x82, **ENDS)


def radiotap(frame: bytes, flags: int, present: int = 0x0000000F) -> bytes:
    """TSFT, Flags, Rate, Channel; a second Present word where bit 31 says so."""
    more = struct.pack("<I", 0) if present >> 31 else b""
    head = 8 + len(more)
    pad = bytes(-head % 8)
    fields = pad + bytes(8) + bytes((flags, 2)) + bytes(4)
    return struct.pack("<BBHI", 0, 0, head + len(fields), present) + more + fields + frame


def aggregate(*bodies: bytes) -> bytes:
    """An A-MSDU: subframes padded to four bytes, but for the last one."""
    parts = [bytes(12) + struct.pack(">H", len(body)) + body for body in bodies]
    padded = [part + bytes(-len(part) % 4) for part in parts[:-1]] + parts[-1:]
    head = bytes(Dot11(type=2, subtype=8, FCfield=2, **ENDS)) + b"\x80\0"
    return head + b"".join(padded)


@pytest.mark.parametrize(
    ("link", "frame"),
    [
        (105, bytes(TO_AP / DATA)),
        (105, bytes(TO_AP / DATA) + b"FCS!"),
        (105, bytes(BRIDGE / DATA)),
        (105, bytes(QOS / DATA)),
        (105, bytes(ORDER) + bytes(6) + bytes(DATA)),
        (105, aggregate(bytes(DATA))),
        (127, bytes(RadioTap() / TO_AP / DATA)),
        (127, bytes(RadioTap(present="Flags", Flags="FCS") / WITH_FCS / DATA)),
        (127, radiotap(bytes(QOS / DATA) + b"FCS!", 0x10)),
        (127, radiotap(bytes(QOS) + bytes(2) + bytes(DATA), 0x20)),
        (127, radiotap(bytes(TO_AP / DATA) + b"FCS!", 0x10, 0x8000000F)),
    ],
)
def test_open_frames(link: int, frame: bytes) -> None:
    found, layer = decode(batch([frame], link))
    assert payloads(found) == [HELLO]
    assert list(layer.flows) == [FLOW]
    assert layer.counters.malformed == 0


def test_all_parts_of_an_aggregate_are_read() -> None:
    found, layer = decode(batch([aggregate(bytes(DATA), b"\0" * 9, bytes(DATA))], 105))
    assert payloads(found) == [HELLO, HELLO]
    assert layer.counters.not_ip == 1


def test_what_is_no_open_data() -> None:
    protected = bytes(Dot11(type=2, FCfield=0x41, **ENDS)) + bytes(40)
    beacon = bytes(Dot11(type=0, subtype=8, **ENDS)) + bytes(40)
    null = bytes(Dot11(type=2, subtype=4, **ENDS))
    fragment = bytes(Dot11(type=2, FCfield=5, **ENDS) / DATA)
    bad_fcs = radiotap(bytes(TO_AP / DATA) + b"FCS!", 0x50)
    frames = [protected, beacon, null, fragment, bad_fcs]
    found, layer = decode(batch(frames, [105, 105, 105, 105, 127]))
    counters = layer.counters
    assert not len(found)
    assert (counters.protected, counters.not_ip, counters.fragments) == (1, 2, 1)
    assert counters.malformed == 1
    for frame, link in ((bytes(QOS / DATA), 105), (radiotap(bytes(QOS / DATA), 0), 127)):
        for size in range(len(frame) - len(HELLO)):
            decode(batch([frame[:size]], link))
