"""Handshakes in the report: what stands before C0, RTMPE, round trips (RTMP 1.0 §5.2)."""

import hmac
import io
import json
from hashlib import sha256

import pytest

from analyzer.export import tree
from analyzer.export.report import write_document
from analyzer.export.request import Request
from analyzer.session import Session
from dissectors import handshake
from tests.analyzer import talk
from tests.analyzer.rules.builder import CONNECTED, C, S, Talk, connect, session
from tests.analyzer.rules.builder import GREETING as RANDOM
from tests.dissectors.chunk_builder import build

C1 = bytes(8) + bytes(range(256)) * 5 + bytes(248)
GREETING = b"\x03" + C1 + C1


def report(client: bytes, server: bytes = b"") -> dict:
    session = Session([io.BytesIO(talk.streams(client, server))])
    session.run()
    out = io.StringIO()
    write_document(session, out, Request())
    return json.loads(out.getvalue())


def proxy_v2(address: bytes, family: int) -> bytes:
    ports = (40001).to_bytes(2, "big") + (1935).to_bytes(2, "big")
    ends = address * 2 + ports
    return b"\r\n\r\n\0\r\nQUIT\n\x21" + bytes([family]) + len(ends).to_bytes(2, "big") + ends


@pytest.mark.parametrize(
    ("prefix", "client"),
    [
        (b"", None),
        (b"PROXY TCP4 192.0.2.7 192.0.2.9 40001 1935\r\n", {"ip": "192.0.2.7", "port": 40001}),
        (b"PROXY TCP6 2001:db8::7 ::1 40001 1935\r\n", {"ip": "2001:db8::7", "port": 40001}),
        (b"PROXY UNKNOWN\r\n", None),
        (proxy_v2(bytes([192, 0, 2, 7]), 0x11), {"ip": "192.0.2.7", "port": 40001}),
        (proxy_v2(bytes(15) + b"\1", 0x21), {"ip": "::1", "port": 40001}),
        (b"\xf3\0\4\xc0\0\2\7", {"ip": "192.0.2.7", "port": None}),
    ],
    ids=["none", "v1", "v1 IPv6", "v1 unknown", "v2", "v2 IPv6", "SRS"],
)
def test_prefixes_are_passed_over(prefix, client):
    sent, answered = talk.publish(), talk.answer()
    found = report(
        prefix + GREETING + bytes(build(sent).data), GREETING + bytes(build(answered).data)
    )
    (connection,) = found["connections"]
    assert (connection["variant"], connection["proxied_client"]) == ("rtmp", client)
    assert len(found["messages"]) == len(sent) + len(answered)
    assert all(message["complete"] for message in found["messages"])
    assert connection["rtmp"]["app"] == "live"
    first = next(m for m in found["messages"] if m["direction"] == "c2s")
    assert first["stream_offset"] == 3073 + len(prefix)


def test_a_prefix_before_a_real_stream():
    """All messages of a recorded publisher, its stream sent once more behind a PROXY line."""
    source = Session([str(talk.CAPTURES / "real/publish-chunk128.pcap")])
    source.run()
    (connection,) = source.connections
    client, server = (
        source.stream(
            0, side, 0, connection.tcp_connection.directions[connection.sides[side]].length
        )
        for side in (0, 1)
    )
    found = report(b"PROXY TCP4 192.0.2.7 192.0.2.9 5 1935\r\n" + client, server)
    assert len(found["messages"]) == len(source.messages)
    assert found["connections"][0]["handshake"]["digest"]["client"]["verified"] is True


def signed(packet: bytes, key: bytes) -> bytes:
    """C1 or S1 with a version and a digest in schema 0."""
    packet = packet[:4] + bytes([128, 0, 3, 2]) + packet[8:]
    at = handshake.digest_offset(packet, 0)
    rest = packet[:at] + packet[at + 32 :]
    return packet[:at] + hmac.new(key, rest, sha256).digest() + packet[at + 32 :]


@pytest.mark.parametrize("version", [6, 8, 9])
def test_rtmpe_is_named_and_its_handshake_shown(version):
    first = bytes([version])
    client = first + signed(C1, handshake.PLAYER_KEY) + bytes(range(256)) * 30
    server = first + signed(C1, handshake.SERVER_KEY) + bytes(range(255, -1, -1)) * 30
    found = report(client, server)
    (connection,) = found["connections"]
    assert connection["variant"] == "rtmpe"
    shake = connection["handshake"]
    assert (shake["version"], shake["kind"], shake["client_version"]) == (
        version, "digest", "128.0.3.2",
    )  # fmt: skip
    assert shake["digest"]["client"]["schema"] == shake["digest"]["server"]["schema"] == 0
    assert found["messages"] == []


def test_rtmpe_that_the_server_refuses():
    """nginx-rtmp and others know version 3 only and close; what the client wanted is clear."""
    client = b"\x06" + signed(C1, handshake.PLAYER_KEY)
    (connection,) = report(client, b"")["connections"]
    assert (connection["variant"], connection["handshake"]["version"]) == ("rtmpe", 6)


def test_the_tree_shows_a_handshake_that_no_message_follows():
    client = b"\x06" + signed(C1, handshake.PLAYER_KEY)
    session = Session([io.BytesIO(talk.streams(client, b""))])
    session.run()
    out = io.StringIO()
    tree.write(session, out, Request())
    assert "C0: version 6 (RTMPE)" in out.getvalue()
    assert "Diffie-Hellman public key: " in out.getvalue()


def test_tls_and_http_are_named():
    hello = bytes.fromhex("16030100c8010000c40303") + bytes(190)
    assert report(hello, b"\x16\x03\x03\0\x5a" + bytes(90))["connections"][0]["variant"] == "rtmps"
    tunnel = b"POST /open/1 HTTP/1.1\r\nContent-Type: application/x-fcs\r\n\r\n\0"
    assert report(tunnel, b"HTTP/1.1 200 OK\r\n\r\nsid\n")["connections"][0]["variant"] == "rtmpt"


def test_round_trips_and_echoes_of_recorded_handshakes():
    session = Session([str(talk.CAPTURES / "real/publish-play-nginx.pcap")])
    session.run()
    publisher, player = (connection.handshake for connection in session.connections)
    assert (publisher["client_version"], publisher["server_version"]) == (
        "9.0.124.2", "13.14.10.13",
    )  # fmt: skip
    assert (publisher["c2_echoes_s1"], publisher["s2_signed"]) == ("copy", True)
    assert (player["kind"], player["c2_echoes_s1"], player["s2_echoes_c1"]) == (
        "simple", "copy", "copy",
    )  # fmt: skip
    for shake in (publisher, player):
        rtt = shake["rtt_ns"]
        assert 0 < rtt["client"] < 10**7 and 0 < rtt["server"] < 10**7
        assert rtt["total"] == rtt["client"] + rtt["server"]
    labels = [node.label for tree in session.handshake_tree(0) for node in tree.walk()]
    total = publisher["rtt_ns"]["total"] / 1e6
    assert f"Round trip, end to end: {total:.3f} ms (calculated)" in labels


def test_the_clients_own_clock():
    """C2 as §5.2.4 wants it: S1's time, and when it was read by the client's clock."""
    c1 = (1000).to_bytes(4, "big") + C1[4:]
    s1 = (7000).to_bytes(4, "big") + C1[4:]
    c2 = s1[:4] + (1042).to_bytes(4, "big") + s1[8:]
    sent = bytes(build(talk.publish()).data)
    found = report(b"\x03" + c1 + c2 + sent, b"\x03" + s1 + c1)
    shake = found["connections"][0]["handshake"]
    assert (shake["rtt_fields_ms"], shake["c2_echoes_s1"]) == (42, "yes")


@pytest.mark.parametrize("cut", [0, 1, 100])
def test_missing_bytes_say_nothing(cut):
    """Inside, a hole is filled with zeros; nobody hears of these."""
    talk = Talk().syn().raw(C, RANDOM).raw(S, RANDOM[:cut])
    talk.raw(S, RANDOM[cut:], lost=True).raw(S, RANDOM[1:]).raw(C, RANDOM[1:])
    read = session(talk.send(C, connect()).send(S, CONNECTED))
    connection = read.connections[0]
    facts = connection.handshake
    assert facts["version"] == 3 and facts["c2_echoes_s1"] is None
    assert facts["server_version"] is None and facts["c2_signed"] is None
    assert connection.handshake_seen and not connection.handshake_complete
    _, server, c2 = read.handshake_tree(0)
    assert "not captured" in next(n for n in server.children if n.name == "s1").label
    assert not any(node.name == "version" for node in server.children) or cut
    assert not any(node.name == "echoes" for node in c2.walk())
    assert not any(item.rule.startswith("HS-") for item in read.diagnostics)
    assert any(item.rule == "CAP-04" for item in read.diagnostics)


def test_version_not_captured():
    talk = Talk().syn().raw(C, RANDOM, lost=True).raw(S, RANDOM, lost=True)
    talk.raw(S, RANDOM[1:]).raw(C, RANDOM[1:]).send(C, connect()).send(S, CONNECTED)
    connection = session(talk).connections[0]
    facts = connection.handshake
    assert facts is None or facts["version"] is None
    assert not connection.handshake_complete
