"""What is this byte stream? Judged by the first bytes of both directions (RTMP 1.0 §5.2)."""

from typing import Final, NamedTuple

from dissectors import spec
from dissectors.plausible import KNOWN_TYPES

FIRST_CHUNK: Final = 12
"""Bytes of a fmt 0 chunk header on a chunk stream below 64."""
ECHO: Final = 32
"""Bytes that do not agree by chance."""
_VERSIONS: Final = range(1, 32)
"""First bytes that may be a version: 32 and above are text protocols' (RTMP 1.0 §5.2.2)."""
_TUNNEL: Final = (b"POST /open/", b"POST /send/", b"POST /idle/", b"POST /fcs/", b"POST /close/")


class Start(NamedTuple):
    """The first bytes of one direction."""

    data: bytes | bytearray
    skip: int
    """Bytes before C0 or S0: a PROXY header."""
    from_start: bool
    """The connection was captured from its opening."""
    kind: str
    """What `handshake.classify` makes of it."""

    @property
    def size(self) -> int:
        return len(self.data) - self.skip


def recognise(starts: list[Start], likely: bool, final: bool) -> str | None:
    """Return `rtmp`, `rtmpe`, `rtmps`, `rtmpt` or `other`; None while undecided.

    `likely`: the port or the user says RTMP, so less proof will do; `final`: no more will come.
    """
    kinds = [start.kind for start in starts]
    if _handshake_shown(starts, likely, final):
        return "rtmp"
    if "rtmpe" in kinds and all(kind in ("rtmpe", "rtmp") for kind in kinds):
        if all(start.size > spec.HANDSHAKE_SIZE for start in starts):
            return "rtmpe"
    elif "rtmpe" in kinds and final and likely:
        # A server without RTMPE closes the connection instead of an answer.
        for start, other in (starts, starts[::-1]):
            if start.kind == "rtmpe" and start.from_start and other.size <= 0:
                return "rtmpe" if start.size > spec.HANDSHAKE_SIZE else None
    elif likely and "rtmps" in kinds and all(kind in ("rtmps", "more") for kind in kinds):
        return "rtmps"
    elif likely and sorted(kinds) == ["rtmp", "rtmps"]:
        return "rtmp"  # plain RTMP to a server that speaks TLS
    elif likely and final and _other_version(starts):
        return "rtmp"
    elif "rtmpt" in kinds:
        heads = [bytes(start.data[:64]) for start in starts]
        if any(path in head for path in _TUNNEL for head in heads):
            return "rtmpt"
        # The answer may be looked at before its request is.
        return None if "more" in kinds and not final else "other"
    return None


def _handshake_shown(starts: list[Start], likely: bool, final: bool) -> bool:
    """Whether both sides greet with version 3, or one does and a chunk follows C2 or S2."""
    if all(_greets(start) for start in starts):
        if max(start.size for start in starts) <= spec.HANDSHAKE_SIZE:
            return final and likely
        return likely or _agrees(starts)
    for start, other in (starts, starts[::-1]):
        if not _greets(start):
            continue
        if start.size >= spec.HANDSHAKE_END + FIRST_CHUNK:
            if chunk_at(start.data, start.skip + spec.HANDSHAKE_END):
                return True
        elif other.size <= 0 and final and start.from_start and likely:
            return start.size > spec.HANDSHAKE_SIZE or start.size == 1
    return False


def _other_version(starts: list[Start]) -> bool:
    """Whether one side sends C0 of another version, as much as C1 behind it, and waits.

    The other side says nothing, or answers with version 3, as it should (§5.2.2).
    """
    for start, other in (starts, starts[::-1]):
        opening = start.data[start.skip : start.skip + 1 + spec.HANDSHAKE_SIZE]
        if start.kind != "other" or not start.from_start or start.size <= spec.HANDSHAKE_SIZE:
            continue
        if opening[0] not in _VERSIONS or not any(opening[1:]):
            continue
        if other.size > spec.HANDSHAKE_SIZE and other.kind == "rtmp":
            return True
        if other.size <= 0 and start.size == 1 + spec.HANDSHAKE_SIZE:
            return True
    return False


def _agrees(starts: list[Start]) -> bool:
    """Whether more than two bytes 3 speak for a handshake: other protocols begin so, too (TPKT).

    The zeros of RTMP 1.0 §5.2.3, the echo of §5.2.4, or a chunk behind the handshake.
    """
    for start, other in (starts, starts[::-1]):
        first = start.skip + 1
        opening = start.data[first : first + spec.HANDSHAKE_SIZE]
        behind = other.skip + 1 + spec.HANDSHAKE_SIZE
        echo = other.data[behind + 8 : behind + spec.HANDSHAKE_SIZE]
        if len(echo) >= ECHO and echo == opening[8 : 8 + len(echo)]:
            return True
        if chunk_at(start.data, start.skip + spec.HANDSHAKE_END):
            return True
    return all(not any(start.data[start.skip + 5 : start.skip + 9]) for start in starts)


def _greets(start: Start) -> bool:
    if start.kind != "rtmp" or start.size <= 0:
        return False
    # A capture that begins at a chunk header of csid 3 also begins with byte 3.
    return start.from_start or not chunk_at(start.data, 0)


def chunk_at(data: bytes | bytearray, offset: int) -> bool:
    """Whether a plausible first chunk header of a message stands at `offset`."""
    raw = bytes(data[offset : offset + FIRST_CHUNK])
    if len(raw) < FIRST_CHUNK or raw[0] >> 6 > 1 or not 2 <= raw[0] & 0x3F < 64:
        return False
    msid = int.from_bytes(raw[8:12], "little") if raw[0] >> 6 == 0 else 0
    length = int.from_bytes(raw[4:7], "big")
    return raw[7] in KNOWN_TYPES and msid < 0x10000 and 0 < length < 1 << 20
