"""HS and TLS rules: the greeting of both sides."""

import io
import random

import pytest
from dpkt import pcap

from analyzer.session import Session
from dissectors.handshake import PLAYER_KEY, digest_offset
from tests.analyzer import wire
from tests.analyzer.rules.builder import (
    GREETING,
    C,
    S,
    Talk,
    connect,
    findings,
    found,
    good,
    rules,
)
from tests.analyzer.talk import CAPTURES


def versioned(c1: bytes, version: bytes) -> bytes:
    return c1[:5] + version + c1[9:]


def signed() -> bytes:
    """C0 and C1 with a valid digest, schema 1."""
    import hmac

    packet = bytearray(versioned(GREETING, b"\x09\0\x7c\x02")[1:])
    offset = digest_offset(bytes(packet), 1)
    rest = bytes(packet[:offset] + packet[offset + 32 :])
    packet[offset : offset + 32] = hmac.new(PLAYER_KEY, rest, "sha256").digest()
    return b"\x03" + bytes(packet)


def test_hs_01_s2_is_not_c1():
    other = random.Random(9).randbytes(1536)
    talk = Talk().syn().raw(C, GREETING)
    talk.raw(S, b"\x03" + GREETING[:0:-1] + other).raw(C, GREETING[:0:-1]).send(C, connect())
    item = found(talk, "HS-01")
    assert item is not None
    assert (item.track, item.severity, item.blame) == ("S2", "warning", "server")
    assert found(good(), "HS-01") is None


def test_hs_01_zeroed_times_are_no_deviation():
    """FFmpeg and gortmplib zero the time fields of their echo; §5.2.4 has time2 anyway."""
    s1 = random.Random(3).randbytes(1536)
    talk = Talk().syn().raw(C, GREETING).raw(S, b"\x03" + s1 + bytes(8) + GREETING[9:])
    talk.raw(C, bytes(8) + s1[8:]).send(C, connect())
    assert found(talk, "HS-01") is None


def half_way(part: int, wait_ms: float) -> Talk:
    """C2 comes in part; nothing follows."""
    s1 = GREETING[:0:-1]
    talk = Talk().syn().raw(C, GREETING).raw(S, b"\x03" + s1 + GREETING[1:])
    return talk.raw(C, s1[:part]).wait(wait_ms)


def test_hs_02_c2_does_not_come():
    closed = found(half_way(700, 100).fin(S), "HS-02")
    assert closed is not None and closed.severity == "error"
    assert "C2" in closed.text and "700 of 1536" in closed.text and closed.blame == "client"
    late = half_way(700, 0)
    waits = found(late, "HS-02", until_ms=late.now + 6_000)
    assert waits is not None and waits.severity == "warning"
    stuck = found(late, "HS-02", until_ms=late.now + 11_000)
    assert stuck is not None and stuck.severity == "error"
    assert found(good(), "HS-02") is None


def test_hs_02_stands_at_the_last_packet_that_came():
    talk = half_way(700, 100)
    last = max(n for n, (_, data, _) in enumerate(talk.packets, 1) if len(data) > 100)
    item = found(talk.fin(S), "HS-02")
    assert item is not None and item.frame == last and item.time_ns


def test_hs_02_late_but_complete():
    talk = half_way(700, 5_500).raw(C, GREETING[:0:-1][700:]).send(C, connect())
    item = found(talk, "HS-02")
    assert item is not None and item.severity == "warning" and "took 5.5 s" in item.text


def test_hs_03_the_server_says_nothing():
    talk = Talk().syn().raw(C, GREETING)
    assert found(talk, "HS-03") is None
    item = found(talk.fin(S), "HS-03")
    assert item is not None and (item.severity, item.blame) == ("error", "server")


def test_hs_04_a_version_without_a_digest():
    talk = Talk().syn().greeting(versioned(GREETING, b"\x09\0\x7c\x02")).send(C, connect())
    item = found(talk, "HS-04")
    assert item is not None and (item.track, item.severity) == ("C1", "note")
    assert found(good(), "HS-04") is None


@pytest.mark.parametrize(
    ("version", "severity"), [(b"\x04\x05\0\x01", "warning"), (bytes(4), "note")]
)
def test_hs_04_s1_without_a_digest_answers_one_with(version, severity):
    s1 = versioned(b"\x03" + random.Random(4).randbytes(1536), version)[1:]
    talk = Talk().syn().greeting(signed(), s1).send(C, connect())
    item = found(talk, "HS-04")
    assert item is not None and (item.track, item.severity) == ("S1", severity)


def test_hs_05_rtmpe():
    talk = Talk().syn()
    talk.raw(C, b"\x06" + GREETING[1:]).raw(S, b"\x06" + GREETING[1:] * 2).raw(C, GREETING[1:])
    item = found(talk.raw(C, bytes(100)), "HS-05")
    assert item is not None and item.severity == "note" and "RTMPE" in item.text
    assert found(good(), "HS-05") is None


def test_hs_05_another_version_that_nobody_answers():
    talk = Talk().syn().raw(C, b"\x04" + GREETING[1:]).fin(S)
    items = {item.rule: item for item in findings(talk)}
    own = items["HS-05"]
    assert (own.severity, own.blame, own.actual) == ("error", "client", "4")
    assert items["HS-03"].cause == own.id and "RTMPE" not in (own.help or "")
    longer = Talk().syn().raw(C, b"\x04" + GREETING[1:] + b"x").fin(S)
    assert found(longer, "HS-05") is None, "whoever speaks RTMP waits for S1"
    elsewhere = Talk(server_port=4711).syn().raw(C, b"\x04" + GREETING[1:]).fin(S)
    assert found(elsewhere, "HS-05") is None


def test_hs_06_chunks_in_the_segment_of_c2():
    s1 = GREETING[:0:-1]
    talk = Talk().syn().raw(C, GREETING).raw(S, b"\x03" + s1 + GREETING[1:])
    talk.raw(C, s1[:1000]).raw(C, s1[1000:] + talk.encoded(C, connect()))
    item = found(talk, "HS-06")
    assert item is not None and (item.track, item.severity) == ("C2", "note")
    assert found(good(), "HS-06") is None


def record(kind: int, body: bytes) -> bytes:
    return bytes([kind, 3, 3]) + len(body).to_bytes(2, "big") + body


def client_hello(name: bytes = b"live.example.org") -> bytes:
    """TLS 1.3 and 1.2, with a server name (RFC 8446 §4.1.2, RFC 6066 §3)."""
    names = b"\0" + len(name).to_bytes(2, "big") + name
    extensions = b"\0\0" + (len(names) + 2).to_bytes(2, "big")
    extensions += len(names).to_bytes(2, "big") + names + bytes.fromhex("002b0005 04 0304 0303")
    body = b"\x03\x03" + bytes(32) + b"\0" + b"\0\x02\x13\x01" + b"\x01\0"
    body += len(extensions).to_bytes(2, "big") + extensions
    return record(22, b"\x01" + len(body).to_bytes(3, "big") + body)


def test_tls_01_the_server_refuses():
    talk = Talk().syn().raw(C, client_hello()).raw(S, record(21, b"\x02\x28")).fin(S)
    item = found(talk, "TLS-01")
    assert item is not None and item.severity == "error"
    assert item.actual == "fatal handshake_failure"
    assert "live.example.org" in item.text and "TLS 1.3, TLS 1.2" in item.text


def test_tls_01_the_client_refuses_the_certificate():
    talk = Talk().syn().raw(C, client_hello()).raw(S, record(22, b"\x02" + bytes(80)))
    item = found(talk.raw(C, record(21, b"\x02\x30")).fin(C), "TLS-01")
    assert item is not None and (item.actual, item.blame) == ("fatal unknown_ca", "server")


def test_tls_01_an_encrypted_alert_is_no_application_data():
    talk = Talk().syn().raw(C, client_hello())
    talk.raw(S, record(22, b"\x02" + bytes(80)) + record(23, bytes(900)))
    alert = record(23, bytes(19))
    assert found(talk.raw(C, alert).fin(C), "TLS-01") is not None


def test_tls_01_a_handshake_that_succeeds():
    talk = Talk().syn().raw(C, client_hello())
    talk.raw(S, record(22, b"\x02" + bytes(80)) + record(23, bytes(900)))
    talk.raw(C, record(20, b"\x01") + record(23, bytes(53)) + record(23, bytes(1600)))
    talk.raw(S, record(23, bytes(3000)))
    assert found(talk.fin(C), "TLS-01") is None
    assert found(talk, "TLS-03") is not None


def test_hs_a_start_that_was_not_captured():
    """The capture lacks the server's SYN and its first segment: no version, no stall."""
    whole = io.BytesIO((CAPTURES / "lab/nginx-no-bframes.pcap").read_bytes())
    frames = [(round(time * 1e9), data) for time, data in pcap.Reader(whole)]
    from_server = [n for n, (_, data) in enumerate(frames) if data[34:36] == b"\x07\x8f"]
    first = next(n for n in from_server if len(frames[n][1]) > 1000)
    kept = [frame for n, frame in enumerate(frames) if n not in (from_server[0], first)]
    session = Session([io.BytesIO(wire.pcap(kept))])
    session.run()
    results = {r.rule: r.status for r in session.judgement.results if r.rule in ("HS-02", "HS-05")}
    assert results == {"HS-02": "inconclusive", "HS-05": "inconclusive"}


def test_tls_02_plain_rtmp_to_a_tls_port():
    talk = Talk().syn().raw(C, GREETING).raw(S, record(21, b"\x02\x46")).fin(S)
    items = {item.rule: item for item in findings(talk)}
    assert items["TLS-02"].severity == "error" and items["TLS-02"].blame == "client"
    errors = [item for item in items.values() if item.severity == "error" and not item.cause]
    assert errors == [items["TLS-02"]]


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 400 Bad Request\r\n"])
def test_tls_02_tls_to_a_plain_port(answer):
    talk = Talk().syn().raw(C, client_hello())
    item = found((talk.raw(S, answer) if answer else talk).fin(S), "TLS-02")
    assert item is not None and item.severity == "error"
    assert found(good(), "TLS-02") is None


def test_tls_04_other_protocols_at_the_port():
    probe = Talk(port=50009).syn().raw(C, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").fin(S)
    item = found([good(), probe], "TLS-04")
    assert item is not None and (item.severity, item.track) == ("warning", "http")


def test_tls_04_a_proxy_header_stands_before_c0():
    header = b"PROXY TCP4 203.0.113.9 10.0.0.2 40000 1935\r\n"
    talk = Talk().syn().raw(C, header).greeting().send(C, connect())
    item = found(talk, "TLS-04")
    assert item is not None and item.span == (0, len(header))
    assert "TLS-04" not in rules(good())
