"""Did both sides greet each other as they should? (HS rules, RTMP 1.0 §5.2)"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from analyzer.rules import tls
from analyzer.rules.gates import headless
from analyzer.rules.rule import JUDGED, NOTHING, SIDES, Evidence, Inconclusive, Outcome, Rule
from dissectors import spec

if TYPE_CHECKING:
    from analyzer.rules.scope import Scope

_PACKETS: Final = (("C0", "C1", "C2"), ("S0", "S1", "S2"))
_ENDS: Final = (1, 1 + spec.HANDSHAKE_SIZE, spec.HANDSHAKE_END)
_SIZE: Final = 1 + spec.HANDSHAKE_SIZE
_ENCRYPTED: Final = "Versions 6, 8 and 9 are RTMPE, which cannot be read."


def _facts(scope: Scope) -> dict[str, Any] | None:
    """Return the handshake as the report has it; its digests are looked for once."""
    view = scope.connection
    return scope.shared.once(("handshake", view.index), lambda: view.handshake)


def _tls(scope: Scope) -> bool:
    return scope.connection.variant == "rtmps"


def _span(scope: Scope, direction: int, packet: int) -> tuple[int, int]:
    """Return where a packet stands: 0 version, 1 and 2 the packets of 1536 bytes."""
    start = scope.half(direction).skip + (0, *_ENDS)[packet]
    return start, 1 if not packet else spec.HANDSHAKE_SIZE


def not_echoed(scope: Scope) -> Iterator[Outcome]:
    """HS-01: S2 is neither C1 nor signed over its digest, or C2 not S1."""
    facts = _facts(scope)
    if any(scope.half(direction).damaged for direction in (0, 1)):
        yield Inconclusive("bytes of the handshake are missing")
        return
    for direction, own, peer in ((1, "S2", "C1"), (0, "C2", "S1")):
        echo = facts and facts[f"{own.lower()}_echoes_{peer.lower()}"]
        if not facts or echo is None:
            yield NOTHING
        elif echo in ("no", "time_only") and not facts[f"{own.lower()}_signed"]:
            yield Evidence(
                f"{own} does not repeat the random bytes of {peer}, nor is it signed",
                direction=direction,
                span=_span(scope, direction, 2),
                track=own,
                expected=f"the bytes of {peer}",
                actual="others",
            )
        else:
            yield JUDGED


def stalled(scope: Scope) -> Iterator[Outcome]:
    """HS-02: the handshake is not completed, or late."""
    view, limits = scope.connection, scope.parameters
    if not view.from_start or not scope.half(0).first or not scope.half(1).has_data or _tls(scope):
        yield NOTHING
        return
    if any(scope.half(direction).damaged for direction in (0, 1)):
        yield Inconclusive("bytes of the handshake are missing")
        return
    if any(len(scope.tcp(direction).gaps) for direction in (0, 1)):
        yield NOTHING
        return
    lacking = [d for d in (1, 0) if len(scope.half(d).first) < spec.HANDSHAKE_END]
    if lacking and not view.tcp_connection.saw_syn[view.sides[lacking[0]]]:
        yield Inconclusive(f"the beginning of what the {SIDES[lacking[0]]} sent may be missing")
    elif lacking:
        yield from _incomplete(scope, lacking[0])
    if lacking:
        return
    ends = [_time(scope, d, scope.half(d).skip + spec.HANDSHAKE_END - 1) for d in (0, 1)]
    elapsed = max(ends) - _time(scope, 0, scope.half(0).skip)
    if elapsed > limits["slow_s"] * 1e9:
        late = int(ends[0] > ends[1])
        yield Evidence(
            f"the handshake took {elapsed / 1e9:.1f} s",
            direction=1 - late,
            span=_span(scope, 1 - late, 2),
            severity="error" if elapsed > limits["stalled_s"] * 1e9 else "warning",
            expected=f"at most {limits['slow_s']:g} s",
            actual=f"{elapsed / 1e9:.1f} s",
        )


def _incomplete(scope: Scope, direction: int) -> Iterator[Outcome]:
    have = len(scope.half(direction).first)
    packet = next(number for number, end in enumerate(_ENDS) if have < end)
    name = _PACKETS[direction][packet]
    got = have - (0, *_ENDS)[packet]
    closed = scope.closed_by()
    end = scope.observed_ns + scope.session.capture_start_ns
    waited = end - _time(scope, 0, scope.half(0).skip)
    if not closed and waited <= scope.parameters["slow_s"] * 1e9:
        from_now = f"the capture ends {waited / 1e9:.1f} s into the handshake"
        yield Evidence(from_now, severity="note", blame="capture", direction=direction)
        return
    how = f"the {closed} closed" if closed else "nothing came"
    time, frame = max(_last(scope, d) for d in (0, 1) if scope.half(d).first)
    bad = closed or waited > scope.parameters["stalled_s"] * 1e9
    yield Evidence(
        f"the handshake stopped in {name}: {got} of {_span(scope, direction, packet)[1]} bytes "
        f"came, then {how} after {waited / 1e9:.1f} s",
        direction=direction,
        frame=frame,
        time_ns=time - scope.session.capture_start_ns,
        severity="error" if bad else "warning",
        expected=f"{name} complete",
        actual=f"{got} bytes",
        key=name,
    )


def _time(scope: Scope, direction: int, offset: int) -> int:
    """Return when a stream byte was captured, nanoseconds since the epoch."""
    at = np.array([offset], np.int64)
    return int(scope.tcp(direction).frames(at, at + 1)[2][0])


def _last(scope: Scope, direction: int) -> tuple[int, int]:
    """Return time, nanoseconds since the epoch, and frame of the last handshake byte."""
    half = scope.half(direction)
    at = np.array([half.skip + len(half.first) - 1], np.int64)
    _, frame, _, time = scope.tcp(direction).frames(at, at + 1)
    return int(time[0]), int(frame[0])


def unanswered(scope: Scope) -> Iterator[Outcome]:
    """HS-03: the server takes C0 and C1 and says nothing."""
    tcp, server = scope.connection.tcp_connection, scope.connection.sides[1]
    sent = scope.tcp(0).length - scope.tcp(0).gaps.missing()
    if sent < _SIZE or scope.tcp(1).length or not tcp.saw_syn[server] or _tls(scope):
        yield NOTHING
    elif closed := scope.closed_by():
        yield Evidence(
            f"the server never answered C0 and C1: {sent} bytes came, then the {closed} closed",
            direction=0,
            span=_span(scope, 0, 1),
            expected="S0 S1 S2",
            actual="nothing",
            blame="server",
        )


def digest(scope: Scope) -> Iterator[Outcome]:
    """HS-04: a version that promises a digest, without a valid one."""
    facts = _facts(scope)
    if not facts:
        yield NOTHING
        return
    client, server = facts["digest"]["client"], facts["digest"]["server"]
    whole = [len(scope.half(d).first) >= _SIZE and not scope.half(d).damaged for d in (0, 1)]
    if whole[0] and facts["client_version"] and not client:
        yield Evidence(
            f"C1 carries version {facts['client_version']}, but no valid digest",
            direction=0,
            span=_span(scope, 0, 1),
            severity="note",
            track="C1",
            expected="a digest, or version 0",
        )
    if whole[1] and client and not server:
        claims = facts["server_version"]
        yield Evidence(
            f"C1 has a digest, S1 {f'carries version {claims} and no valid one' if claims else ''}"
            f"{'' if claims else 'answers with the simple handshake'}",
            direction=1,
            span=_span(scope, 1, 1),
            severity="warning" if claims else "note",
            track="S1",
            expected="a digest",
        )


def version(scope: Scope) -> Iterator[Outcome]:
    """HS-05: another version than 3."""
    for direction in (0, 1):
        first = scope.half(direction).first
        if first and (not scope.half(direction).has(0, 1) or headless(scope, direction)):
            yield Inconclusive(f"{_PACKETS[direction][0]} was not captured")
        elif first and first[0] != spec.VERSION and not tls.is_tls(first):
            encrypted = first[0] in spec.RTMPE_VERSIONS
            yield Evidence(
                f"{_PACKETS[direction][0]} is version {first[0]}"
                f"{': RTMPE, encrypted from here on' if encrypted else ''}",
                direction=direction,
                span=_span(scope, direction, 0),
                severity="note" if encrypted else "error",
                expected="3",
                actual=str(first[0]),
                help=_ENCRYPTED if encrypted else None,
                key=str(first[0]),
            )


def pipelined(scope: Scope) -> Iterator[Outcome]:
    """HS-06: chunks stand in the segment that ends the handshake."""
    for direction in (0, 1):
        end = scope.half(direction).skip + spec.HANDSHAKE_END
        pieces = scope.tcp(direction).locate(end - 1, 2)
        whole = len(scope.half(direction).first) == spec.HANDSHAKE_END
        if whole and len(pieces) == 1 and pieces[0].frame is not None:
            yield Evidence(
                f"the segment that ends {_PACKETS[direction][2]} carries chunks too",
                direction=direction,
                span=(end, 1),
                track=_PACKETS[direction][2],
            )


RULES: Final = (
    Rule(
        "HS-01",
        "Handshake not echoed",
        "warning",
        "definite",
        not_echoed,
        gates=("full",),
        section="RTMP 1.0 §5.2.4",
        help="Strict peers abort. The simple handshake has S2 repeat C1, and C2 repeat S1.",
        blame="sender",
    ),
    Rule(
        "HS-02",
        "Handshake stalled",
        "error",
        "definite",
        stalled,
        gates=("dir",),
        section="RTMP 1.0 §5.2",
        help="The side that owes the next packet waits for something, or what it sent is lost on "
        "the way.",
        blame="sender",
        parameters={"slow_s": 5, "stalled_s": 10},
    ),
    Rule(
        "HS-03",
        "Handshake not answered",
        "error",
        "definite",
        unanswered,
        gates=(),
        section="RTMP 1.0 §5.2.1",
        help="Is the server at this port an RTMP server, and does it accept this client's "
        "handshake?",
        blame="server",
    ),
    Rule(
        "HS-04",
        "Handshake digest not valid",
        "warning",
        "definite",
        digest,
        gates=(),
        section="RTMP 1.0 §5.2.3",
        help="Flash Player and old servers want a valid digest before they send H.264; others "
        "ignore it.",
        blame="sender",
    ),
    Rule(
        "HS-05",
        "RTMP version",
        "error",
        "definite",
        version,
        gates=(),
        section="RTMP 1.0 §5.2.2",
        help="3 is the only version in use: peers close or answer with 3. Is this RTMP at all, and "
        "was the byte changed on its way?",
        blame="sender",
    ),
    Rule(
        "HS-06",
        "Chunks right behind the handshake",
        "note",
        "definite",
        pipelined,
        gates=("full",),
        section="RTMP 1.0 §5.2.1",
        help="Legal. A peer that takes a segment for a packet fails here.",
    ),
)
