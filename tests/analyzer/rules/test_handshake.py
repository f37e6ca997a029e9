"""HS and TLS rules: the greeting of both sides."""

import random

import pytest

from dissectors.handshake import PLAYER_KEY, digest_offset
from tests.analyzer.rules.builder import GREETING, C, S, Talk, connect, found, good, rules


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


def test_hs_06_chunks_in_the_segment_of_c2():
    s1 = GREETING[:0:-1]
    talk = Talk().syn().raw(C, GREETING).raw(S, b"\x03" + s1 + GREETING[1:])
    talk.raw(C, s1[:1000]).raw(C, s1[1000:] + talk.encoded(C, connect()))
    item = found(talk, "HS-06")
    assert item is not None and (item.track, item.severity) == ("C2", "note")
    assert found(good(), "HS-06") is None


def test_tls_04_a_proxy_header_stands_before_c0():
    header = b"PROXY TCP4 203.0.113.9 10.0.0.2 40000 1935\r\n"
    talk = Talk().syn().raw(C, header).greeting().send(C, connect())
    item = found(talk, "TLS-04")
    assert item is not None and item.span == (0, len(header))
    assert "TLS-04" not in rules(good())
