"""RTMP 1.0 §5.2 and the digest form: classification, verification, trees."""

import hmac
import json
from hashlib import sha256
from itertools import pairwise
from pathlib import Path

import pytest

from dissectors import handshake
from dissectors.handshake_tree import dissect_handshake

VECTORS = json.loads((Path(__file__).parents[1] / "vectors.json").read_text())["vectors"]
HANDSHAKE = [vector for vector in VECTORS if vector["layer"] == "handshake"]
WITH_C1 = [vector for vector in HANDSHAKE if vector["bytes"] == 1537]
PREFIXES = [vector for vector in HANDSHAKE if "classification" in vector["expected"]]
KINDS = {
    "rtmp-plain": "rtmp",
    "rtmpe": "rtmpe",
    "tls": "rtmps",
    "rtmpt": "rtmpt",
    "proxy-v1": "rtmp",
    "srs-rtmp-proxy": "rtmp",
}


@pytest.mark.parametrize("vector", PREFIXES, ids=lambda vector: vector["name"])
def test_first_bytes(vector):
    expected = vector["expected"]
    prefix = handshake.classify(bytes.fromhex(vector["hex"]))
    assert prefix.kind == KINDS[expected["classification"]]
    assert prefix.skip == expected.get("prefix_len", 0)
    if "real_ip" in expected:
        assert prefix.real_client.ip == expected["real_ip"]


@pytest.mark.parametrize("vector", WITH_C1, ids=lambda vector: vector["name"])
def test_digest_of_real_clients(vector):
    expected = vector["expected"]
    c1 = bytes.fromhex(vector["hex"])[1:]
    digest = handshake.find_digest(c1, handshake.PLAYER_KEY)
    assert (digest.schema if digest else None) == expected["schema"]
    assert (digest.offset if digest else None) == expected["digest_offset"]
    if digest:
        assert digest.value.hex() == expected["digest"]


def test_offset_bytes_are_summed():
    packet = bytearray(1536)
    packet[8:12] = packet[772:776] = b"\xff\xff\xff\xff"
    assert handshake.digest_offset(bytes(packet), 1) == 304
    assert handshake.digest_offset(bytes(packet), 0) == 1068


def test_proxy_v2():
    header = b"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c" + bytes([192, 0, 2, 1, 192, 0, 2, 2])
    header += (5555).to_bytes(2, "big") + (1935).to_bytes(2, "big")
    prefix = handshake.classify(header + b"\x03")
    assert prefix == ("rtmp", 28, ("192.0.2.1", 5555))
    assert handshake.classify(header).kind == "more"


def test_proxy_v2_ipv6_and_local():
    signature = b"\r\n\r\n\x00\r\nQUIT\n"
    ends = bytes.fromhex("20010db8" + "00" * 11 + "01") + bytes(16)
    ports = (5555).to_bytes(2, "big") + (1935).to_bytes(2, "big")
    inet6 = signature + b"\x21\x21\x00\x24" + ends + ports + b"\x03"
    assert handshake.classify(inet6) == ("rtmp", 52, ("2001:db8::1", 5555))
    health_check = signature + b"\x20\x00\x00\x00" + b"\x03"
    assert handshake.classify(health_check) == ("rtmp", 16, None)


@pytest.mark.parametrize(
    ("line", "client"),
    [
        (b"PROXY TCP4 192.0.2.7 192.0.2.9 5555 1935\r\n", ("192.0.2.7", 5555)),
        (b"PROXY TCP6 2001:db8::7 2001:db8::9 65535 1935\r\n", ("2001:db8::7", 65535)),
        (b"PROXY UNKNOWN\r\n", None),
        (b"PROXY TCP4 \x1b[2J 192.0.2.9 5555 1935\r\n", None),
        (b"PROXY TCP4 192.0.2.7 192.0.2.9 99999 1935\r\n", None),
    ],
)
def test_proxy_v1(line, client):
    assert handshake.classify(line + b"\x03") == ("rtmp", len(line), client)


def test_other_protocols_are_not_rtmp():
    for data in (b"SSH-2.0-x", b"\x00\x00\x00\x01", b"\x16\xfe\xff\x00", b"EHLO x"):
        assert handshake.classify(data).kind == "other"
    assert handshake.classify(b"GET / HTTP/1.1").kind == "rtmpt"


def test_simple_handshake_with_echo():
    c1 = bytes(8) + bytes(range(256)) * 5 + bytes(248)
    s1 = b"\0\0\0\x05" + bytes(4) + b"\x07" * 1528
    trees = dissect_handshake(b"\x03" + c1 + s1, b"\x03" + s1 + c1)
    assert [tree.label.split("(")[1] for tree in trees] == [
        "Handshake C0+C1)",
        "Handshake S0+S1+S2)",
        "Handshake C2)",
    ]
    labels = [node.label for tree in trees for node in tree.walk()]
    assert "C0: version 3 (RTMP)" in labels
    assert "Zero: 0" in labels
    assert "Echoes C1: yes, a copy of the whole packet" in labels
    assert "Echoes S1: yes, a copy of the whole packet" in labels


def test_signed_reply():
    vector = next(v for v in WITH_C1 if v["name"] == "hs_c0c1_ffmpeg_complex_schema1")
    c = bytes.fromhex(vector["hex"])
    digest = handshake.find_digest(c[1:], handshake.PLAYER_KEY)
    key = hmac.new(handshake.SERVER_KEY + handshake._SHARED, digest.value, sha256).digest()
    s2 = bytes(1504)
    s2 += hmac.new(key, s2, sha256).digest()
    trees = dissect_handshake(c, b"\x03" + bytes(1536) + s2)
    labels = [node.label for node in trees[1].walk()]
    assert "Signature over the digest of C1: verified" in labels
    spoiled = s2[:-1] + bytes([s2[-1] ^ 1])
    labels = [
        node.label for node in dissect_handshake(c, b"\x03" + bytes(1536) + spoiled)[1].walk()
    ]
    assert "Signature over the digest of C1: verified" not in labels


def test_a_signed_packet_has_neither_times_nor_an_echo():
    c1 = bytes.fromhex(WITH_C1[0]["hex"])[1:]
    digest = handshake.find_digest(c1, handshake.PLAYER_KEY)
    key = hmac.new(handshake.SERVER_KEY + handshake._SHARED, digest.value, sha256).digest()
    s2 = bytes(1504)
    s2 += hmac.new(key, s2, sha256).digest()
    (tree,) = dissect_handshake(b"\x03" + c1, b"\x03" + bytes(1536) + s2)[1:2]
    node = tree.find("s2")
    assert [
        (child.name, child.start - node.start, child.length) for child in node.children[:2]
    ] == [
        ("random", 0, 1504),
        ("signature", 1504, 32),
    ]
    assert node.find("signed").value is True


@pytest.mark.parametrize("vector", WITH_C1, ids=lambda vector: vector["name"])
def test_the_trees_cover_every_byte(vector):
    c = bytes.fromhex(vector["hex"])
    for version in (3, 6):
        data = bytes([version]) + c[1:]
        leaves = [leaf for tree in dissect_handshake(data, b"") for leaf in tree.leaves()]
        spans = sorted((leaf.start, leaf.end) for leaf in leaves if leaf.length)
        assert spans[0][0] == 0 and spans[-1][1] == len(data)
        assert all(end == start for (_, end), (start, _) in pairwise(spans))


def test_the_public_key_of_rtmpe():
    """Schema 0: four bytes at 768 place the key in 8 … 767; schema 1: those at 1532, in 772 …"""
    packet = bytearray(1536)
    packet[768:772] = b"\x01\x02\x03\x04"
    packet[1532:1536] = b"\xff\xff\xff\xff"
    assert handshake.key_offset(bytes(packet), 0) == 8 + 10
    assert handshake.key_offset(bytes(packet), 1) == 772 + 1020 % 632
    vector = next(v for v in WITH_C1 if v["expected"]["schema"] == 0)
    tree = dissect_handshake(b"\x06" + bytes.fromhex(vector["hex"])[1:], b"")[0]
    assert tree.find("c1").find("public_key").length == 128


@pytest.mark.parametrize("length", [0, 1, 5, 9, 100, 1537, 2000, 3072])
def test_cut_handshake_never_fails(length):
    data = b"\x03" + bytes(3072)
    dissect_handshake(data[:length], data)
    dissect_handshake(data, data[:length])
