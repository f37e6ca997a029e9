"""Every limit of `LIMITS`, met by a capture or a message: it stands in `limits_hit`."""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

import pytest

from analyzer.bounds import LIMITS
from analyzer.export import FORMATS
from analyzer.export.request import Request
from analyzer.session import Session
from tests.analyzer import talk, wire
from tests.dissectors.bodies import num, string
from tests.dissectors.chunk_builder import Message
from tests.dissectors.media_bodies import AVCC, unit
from tests.hostile import tcp
from tests.hostile.frames import HANDSHAKE, capture, client_sends, header, set_chunk_size, tcp_frame
from tests.hostile.frames import talk as segments

FRAME: Final = wire.ethernet(wire.ip4(wire.tcp(b"\x03")))
CONFIG: Final = b"\x17\0\0\0\0" + bytes.fromhex(AVCC["crop"])


class Hit(NamedTuple):
    """What makes a limit be met: a capture, and constants that make it a small one."""

    data: Callable[[], bytes]
    smaller: Mapping[str, int] = {}


def message(type_id: int, body: bytes, before: bytes = b"") -> Callable[[], bytes]:
    sent = [Message(6, type_id, 1, 0, each) for each in (before, body) if each]
    return lambda: talk.pcap([*talk.publish(), *sent], talk.answer())


def nested(depth: int) -> bytes:
    return string("onX") + b"\x0a\0\0\0\1" * depth


def array(*values: bytes) -> bytes:
    return b"\x0a" + struct.pack(">I", len(values)) + b"".join(values)


def sets(number: int) -> bytes:
    """An AVC configuration with so many PPS."""
    body = b"\x17\0\0\0\0" + bytes.fromhex(AVCC["crop"])[:5] + b"\xe0"
    return body + bytes((number,)) + b"\0\2\x68\xce" * number


def commands(number: int) -> bytes:
    return client_sends(b"".join(header(3, 13, 20) + string("x") + num(n) for n in range(number)))


def holes() -> bytes:
    lost = [(0, HANDSHAKE), *((4000 + 700 * n, bytes(100)) for n in range(30))]
    return segments(lost)


METADATA: Final = string("onMetaData") + b"\x08\0\0\1\xf4" + b"".join(
    struct.pack(">H", 4) + b"%04d\5" % n for n in range(500)
) + b"\0\0\x09"  # fmt: skip
AC3: Final = bytes.fromhex("0b77b50b1e40ebf8").ljust(1792, b"\xff")
PART: Final = b"\x08\0\0\1" + bytes(7) + b"\xaf" + b"\0\0\0\x0c"

HITS: Final[dict[str, Hit]] = {
    "ac3_frames": Hit(message(8, b"\x91ac-3" + AC3 * 3), {"dissectors.codecs.ac3.MAX_FRAMES": 2}),
    "amf_depth": Hit(message(18, nested(100))),
    "amf_expansion": Hit(
        message(
            18,
            string("onX")
            + array(
                array(b"\5"), *[array(*[b"\x07" + struct.pack(">H", n)] * 2) for n in range(1, 30)]
            ),
        )
    ),
    "amf_values": Hit(
        message(18, string("onX") + array(*[b"\5"] * 60)), {"dissectors.amf.MAX_AMF_NODES": 50}
    ),
    "body_details": Hit(
        lambda: talk.pcap([*talk.publish(), *[Message(3, 18, 1, 0, METADATA)] * 2], talk.answer()),
        {"analyzer.bounds.FREE_FIELDS": 800},
    ),
    "body_values": Hit(message(18, METADATA), {"analyzer.rules.scope.FREE_VALUES": 0}),
    "chunk_sizes": Hit(
        lambda: client_sends(b"".join(set_chunk_size(128 + n) for n in range(20))),
        {"dissectors.assembly.MAX_CHUNK_SIZES": 9},
    ),
    "codec_configurations": Hit(
        message(9, CONFIG, CONFIG[:-1] + b"\0"), {"dissectors.connection.MAX_CONFIGS": 1}
    ),
    "command_values": Hit(lambda: commands(20), {"dissectors.budget.FREE_VALUES": 9}),
    "commands": Hit(lambda: commands(20), {"dissectors.connection.MAX_COMMANDS": 9}),
    "connections": Hit(lambda: tcp.small_connections(4), {"analyzer.bounds.MAX_CONNECTIONS": 3}),
    "encapsulation": Hit(
        lambda: capture([wire.ethernet(wire.ip4(wire.ip4(wire.tcp(b"\3")), protocol=4))]),
        {"analyzer.link.names.MAX_LAYERS": 1},
    ),
    "flows": Hit(
        lambda: capture(tcp_frame(0, b"\3", port=4000 + n) for n in range(20)),
        {"analyzer.link.model.MAX_FLOWS": 9, "analyzer.link.model.EAGER_FLOWS": 9},
    ),
    "fragments": Hit(
        lambda: capture(
            wire.ethernet(wire.ip4(wire.tcp(bytes(64))[:80], fragment=0x2000, ident=n))
            for n in range(9)
        ),
        {"analyzer.link.fragments.MAX_DATAGRAMS": 8},
    ),
    "half_open": Hit(
        lambda: capture(tcp_frame(0, b"", 2, port=4000 + n) for n in range(20)),
        {"analyzer.tcp.limits.MAX_HALF_OPEN": 9},
    ),
    "held_bytes": Hit(
        lambda: client_sends(header(3, 9_000, 20, msid=0) + bytes(128)),
        {"dissectors.assembly.MAX_HELD_BYTES": 100},
    ),
    "input": Hit(
        lambda: (
            wire.section()
            + wire.interface()
            + wire.enhanced(1, FRAME)
            + wire.block(10, struct.pack("<II", 0x544C534B, 64) + bytes(64))
        ),
        {"analyzer.sources.pcapng.MAX_SECRETS": 50},
    ),
    "interfaces": Hit(
        lambda: wire.section() + wire.interface() * 9 + wire.enhanced(1, FRAME),
        {"analyzer.sources.pcapng.MAX_INTERFACES": 8},
    ),
    "judged_connections": Hit(
        lambda: tcp.small_connections(4), {"analyzer.rules.scope.FREE_JUDGEMENTS": 1}
    ),
    "live_connections": Hit(lambda: tcp.small_connections(4), {"analyzer.tcp.limits.MAX_LIVE": 3}),
    "malformed_commands": Hit(
        lambda: client_sends((header(3, 3, 20) + b"\x02\xff\xff") * 9),
        {"dissectors.connection.MAX_FAULTS": 8},
    ),
    "message_rows": Hit(
        lambda: client_sends(header(4, 0, 9) + b"\xc4" * 900), {"analyzer.bounds.FREE_ROWS": 500}
    ),
    "message_runs": Hit(
        lambda: client_sends(
            set_chunk_size(1)
            + header(4, 90, 9)
            + b"\0"
            + header(5, 90, 9)
            + b"\0"
            + b"\xc4\0\xc5\0" * 89
        ),
        {"dissectors.assembly.MAX_RUNS": 40},
    ),
    "modex": Hit(message(9, b"\x97" + b"\2\0\0\0\7" * 40)),
    "nal_units": Hit(
        message(9, b"\x17\1\0\0\0" + unit(b"\x65\x88") * 20, CONFIG),
        {"dissectors.codecs.nal.MAX_NAL_UNITS": 9},
    ),
    "obus": Hit(message(9, b"\x91av01" + b"\x12\0" * 20), {"dissectors.codecs.av1.MAX_OBUS": 9}),
    "open_messages": Hit(
        lambda: client_sends(b"".join(header(3 + n, 900, 9) + bytes(128) for n in range(20))),
        {"dissectors.assembly.MAX_OPEN_MESSAGES": 9},
    ),
    "parameter_sets": Hit(message(9, sets(80))),
    "record_size": Hit(
        lambda: wire.pcap([(1, FRAME)]) + struct.pack("<4I", 1, 1, 1 << 30, 1 << 30)
    ),
    "reader_events": Hit(
        lambda: client_sends((header(2, 4, 1, msid=0) + bytes(4)) * 20),
        {"dissectors.assembly.MAX_EVENTS": 9},
    ),
    "runs": Hit(
        lambda: client_sends(
            set_chunk_size(1)
            + header(4, 90, 9)
            + b"\0"
            + header(5, 90, 9)
            + b"\0"
            + b"\xc4\0\xc5\0" * 89
        ),
        {"analyzer.bounds.FREE_RUNS": 10},
    ),
    "search_budget": Hit(holes, {"dissectors.budget.FREE_EFFORT": 8}),
    "sei_messages": Hit(
        message(9, b"\x17\1\0\0\0" + unit(b"\x06" + b"\5\0" * 40 + b"\x80"), CONFIG)
    ),
    "sequence_distance": Hit(
        lambda: segments([(0, HANDSHAKE), (900_000, bytes(9))]),
        {"analyzer.tcp.limits.MAX_DISTANCE": 100_000},
    ),
    "shared_object_events": Hit(
        message(19, b"\0\1x" + bytes(12) + b"\x08\0\0\0\0" * 12),
        {"dissectors.messages.shared_object.MAX_EVENTS": 11},
    ),
    "small_connections": Hit(
        lambda: tcp.small_connections(4),
        {"analyzer.tcp.limits.FREE_OPENINGS": 2, "analyzer.tcp.limits.OPENING_BYTES": 1 << 30},
    ),
    "sub_messages": Hit(
        message(22, PART * 9), {"dissectors.messages.aggregate.MAX_SUB_MESSAGES": 8}
    ),
    "tcp_buffers": Hit(holes, {"analyzer.tcp.limits.MAX_BUFFERED_SEGMENTS": 8}),
    "tracks": Hit(
        message(9, b"\x96\x11avc1" + (b"\0" + unit(bytes(3) + unit(b"\x65\x88"), 3)) * 300)
    ),
}


def report(data: bytes, detail: str) -> list[str]:
    """Return `limits_hit` of the JSON report."""
    session, out = Session([io.BytesIO(data)]), io.StringIO()
    session.run()
    FORMATS["json"].write(session, out, Request(detail=detail))
    found: list[str] = json.loads(out.getvalue())["summary"]["limits_hit"]
    lines = io.StringIO()
    FORMATS["ndjson"].write(session, lines, Request(detail=detail))
    assert json.loads(lines.getvalue().splitlines()[-1])["summary"]["limits_hit"] == found
    session.close()
    return found


def test_each_limit_has_its_case() -> None:
    assert HITS.keys() == LIMITS.keys()


@pytest.mark.parametrize("name", HITS)
def test_limit(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    data, smaller = HITS[name]
    for constant, value in smaller.items():
        monkeypatch.setattr(constant, value)
    found = report(data(), "fields")
    assert name in found and set(found) <= set(LIMITS) and found == sorted(found)


@pytest.mark.parametrize("name", ["modex", "parameter_sets", "tracks"])
def test_configurations_and_headers_count_in_every_report(name: str) -> None:
    """What coded frames consist of is decoded only where it is shown."""
    assert name in report(HITS[name].data(), "messages")
