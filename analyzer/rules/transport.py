"""TLS, and bytes of other protocols where RTMP should be (TLS rules)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from analyzer.rules import tls
from analyzer.rules.rule import NOTHING, SIDES, Blame, Evidence, Inconclusive, Outcome, Rule
from dissectors import spec
from dissectors.text import safe

if TYPE_CHECKING:
    from analyzer.rules.scope import Scope

_FOREIGN: Final = {"tls": "TLS", "http": "HTTP"}


def _closing(scope: Scope) -> str:
    closed = scope.connection.closed_by
    if closed is None:
        return "still open"
    who, _, how = closed.partition(".")
    return f"the {who} {'reset' if how == 'rst' else 'closed'}"


def _whose_certificate(direction: int, alert: str) -> Blame | None:
    """Return whose certificate an alert refuses: that of the side that did not send it."""
    if "certificate" not in alert and "unknown_ca" not in alert:
        return None
    return "client" if direction else "server"


def failed(scope: Scope) -> Iterator[Outcome]:
    """TLS-01: the TLS handshake does not get to application data."""
    first = [scope.half(direction).first for direction in (0, 1)]
    hello = tls.client_hello(tls.records(first[0]))
    if scope.connection.variant != "rtmps" or hello is None:
        yield NOTHING
        return
    if not first[1] or not tls.is_tls(first[1]):
        return  # TLS-02
    found = [tls.records(data) for data in first]
    if all(any(record.application for record in side) for side in found):
        return
    said = [(d, text) for d in (0, 1) if (text := tls.alert(found[d])) is not None]
    if not said and scope.connection.closed_by is None:
        yield Inconclusive("the TLS handshake was not captured to its end")
        return
    words = f"; the {SIDES[said[0][0]]} says {said[0][1]}" if said else ""
    offers = [f"server name {safe(hello.name)}"] if hello.name else []
    offers += [f"ALPN {safe(', '.join(hello.protocols))}"] if hello.protocols else []
    offers.append(f"offered {', '.join(hello.versions)}")
    yield Evidence(
        f"the TLS handshake failed{words}; {_closing(scope)} ({', '.join(offers)})",
        direction=said[0][0] if said else None,
        frame=scope.connection.tcp_connection.start_frame,
        time_ns=scope.connection.start_ns,
        expected="application data of both sides",
        actual=said[0][1] if said else scope.connection.closed_by,
        blame=_whose_certificate(*said[0]) if said else None,
        key=said[0][1] if said else "",
    )


def confused(scope: Scope) -> Iterator[Outcome]:
    """TLS-02: one side speaks TLS, the other does not."""
    first = [scope.half(direction).first for direction in (0, 1)]
    text = None
    if first[0][:1] == bytes([spec.VERSION]) and tls.is_tls(first[1]):
        text = "the client speaks plain RTMP to a server that speaks TLS"
    elif scope.connection.variant == "rtmps" and tls.is_tls(first[0]):
        if first[1] and not tls.is_tls(first[1]) and scope.half(1).has(0, len(first[1][:5])):
            text = "the client speaks TLS, and the server does not answer with TLS"
        elif not first[1] and scope.closed_by():
            text = f"the client speaks TLS, and the server says nothing; {_closing(scope)}"
    if text is not None:
        yield Evidence(
            text,
            direction=0,
            frame=scope.connection.tcp_connection.start_frame,
            time_ns=scope.connection.start_ns,
            expected="TLS on both sides, or on neither",
            actual=first[1][:5].hex() or "nothing",
        )


def no_keys(scope: Scope) -> Iterator[Outcome]:
    """TLS-03: encrypted, and there are no keys."""
    readable = len(scope.rows(0)) or len(scope.rows(1))
    if scope.connection.variant == "rtmps" and not readable:
        sizes = [scope.tcp(direction).stats.bytes for direction in (0, 1)]
        yield Evidence(
            f"encrypted, and there are no keys: {sizes[0]} bytes from the client, {sizes[1]} from "
            "the server",
            frame=scope.connection.tcp_connection.start_frame,
            time_ns=scope.connection.start_ns,
        )


def foreign(scope: Scope) -> Iterator[Outcome]:
    """TLS-04: bytes that are not RTMP: a proxy's header before C0, other protocols at the port."""
    for item in scope.connections():
        skip = item.half(0).skip
        if skip:
            named = " that names the real client" if item.connection.proxied_client else ""
            yield Evidence(
                f"{skip} bytes stand before C0: a proxy's header{named}",
                direction=0,
                span=(0, skip),
                count=1,
                connection=item.connection.index,
            )
    for (what, port), count in sorted(scope.session.foreign.items()):
        if port == scope.parameters["port"]:
            name = _FOREIGN.get(what, what)
            text = f"{name} at RTMP's port {port}: a browser, a probe or a wrong URL"
            yield Evidence(text, count=count, track=what, severity="warning")


RULES: Final = (
    Rule(
        "TLS-01",
        "TLS handshake failed",
        "error",
        "definite",
        failed,
        gates=("dir",),
        section="RFC 8446 §6",
        help="Check certificate, server name and TLS versions of both sides.",
    ),
    Rule(
        "TLS-02",
        "TLS on one side only",
        "error",
        "definite",
        confused,
        gates=(),
        help="rtmp:// and rtmps:// go to different ports: use the URL that fits the port.",
        blame="client",
    ),
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
        "Foreign bytes",
        "note",
        "definite",
        foreign,
        section="RTMP 1.0 §5.2.1",
        help="A PROXY header is understood only by a server told to expect it. RTMP servers log "
        "other protocols as handshake errors.",
        over="capture",
        parameters={"port": 1935},
    ),
)
