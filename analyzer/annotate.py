"""What the capture knows beyond a message's own bytes, added to its tree and summary."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from dissectors import spec
from dissectors.dissect import section_of
from dissectors.fields import Field
from dissectors.messages.command import name_reply

if TYPE_CHECKING:
    from analyzer.lookup import Lookup


def annotate(session: Lookup, row: int, type_id: int, body: Field) -> None:
    """Add calculated lines to a decoded body; they carry no bytes of their own."""
    if type_id == spec.ACKNOWLEDGEMENT:
        _acknowledgement(session, row, body)
    elif type_id in (spec.COMMAND_AMF0, spec.COMMAND_AMF3):
        _exchange(session, row, body)
    section = section_of(type_id, body)
    if section:
        body.add("section", f"Section: {section}", section).plumbing = True


class Unacknowledged(NamedTuple):
    """What an acknowledgement means where it stands."""

    sent: int
    """Bytes sent the other way by then."""
    behind: int
    reading: str
    beyond: bool
    """It acknowledges what was not sent."""

    @property
    def summary(self) -> dict[str, Any]:
        return {"stream_bytes": self.sent, "unacknowledged": self.behind}


def unacknowledged(session: Lookup, row: int, number: int) -> Unacknowledged | None:
    """Compare an acknowledged number with the bytes sent the other way by then (§5.4.3).

    Receivers differ in whether the 3073 handshake bytes count (librtmp, SRS: yes; FFmpeg,
    nginx-rtmp: no), so both readings are tried and the nearer one is taken.
    """
    connection = session.connections[session.value(row, "connection")]
    side = connection.sides[1 - session.value(row, "direction")]
    segments = connection.tcp_connection.directions[side].segments
    epoch = session.capture_start_ns
    before = int(np.searchsorted(segments.time_ns, session.value(row, "time_ns") + epoch, "right"))
    if not before:
        return None
    sent = int(segments.stream_offset[before - 1]) + int(segments.length[before - 1])
    ages = {
        "handshake included": (sent - number) & 0xFFFFFFFF,
        "handshake not counted": (sent - spec.HANDSHAKE_END - number) & 0xFFFFFFFF,
    }
    reading = min(ages, key=lambda name: ages[name])
    behind = ages[reading]
    if behind >= 1 << 31:
        return Unacknowledged(sent, 0, "beyond what was sent", True)
    return Unacknowledged(sent, behind, reading, False)


def _acknowledgement(session: Lookup, row: int, body: Field) -> None:
    field = body.find("sequence_number")
    if field is None or not isinstance(body.value, dict):
        return
    found = unacknowledged(session, row, field.value)
    if found is None:
        return
    sent, behind, reading, beyond = found
    if beyond:
        field.warn("acknowledges_too_much", f"only {sent} bytes had been sent until then")
    body.add("stream_bytes", f"Stream bytes until then: {sent} (calculated)", sent)
    body.add("unacknowledged", f"Behind by {behind} bytes, {reading} (calculated)", behind)
    body.value |= found.summary


def _exchange(session: Lookup, row: int, body: Field) -> None:
    """Link a call to its reply and back, with the time between them."""
    found = session.exchange(row)
    if found is None or not isinstance(body.value, dict):
        return
    other = found.reply if row == found.call else found.call
    what = "Reply" if row == found.call else "Call"
    name = session.message_id(other)
    frame = session.value(other, "last_frame")
    milliseconds = f"{found.latency_ns / 1e6:.3f} ms"
    line = f"{what}: {name} in frame {frame}, {milliseconds} (calculated)"
    body.add(what.lower(), line, name).plumbing = True
    if row == found.reply and body.value.get("name") in ("_result", "_error"):
        name_reply(body, found.name)
    body.value |= {what.lower(): name, "latency_ns": found.latency_ns}
