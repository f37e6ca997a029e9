"""One RTMP conversation in every wrapping: files, link layers, tunnels, fragments, damage.

What matters is the same everywhere: no message is lost, none is invented, and what is missing is
said. dpkt and scapy build frames here where they are right; both misread some of these files.
"""

import bz2
import gzip
import io
import lzma
import random
import struct
import zipfile
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import dpkt
import pytest
from scapy.layers.inet import IP, UDP, fragment
from scapy.layers.inet6 import IPv6, IPv6ExtHdrFragment, fragment6
from scapy.layers.l2 import GRE
from scapy.layers.ppp import PPPoE
from scapy.layers.vxlan import VXLAN

from analyzer import cli
from analyzer.session import Session
from analyzer.sources import NO_LINK
from tests.analyzer import talk, wire
from tests.dissectors.chunk_builder import build

EPOCH = 1_700_000_000 * 10**9
GREETING = b"\x03" + random.Random(3).randbytes(1536) * 2
STREAMS = [GREETING + bytes(build(each).data) for each in (talk.publish(), talk.answer())]
MESSAGES = len(talk.publish()) + len(talk.answer())
Frame = wire.Frame


def conversation(six: bool = False, size: int = 700) -> list[Frame]:
    """IP packets of the whole conversation, with a SYN and an acknowledgement of all."""
    ends = ((wire.A6, wire.B6) if six else (wire.A4, wire.B4), (50000, 1935))
    sent, frames = [1000, 2000], []

    def add(side: int, payload: bytes, flags: int) -> None:
        (addresses, ports), other = ends, 1 - side
        head = struct.pack(">HHII", ports[side], ports[other], sent[side], sent[other])
        body = head + struct.pack(">BBHHH", 0x50, flags, 512, 0, 0) + payload
        ends_ = {"source": addresses[side], "target": addresses[other]}
        packet = wire.ip6(body, **ends_) if six else wire.ip4(body, ident=len(frames), **ends_)
        frames.append((EPOCH + 10**6 * len(frames), packet))
        sent[side] += len(payload) + (flags >> 1 & 1)

    add(0, b"", 0x02)
    add(1, b"", 0x12)
    for at in range(0, max(map(len, STREAMS)), size):
        for side, stream in enumerate(STREAMS):
            if stream[at : at + size]:
                add(side, stream[at : at + size], 0x18)
    add(0, b"", 0x11)
    add(1, b"", 0x11)
    add(0, b"", 0x10)
    return frames


IP4 = conversation()
IP6 = conversation(six=True)
ETHERNET = [(time, wire.ethernet(packet)) for time, packet in IP4]
PLAIN = wire.pcap(ETHERNET)


def analysed(data: bytes | str) -> Session:
    session = Session([io.BytesIO(data) if isinstance(data, bytes) else data])
    session.run()
    return session


def whole(session: Session) -> bool:
    """Whether every message is there with all its bytes, and no stream has a gap."""
    tables = [
        (session.value(row, "direction"), session.value(row, "type_id"), session.body(row).data)
        for row in session.order().tolist()
    ]
    gaps = [gap for stream in session.streams() for gap in stream.gaps]
    sides = enumerate((talk.publish(), talk.answer()))
    sent = [(side, each.type, each.body) for side, messages in sides for each in messages]
    return sorted(tables) == sorted(sent) and not gaps


# -- files ---------------------------------------------------------------------------------


def modified() -> bytes:
    """Kuznetzov's: records of 24 bytes."""
    out = [struct.pack("<IHHiIII", 0xA1B2CD34, 2, 4, 0, 0, 262144, 1)]
    for time, data in ETHERNET:
        stamp = divmod(time // 1000, 10**6)
        out.append(struct.pack("<IIIIIHBB", *stamp, len(data), len(data), 1, 8, 0, 0) + data)
    return b"".join(out)


def several_interfaces() -> bytes:
    """Three link types, one of them declared late, and a section in the other byte order."""
    out = [wire.section(), wire.interface(1, "<", 9), wire.interface(101, "<", 9)]
    third = len(ETHERNET) // 3
    for number, (time, packet) in enumerate(IP4[: 2 * third]):
        if number == third:
            out.append(wire.interface(113, "<", 9))
        cooked = bytes(14) + b"\x08\0" + packet
        data = (wire.ethernet(packet), packet, cooked)[number % (3 if number >= third else 2)]
        which = number % (3 if number >= third else 2)
        out.append(wire.enhanced(time, data, which))
    out += [wire.section(">"), wire.interface(101, ">", 9)]
    out += [wire.enhanced(time, packet, 0, ">") for time, packet in IP4[2 * third :]]
    return b"".join(out)


def other_blocks() -> bytes:
    """Custom, unknown, name, statistics and secrets blocks between the packets."""
    blocks = [wire.block(kind, bytes(range(40))) for kind in (0xBAD, 4, 5, 0x40000BAD, 0x777)]
    secrets = wire.block(10, struct.pack("<II", 0x544C534B, 8) + b"SECRETS!")
    out = [wire.section(), wire.interface(1, "<", 9), secrets]
    for number, (time, data) in enumerate(ETHERNET):
        out += [wire.enhanced(time, data), blocks[number % 5]]
    return b"".join(out)


def shifted() -> bytes:
    """if_tsresol 2^-20 and if_tsoffset."""
    out = [wire.section(), wire.interface(1, "<", 0x94, EPOCH // 10**9)]
    for time, data in ETHERNET:
        out.append(wire.enhanced((time - EPOCH) * (1 << 20) // 10**9, data))
    return b"".join(out)


def zstd(data: bytes) -> bytes:
    package = pytest.importorskip("zstandard", reason="zstandard is not installed")
    return bytes(package.ZstdCompressor().compress(data))


def lz4(data: bytes) -> bytes:
    pytest.importorskip("lz4", reason="lz4 is not installed")
    return bytes(import_module("lz4.frame").compress(data))


FILES: dict[str, Callable[[], bytes]] = {
    "little-endian, microseconds": lambda: PLAIN,
    "big-endian": lambda: wire.pcap(ETHERNET, order=">"),
    "nanoseconds": lambda: wire.pcap(ETHERNET, nanoseconds=True),
    "big-endian, nanoseconds": lambda: wire.pcap(ETHERNET, order=">", nanoseconds=True),
    "modified": modified,
    "pcapng": lambda: wire.pcapng(ETHERNET),
    "pcapng, big-endian": lambda: wire.pcapng(ETHERNET, order=">"),
    "pcapng, interfaces and sections": several_interfaces,
    "pcapng, other blocks": other_blocks,
    "pcapng, clock": shifted,
    "pcapng, simple packets": lambda: wire.section() + wire.interface()
    + b"".join(wire.simple(data) for _, data in ETHERNET),
    "pcapng, obsolete packets": lambda: wire.section() + wire.interface(1, "<", 9)
    + b"".join(wire.old_packet(time, data) for time, data in ETHERNET),
    "gzip": lambda: gzip.compress(PLAIN),
    "bzip2": lambda: bz2.compress(PLAIN),
    "xz": lambda: lzma.compress(PLAIN),
    "zstd": lambda: zstd(PLAIN),
    "lz4": lambda: lz4(PLAIN),
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_files(name: str) -> None:
    session = analysed(FILES[name]())
    assert whole(session)
    assert session.packets == len(ETHERNET) and not session.captures.problems
    if "simple" not in name:
        assert session.capture_start_ns == EPOCH
        assert session.capture.duration_ns == pytest.approx(10**6 * (len(ETHERNET) - 1), abs=1000)
    session.close()


def test_archive_and_rotated_set(tmp_path: Path) -> None:
    cut = len(ETHERNET) // 2
    parts = [wire.pcap(ETHERNET[:cut]), wire.pcapng(ETHERNET[cut:])]
    for number, part in enumerate(parts):
        (tmp_path / f"{number}.pcap").write_bytes(part)
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for number, part in enumerate(parts):
            archive.writestr(f"folder/{number}.pcap", part)
    for paths in (
        [str(tmp_path / "0.pcap"), str(tmp_path / "1.pcap")],
        [str(tmp_path / "all.zip")],
    ):
        session = Session(paths)
        session.run()
        assert whole(session) and session.packets == len(ETHERNET)
        assert not session.captures.problems
        session.close()


# -- damage: what is before it counts, and it is said ----------------------------------------

BAD_BLOCK = struct.pack("<II", 6, 0x7FFFFFFC) + bytes(60)
DAMAGE: dict[str, tuple[Callable[[], bytes], str, int]] = {
    "record cut": (lambda: PLAIN[:-3], "torn", 1),
    "record header cut": (lambda: PLAIN + bytes(9), "torn", 0),
    "record of 2 GB": (lambda: PLAIN + struct.pack("<IIII", 1, 0, 1 << 31, 60), "oversized", 0),
    "zero-filled tail": (lambda: PLAIN + bytes(5000), "zero_filled", 0),
    "block cut": (lambda: wire.pcapng(ETHERNET)[:-3], "torn", 1),
    "block of 2 GB": (lambda: wire.pcapng(ETHERNET) + BAD_BLOCK, "bad_block", 0),
    "bad trailer": (lambda: wire.pcapng(ETHERNET) + wire.simple(b"x")[:-4] + bytes(4), "", 0),
    "gzip cut": (lambda: gzip.compress(PLAIN)[:-30], "torn_compression", -1),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_at_the_end(name: str) -> None:
    build_file, code, lost = DAMAGE[name]
    session = analysed(build_file())
    assert len(session.captures.problems) == 1, session.captures.problems
    assert code in session.captures.problems[0].code
    assert session.capture.truncated
    if lost >= 0:
        assert session.packets == len(ETHERNET) - lost and whole(session)
    assert [item.rule for item in session.diagnostics].count("CAP-08") == 1
    session.close()


def test_a_packet_of_an_interface_that_is_not_there() -> None:
    out = [wire.section(), wire.interface(1, "<", 9)]
    out += [wire.enhanced(time, data) for time, data in ETHERNET]
    out.insert(9, wire.enhanced(EPOCH, b"lost", 5))
    session = analysed(b"".join(out))
    assert whole(session)
    assert session.link.counters.unreadable == 1 and len(session.captures.problems) == 1
    assert session.packets == len(ETHERNET) + 1 and NO_LINK < 0
    session.close()


def test_snaplen_leaves_gaps_in_place_and_no_false_message() -> None:
    frames = b"".join(
        struct.pack("<IIII", 1, number * 1000, min(len(data), 96), len(data)) + data[:96]
        for number, (_, data) in enumerate(ETHERNET)
    )
    session = analysed(wire.pcap([])[:24] + frames)
    (first, second) = session.connections[0].tcp_connection.directions
    assert [first.length, second.length] == [len(stream) for stream in STREAMS]
    assert {gap.reason for gap in first.gaps} == {"snaplen"}
    assert len(session.messages) <= MESSAGES
    session.close()


@pytest.mark.parametrize(
    ("data", "code"),
    [(b"", cli.UNREADABLE), (PLAIN[:20], cli.UNREADABLE), (b"x" * 99, cli.UNREADABLE),
     (wire.pcap(ETHERNET, link=220), cli.UNREADABLE), (wire.pcap([]), cli.INCONCLUSIVE),
     (PLAIN, cli.OK), (PLAIN[:-3], cli.OK)],
)  # fmt: skip
def test_exit_codes(
    data: bytes, code: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "capture"
    path.write_bytes(data)
    assert cli.main([str(path), "-F", "list"]) == code
    assert (capsys.readouterr().err == "") == (code == cli.OK)


# -- link layers and tunnels -----------------------------------------------------------------


def tag(packet: bytes, *types: int) -> bytes:
    """Ethernet with VLAN tags."""
    tags = b"".join(struct.pack(">HH", kind, 7) for kind in types)
    return bytes(12) + tags + b"\x08\0" + packet


def through(outer: object) -> Callable[[bytes], bytes]:
    """scapy's layers around an inner IP packet."""
    return lambda packet: bytes(outer / IP(packet))  # type: ignore[operator]


UDP_HEAD = IP(src="1.1.1.1", dst="2.2.2.2")
SLL = struct.pack(">HHH8sH", 0, 1, 6, b"\0" * 8, 0x0800)
SLL2 = struct.pack(">HHIHBB8s", 0x0800, 0, 2, 1, 0, 6, b"\0" * 8)
LLC = b"\xaa\xaa\x03\0\0\0\x08\0"
LINKS: dict[str, tuple[int, Callable[[bytes], bytes]]] = {
    "Ethernet, padded, with FCS": (1, lambda p: (wire.ethernet(p)).ljust(60, b"\0") + b"FCS!"),
    "dpkt's Ethernet": (1, lambda p: bytes(dpkt.ethernet.Ethernet(data=dpkt.ip.IP(p)))),
    "VLAN": (1, lambda p: tag(p, 0x8100)),
    "QinQ": (1, lambda p: tag(p, 0x88A8, 0x8100)),
    "three tags": (1, lambda p: tag(p, 0x8100, 0x8100, 0x8100)),
    "PPPoE": (1, lambda p: wire.ethernet(bytes(PPPoE(len=len(p) + 2)) + b"\0\x21" + p, 0x8864)),
    "MPLS": (1, lambda p: wire.ethernet(b"\0\x01\0\x40\0\x02\x01\x40" + p, 0x8847)),
    "LLC and SNAP": (1, lambda p: wire.ethernet(LLC + p, len(LLC + p)).ljust(60, b"\0")),
    "PPP": (9, lambda p: b"\xff\x03\0\x21" + p),
    "NULL": (0, lambda p: b"\2\0\0\0" + p),
    "LOOP": (108, lambda p: b"\0\0\0\2" + p),
    "SLL": (113, lambda p: SLL + p),
    "SLL2": (276, lambda p: SLL2 + p),
    "RAW": (101, lambda p: p),
    "RAW 12": (12, lambda p: p),
    "RAW 14": (14, lambda p: p),
    "IPv4": (228, lambda p: p),
    "802.11": (105, lambda p: b"\x08\x01" + bytes(22) + LLC + p),
    "radiotap": (127, lambda p: b"\0\0\x08\0\0\0\0\0\x08\x02" + bytes(22) + LLC + p),
    "GRE": (101, through(UDP_HEAD / GRE())),
    "IP in IP": (101, through(UDP_HEAD)),
    "VXLAN": (101, lambda p: bytes(UDP_HEAD / UDP(dport=4789) / VXLAN(vni=9) / wire.ethernet(p))),
    "Geneve": (101, lambda p: wire.ip4(wire.udp(b"\0\0\x08\0" + bytes(4) + p, 6081), 17)),
    "GTP-U": (101, lambda p: wire.ip4(wire.udp(b"\x30\xff" + bytes(6) + p, 2152), 17)),
    "no total length (TSO)": (1, lambda p: wire.ethernet(p[:2] + b"\0\0" + p[4:])),
    "twice (SPAN port)": (1, lambda p: wire.ethernet(p)),
}


@pytest.mark.parametrize("name", LINKS)
def test_links(name: str) -> None:
    link, wrap = LINKS[name]
    copies = 2 if "twice" in name else 1
    frames = [
        (time + 20_000 * copy, wrap(packet)) for time, packet in IP4 for copy in range(copies)
    ]
    session = analysed(wire.pcap(frames, link=link, nanoseconds=True))
    assert whole(session), name
    (found,) = session.connections
    for direction in found.tcp_connection.directions:
        stats = direction.stats
        assert (stats.retransmitted, stats.out_of_order) == (0, 0)
        assert stats.duplicates == (stats.segments // 2 if copies == 2 else 0)
    session.close()


def test_large_frames_and_ipv6() -> None:
    for six, size in ((True, 700), (True, 60_000), (False, 60_000)):
        packets = conversation(six, size)
        session = analysed(wire.pcap(packets, link=101))
        assert whole(session)
        session.close()


def test_fragments_in_any_order() -> None:
    dice = random.Random(1)
    four: list[Frame] = []
    six: list[Frame] = []
    for time, packet in IP4:
        pieces = [bytes(piece) for piece in fragment(IP(packet), 200)]
        dice.shuffle(pieces)
        four += [(time, piece) for piece in pieces]
    for number, (time, packet) in enumerate(IP6):
        header, body = IPv6(packet[:40]), packet[40:]
        header.nh, header.plen = 44, None
        whole_packet = header / IPv6ExtHdrFragment(nh=6, id=number) / body
        pieces = [bytes(piece) for piece in fragment6(whole_packet, 300)]
        dice.shuffle(pieces)
        six += [(time, piece) for piece in pieces]
    for frames, link in ((four, 101), (six, 101)):
        assert len(frames) > len(IP4) + 10
        session = analysed(wire.pcap(frames, link=link))
        assert whole(session) and not session.link.counters.incomplete
        session.close()


# -- order and segmentation change nothing ----------------------------------------------------


@pytest.mark.parametrize("size", [1, 7, 100, 536, 1448])
@pytest.mark.parametrize("trouble", ["", "shuffled", "sent twice"])
def test_segments_change_nothing(size: int, trouble: str) -> None:
    packets = conversation(size=size)
    begin = [(EPOCH - 10**6, data) for _, data in packets[:2]]
    rest = packets[2:]
    dice = random.Random(size)
    if trouble == "sent twice":
        rest = [each for each in rest for _ in range(dice.choice((1, 1, 2)))]
    if trouble:
        places = [number + dice.randrange(40) for number in range(len(rest))]
        rest = [each for _, each in sorted(zip(places, rest, strict=True), key=lambda x: x[0])]
    frames = [(EPOCH + 10_000 * number, data) for number, (_, data) in enumerate(rest)]
    session = analysed(wire.pcap([*begin, *frames], link=101, nanoseconds=True))
    assert whole(session)
    session.close()
