"""TLS, and bytes of other protocols before RTMP (TLS rules)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from analyzer.rules.rule import Evidence, Inconclusive, Outcome, Rule

if TYPE_CHECKING:
    from analyzer.rules.scope import Scope


def no_keys(scope: Scope) -> Iterator[Outcome]:
    """TLS-03: encrypted, and there are no keys."""
    readable = len(scope.rows(0)) or len(scope.rows(1))
    if scope.connection.variant == "rtmps" and not readable:
        sizes = [scope.tcp(direction).stats.bytes for direction in (0, 1)]
        yield Evidence(
            f"encrypted, and there are no keys: {sizes[0]} bytes from the client, {sizes[1]} from "
            "the server"
        )
        yield Inconclusive("the connection is encrypted, and there are no keys")


def prefix(scope: Scope) -> Iterator[Outcome]:
    """TLS-04: bytes before C0 that are not RTMP: a PROXY header."""
    skip = scope.half(0).skip
    if skip:
        peer = scope.connection.proxied_client
        named = " that names the real client" if peer is not None else ""
        yield Evidence(
            f"{skip} bytes stand before C0: a proxy's header{named}",
            direction=0,
            span=(0, skip),
            count=1,
        )


RULES: Final = (
    Rule(
        "TLS-03",
        "Encrypted without keys",
        "note",
        "definite",
        no_keys,
        gates=(),
        help="Let the client or the server write its TLS secrets (SSLKEYLOGFILE), or capture "
        "behind the TLS terminator.",
    ),
    Rule(
        "TLS-04",
        "Bytes before the handshake",
        "note",
        "definite",
        prefix,
        gates=(),
        section="RTMP 1.0 §5.2.1",
        help="Only a server that is told to expect a PROXY header understands it.",
    ),
)
