"""The records at the beginning of a TLS connection, as far as they are in clear (RFC 8446 §5.1)."""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

ALERT, HANDSHAKE, APPLICATION = 21, 22, 23
CLIENT_HELLO: Final = 1
_HEADER: Final = 5
_SERVER_NAME, _ALPN, _VERSIONS = 0, 16, 43
_PLAIN_ALERT: Final = 2
_SEALED_ALERT: Final = 19
"""An alert encrypted by TLS 1.3: 2 bytes, content type, 16 bytes of tag."""
VERSIONS: Final = {0x0301: "TLS 1.0", 0x0302: "TLS 1.1", 0x0303: "TLS 1.2", 0x0304: "TLS 1.3"}
_ALERTS: Final = {
    0: "close_notify",
    10: "unexpected_message",
    40: "handshake_failure",
    42: "bad_certificate",
    43: "unsupported_certificate",
    44: "certificate_revoked",
    45: "certificate_expired",
    46: "certificate_unknown",
    47: "illegal_parameter",
    48: "unknown_ca",
    49: "access_denied",
    50: "decode_error",
    51: "decrypt_error",
    70: "protocol_version",
    71: "insufficient_security",
    80: "internal_error",
    86: "inappropriate_fallback",
    109: "missing_extension",
    112: "unrecognized_name",
    116: "certificate_required",
    120: "no_application_protocol",
}
"""RFC 8446 §6.2."""


class Record(NamedTuple):
    """A record; `body` may be cut by the end of what is known."""

    kind: int
    offset: int
    length: int
    body: bytes

    @property
    def application(self) -> bool:
        """Whether it may carry application data: TLS 1.3 hides its alerts in the same type."""
        return self.kind == APPLICATION and self.length != _SEALED_ALERT


class Hello(NamedTuple):
    """What a client offers."""

    name: str | None
    protocols: list[str]
    versions: list[str]


def is_tls(data: bytes) -> bool:
    """Whether a stream begins like TLS."""
    return len(data) >= 2 and 20 <= data[0] <= 23 and data[1] == 3


def records(data: bytes) -> list[Record]:
    """Return the records of a stream's first bytes, to the first that is none."""
    found, at = [], 0
    while at + _HEADER <= len(data) and is_tls(data[at:]):
        kind, length = data[at], int.from_bytes(data[at + 3 : at + 5], "big")
        found.append(Record(kind, at, length, data[at + _HEADER : at + _HEADER + length]))
        at += _HEADER + length
    return found


def alert(found: list[Record]) -> str | None:
    """Return level and description of an alert in clear."""
    for record in found:
        if record.kind == ALERT and record.length == _PLAIN_ALERT == len(record.body):
            level = "fatal" if record.body[0] == 2 else "warning"
            return f"{level} {_ALERTS.get(record.body[1], record.body[1])}"
    return None


def client_hello(found: list[Record]) -> Hello | None:
    """Return what a ClientHello offers, None where there is none or it is damaged."""
    if not found or found[0].kind != HANDSHAKE or found[0].body[:1] != bytes([CLIENT_HELLO]):
        return None
    import dpkt  # a third of the rules' time, and few captures hold TLS
    from dpkt import ssl

    try:
        hello = ssl.TLSClientHello(found[0].body[4:])
        extensions = dict(getattr(hello, "extensions", []))
    except (dpkt.Error, struct.error, IndexError, ValueError):
        return None
    names = _strings(extensions.get(_SERVER_NAME, b"")[2:], 3)
    offered = extensions.get(_VERSIONS, b"\0")[1:]
    codes = [int.from_bytes(offered[i : i + 2], "big") for i in range(0, len(offered) - 1, 2)]
    codes = codes or [hello.version]
    return Hello(
        names[0] if names else None,
        _strings(extensions.get(_ALPN, b"")[2:], 1),
        [VERSIONS[code] for code in codes if code in VERSIONS],
    )


def _strings(data: bytes, head: int) -> list[str]:
    """Return texts behind a head of `head` bytes each, whose last one or two are the length."""
    found = []
    while len(data) > head:
        length = int.from_bytes(data[max(head - 2, 0) : head], "big")
        found.append(data[head : head + length].decode("ascii", "replace"))
        data = data[head + length :]
    return found
