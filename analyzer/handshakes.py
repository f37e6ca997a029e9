"""A connection's handshake as the JSON report has it, with round trips from capture times."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dissectors import handshake_facts, spec

if TYPE_CHECKING:
    from analyzer.model import Connection
    from dissectors.fields import Field


def handshake(connection: Connection) -> dict[str, Any] | None:
    """Return versions, digests, echoes and round trips; None where no handshake was seen."""
    rtmp = connection.rtmp
    if not rtmp.handshake_seen and connection.variant != "rtmpe":
        return None
    halves = [rtmp.halves[side] for side in connection.sides]
    if not any(half.first for half in halves):
        return None
    holes = (halves[0].first_holes, halves[1].first_holes)
    found = handshake_facts.report(halves[0].first, halves[1].first, holes)
    whole = any(half.handshake_complete for half in halves) or connection.variant == "rtmpe"
    if found["kind"] == "simple" and not whole:
        found["kind"] = None  # the digest may stand where bytes are missing
    return found | {"rtt_ns": round_trips(connection)}


def round_trips(connection: Connection) -> dict[str, int | None]:
    """Return round trips from the capture point in nanoseconds (RTMP 1.0 §5.2.1).

    To the server: from the end of C1 to the beginning of S0, which the server may not send
    before C0. To the client: from the end of S1 to the beginning of C2, which must wait for it.
    None where the bytes were not captured or the order shows that the peer did not wait.
    """
    halves = [connection.rtmp.halves[side] for side in connection.sides]
    start, end = (half.skip for half in halves), spec.HANDSHAKE_SIZE
    c0, s0 = start
    server = _between(connection, (0, c0 + end), (1, s0))
    client = _between(connection, (1, s0 + end), (0, c0 + end + 1))
    total = None if server is None or client is None else server + client
    return {"client": client, "server": server, "total": total}


def add_round_trips(connection: Connection, trees: list[Field]) -> None:
    """Add the round trips to the tree of C2, which ends the handshake."""
    c2 = next((node for tree in trees for node in tree.children if node.name == "c2"), None)
    if c2 is None:
        return
    for who, elapsed in round_trips(connection).items():
        if elapsed is not None:
            what = "end to end" if who == "total" else f"capture point to {who}"
            text = f"Round trip, {what}: {elapsed / 1e6:.3f} ms (calculated)"
            c2.add(f"rtt_{who}", text, elapsed)


def _between(connection: Connection, asked: tuple[int, int], said: tuple[int, int]) -> int | None:
    """Return the time from one byte, given as (direction, stream offset), to another."""
    times = []
    for direction, offset in (asked, said):
        stream = connection.tcp_connection.directions[connection.sides[direction]]
        frame, _, time, _ = stream.frames(np.array([offset]), np.array([offset + 1]))
        if int(frame[0]) < 0:
            return None
        times.append(int(time[0]))
    elapsed = times[1] - times[0]
    return elapsed if elapsed >= 0 else None
