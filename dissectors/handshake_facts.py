"""What the two sides' handshakes say together: versions, digests, echoes (RTMP 1.0 §5.2)."""

from typing import Any, Final, NamedTuple

from dissectors import handshake, spec

SIZE: Final = spec.HANDSHAKE_SIZE
MAX_RTT_MS: Final = 60_000
"""A round trip read from the time fields is believed below a minute."""


Holes = tuple[tuple[int, int], ...]
"""(start, end) of missing bytes, counted from C0 or S0."""


class Sides(NamedTuple):
    """C0 C1 C2 and S0 S1 S2 as far as captured, 3073 bytes each when complete."""

    client: bytes
    server: bytes
    holes: tuple[Holes, Holes] = ((), ())
    """What is missing of each; the bytes there say nothing."""

    def packet(self, name: str) -> bytes:
        """Return a packet up to what was not captured: shorter then, or empty."""
        data = self.client if name[0] == "C" else self.server
        start, end = self.span(name)
        return data[start : min([end, *(max(low, start) for low, _ in self._inside(name))])]

    def span(self, name: str) -> tuple[int, int]:
        """Return where a packet stands, as far as its direction goes."""
        data = self.client if name[0] == "C" else self.server
        number = int(name[1])
        start, end = (0, 1) if not number else (1 + (number - 1) * SIZE, 1 + number * SIZE)
        return min(start, len(data)), min(end, len(data))

    def missing(self, name: str) -> int:
        """Return how many bytes are missing inside a packet."""
        start, end = self.span(name)
        return sum(min(high, end) - max(low, start) for low, high in self._inside(name))

    def _inside(self, name: str) -> Holes:
        start, end = self.span(name)
        holes = self.holes["CS".index(name[0])]
        return tuple(hole for hole in holes if hole[0] < end and start < hole[1])


def version(packet: bytes) -> str | None:
    """Return bytes 4–7 of C1 or S1 as ``9.0.124.2``; None where they are zero or not captured.

    Flash Player 9.0.115 and later, FFmpeg and most servers write a version where the
    specification has zero; SRS repeats C1's time.
    """
    raw = packet[4:8]
    return ".".join(map(str, raw)) if len(raw) == 4 and any(raw) else None


def find_digest(name: str, packet: bytes) -> handshake.Digest | None:
    """Return the valid digest of `C1` or `S1`, if it has one."""
    key = handshake.PLAYER_KEY if name[0] == "C" else handshake.SERVER_KEY
    return handshake.find_digest(packet, key)


def is_signed(name: str, packet: bytes, peer: bytes) -> bool:
    """Return whether `C2` or `S2` is signed over the digest in the peer's first packet."""
    own, theirs = handshake.SERVER_KEY, handshake.PLAYER_KEY
    if name[0] == "C":
        own, theirs = theirs, own
    digest = handshake.find_digest(peer, theirs)
    return digest is not None and handshake.verify_response(packet, own, digest.value)


def echo(packet: bytes, peer: bytes) -> str | None:
    """Compare C2 with S1, or S2 with C1 (§5.2.4); None where either is not captured whole.

    `copy`: all bytes, as librtmp, OBS and SRS send it; `yes`: the random bytes (FFmpeg and
    gortmplib zero the times); `time_only`; `no`.
    """
    if len(packet) < SIZE or len(peer) < SIZE:
        return None
    if packet == peer:
        return "copy"
    if packet[8:] == peer[8:]:
        return "yes"
    return "time_only" if packet[:4] == peer[:4] and any(peer[:4]) else "no"


def round_trip_ms(sides: Sides) -> int | None:
    """Return the round trip that the client's own clock measured: C2.time2 - C1.time (§5.2.4).

    Nearly nobody fills the fields as specified, so None unless C2 echoes a time that is not
    trivial, time2 is more than a copy, and the difference is sane.
    """
    c1, c2, s1 = sides.packet("C1"), sides.packet("C2"), sides.packet("S1")
    if min(map(len, (c1, c2, s1))) < 8 or c2[:4] != s1[:4] or c2[4:8] in (s1[4:8], bytes(4)):
        return None
    sent, read = int.from_bytes(c1[:4], "big"), int.from_bytes(c2[4:8], "big")
    elapsed = (read - sent) & 0xFFFFFFFF
    return elapsed if sent and elapsed < MAX_RTT_MS else None


def report(client: bytes, server: bytes, holes: tuple[Holes, Holes] = ((), ())) -> dict[str, Any]:
    """Return the handshake as the JSON report has it, without what needs capture times."""
    sides = Sides(client, server, holes)
    greeting = sides.packet("C0" if client else "S0")
    c1, s1, c2, s2 = (sides.packet(name) for name in ("C1", "S1", "C2", "S2"))
    digests = {"client": _digest("C1", c1), "server": _digest("S1", s1)}
    form: str | None = "digest" if any(digests.values()) else "simple"
    if form == "simple" and len(c1) < SIZE and len(s1) < SIZE:
        form = None
    return {
        "version": greeting[0] if greeting else None,
        "kind": form,
        "client_version": version(c1),
        "server_version": version(s1),
        "digest": digests,
        "c2_echoes_s1": echo(c2, s1),
        "s2_echoes_c1": echo(s2, c1),
        "c2_signed": is_signed("C2", c2, s1)
        if len(c2) == SIZE and not sides.missing("S1")
        else None,
        "s2_signed": is_signed("S2", s2, c1)
        if len(s2) == SIZE and not sides.missing("C1")
        else None,
        "rtt_fields_ms": round_trip_ms(sides),
    }


def _digest(name: str, packet: bytes) -> dict[str, Any] | None:
    """Return schema, offset and value; a digest counts only when its HMAC is right."""
    found = find_digest(name, packet)
    if found is None:
        return None
    return {
        "schema": found.schema,
        "offset": found.offset,
        "value": found.value.hex(),
        "verified": True,
    }
