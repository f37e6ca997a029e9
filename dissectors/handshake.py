"""What is this byte stream? Handshake forms, digests and what stands before C0 (RTMP 1.0 §5.2)."""

from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final, NamedTuple

from dissectors import spec

PLAYER_KEY: Final = b"Genuine Adobe Flash Player 001"
SERVER_KEY: Final = b"Genuine Adobe Flash Media Server 001"
_SHARED: Final = bytes.fromhex("f0eec24a8068bee82e00d0d1029e7e576eec5d2d29806fab93b8e636cfeb31ae")
DIGEST_SIZE: Final = 32
_DIGEST_BASE: Final = {0: 772, 1: 8}
"""Where the four offset bytes of the digest stand, by schema."""
_KEY_BASE: Final = {0: (768, 8), 1: (1532, 772)}
"""Where the key's offset bytes stand and what they count from, by schema."""
KEY_SIZE: Final = 128
MAX_PROXY_V1: Final = 107
"""A PROXY v1 line is at most 107 bytes with its CRLF."""
_PROXY_V2: Final = b"\r\n\r\n\x00\r\nQUIT\n"
_HTTP: Final = (b"GET ", b"POST", b"HEAD", b"PUT ", b"OPTI", b"HTTP", b"CONN", b"DELE", b"PATC")
MAX_F3: Final = 1024


class Peer(NamedTuple):
    """The real client's address, as a proxy names it; SRS gives no port."""

    ip: str
    port: int | None = None


class Prefix(NamedTuple):
    """What the first bytes of a direction are."""

    kind: str
    """`rtmp`, `rtmpe`, `rtmps`, `rtmpt`, `other`, or `more` when too few bytes are there."""
    skip: int = 0
    """Bytes before C0 or S0: a PROXY header, an SRS proxy prefix."""
    real_client: Peer | None = None
    """Client address that such a prefix names."""


def classify(data: bytes) -> Prefix:
    """Tell RTMP from its relatives by the first bytes of a direction (§5.2.2)."""
    if not data:
        return Prefix("more")
    first = data[0]
    if first == spec.VERSION:
        return Prefix("rtmp")
    if first in spec.RTMPE_VERSIONS:
        return Prefix("rtmpe")
    if first in (0x14, 0x15, 0x16, 0x17):
        if len(data) < 2:
            return Prefix("more")
        return Prefix("rtmps" if data[1] == 3 else "other")
    if first == 0xF3:
        return _srs_proxy(data)
    if data[:6] == b"PROXY "[: len(data)]:
        return _proxy_v1(data)
    if data[:12] == _PROXY_V2[: len(data)]:
        return _proxy_v2(data)
    if any(data[:4] == verb[: len(data)] for verb in _HTTP):
        return Prefix("rtmpt" if len(data) >= 4 else "more")
    return Prefix("other")


def _behind(data: bytes, skip: int, client: Peer | None) -> Prefix:
    if len(data) <= skip:
        return Prefix("more")
    inner = classify(data[skip:])
    if inner.kind in ("rtmp", "rtmpe", "rtmps") and not inner.skip:
        return Prefix(inner.kind, skip, client)
    return inner if inner.kind == "more" else Prefix("other")


def _proxy_v1(data: bytes) -> Prefix:
    """HAProxy's ``PROXY TCP4 source destination sport dport`` line."""
    end = data.find(b"\r\n", 0, MAX_PROXY_V1)
    if end < 0:
        return Prefix("more" if len(data) < MAX_PROXY_V1 else "other")
    words = data[:end].decode("ascii", "replace").split(" ")
    client = None
    if len(words) == 6 and words[1] in ("TCP4", "TCP6"):
        client = _peer(words[2], words[4])
    return _behind(data, end + 2, client)


def _peer(ip: str, port: str) -> Peer | None:
    """Return what a PROXY v1 line names, None where it is no address."""
    try:
        address = str(ip_address(ip))
    except ValueError:
        return None
    if not (port.isascii() and port.isdecimal() and len(port) < 6 and int(port) < 65536):
        return None
    return Peer(address, int(port))


def _proxy_v2(data: bytes) -> Prefix:
    """HAProxy's binary header: signature, version and command, family, length, addresses."""
    if len(data) < 16:
        return Prefix("more")
    length = int.from_bytes(data[14:16], "big")
    if len(data) < 16 + length:
        return Prefix("more")
    command, family, client = data[12] & 15, data[13] >> 4, None
    # Command 0 is LOCAL, the proxy's own health check: its addresses mean nothing.
    if command and family == 1 and length >= 12:
        client = Peer(str(IPv4Address(data[16:20])), int.from_bytes(data[24:26], "big"))
    elif command and family == 2 and length >= 36:
        client = Peer(str(IPv6Address(data[16:32])), int.from_bytes(data[48:50], "big"))
    return _behind(data, 16 + length, client)


def _srs_proxy(data: bytes) -> Prefix:
    """SRS and go-oryx write F3, u16 length and the client's IPv4 address before C0."""
    if len(data) < 3:
        return Prefix("more")
    length = int.from_bytes(data[1:3], "big")
    if length > MAX_F3:
        return Prefix("other")
    if len(data) < 3 + length:
        return Prefix("more")
    client = Peer(str(IPv4Address(data[3:7]))) if length >= 4 else None
    return _behind(data, 3 + length, client)


class Digest(NamedTuple):
    """A digest found in C1 or S1, verified."""

    schema: int
    """0: key first, digest base 772; 1: digest first, base 8."""
    offset: int
    """Where its 32 bytes stand in C1 or S1."""
    value: bytes


def offset_bytes(schema: int) -> int:
    """Return where the four bytes stand that place the digest."""
    return _DIGEST_BASE[schema]


def digest_offset(packet: bytes, schema: int) -> int:
    """Return where `schema` puts the digest: the four offset bytes are summed, not a u32."""
    base = _DIGEST_BASE[schema]
    return sum(packet[base : base + 4]) % 728 + base + 4


def key_offset(packet: bytes, schema: int) -> int:
    """Return where `schema` puts the Diffie-Hellman public key of 128 bytes, used by RTMPE."""
    at, base = _KEY_BASE[schema]
    return sum(packet[at : at + 4]) % 632 + base


def find_digest(packet: bytes, key: bytes) -> Digest | None:
    """Look for a valid digest in C1 (`PLAYER_KEY`) or S1 (`SERVER_KEY`), 1536 bytes."""
    if len(packet) < spec.HANDSHAKE_SIZE:
        return None
    for schema in (1, 0):
        offset = digest_offset(packet, schema)
        value = packet[offset : offset + DIGEST_SIZE]
        rest = packet[:offset] + packet[offset + DIGEST_SIZE : spec.HANDSHAKE_SIZE]
        if _signed(key, rest) == value:
            return Digest(schema, offset, value)
    return None


def verify_response(packet: bytes, key: bytes, peer_digest: bytes) -> bool:
    """Whether C2 or S2 is signed over the peer's digest (`key`: the signer's)."""
    if len(packet) < spec.HANDSHAKE_SIZE:
        return False
    secret = _signed(key + _SHARED, peer_digest)
    signature = _signed(secret, packet[: spec.HANDSHAKE_SIZE - DIGEST_SIZE])
    return signature == packet[-DIGEST_SIZE:]


def _signed(key: bytes, data: bytes) -> bytes:
    from hmac import digest  # loads OpenSSL, which few captures need

    return digest(key, data, "sha256")
