"""What the capture knows beyond a message's own bytes, added to its tree and summary."""

from __future__ import annotations

from typing import TYPE_CHECKING

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


def _acknowledgement(session: Lookup, row: int, body: Field) -> None:
    """Compare with the bytes that had been sent the other way by then (§5.4.3).

    Receivers differ in whether the 3073 handshake bytes count (librtmp, SRS: yes; FFmpeg,
    nginx-rtmp: no), so both readings are tried and the nearer one is taken.
    """
    field = body.find("sequence_number")
    if field is None or not isinstance(body.value, dict):
        return
    connection = session.connections[session.value(row, "connection")]
    side = connection.sides[1 - session.value(row, "direction")]
    segments = connection.tcp_connection.directions[side].segments
    epoch = session.capture_start_ns
    before = int(np.searchsorted(segments.time_ns, session.value(row, "time_ns") + epoch, "right"))
    if not before:
        return
    sent = int(segments.stream_offset[before - 1]) + int(segments.length[before - 1])
    ages = {
        "handshake included": (sent - field.value) & 0xFFFFFFFF,
        "handshake not counted": (sent - spec.HANDSHAKE_END - field.value) & 0xFFFFFFFF,
    }
    reading = min(ages, key=lambda name: ages[name])
    behind = ages[reading]
    if behind >= 1 << 31:
        field.warn("acknowledges_too_much", f"only {sent} bytes had been sent until then")
        behind, reading = 0, "beyond what was sent"
    body.add("stream_bytes", f"Stream bytes until then: {sent} (calculated)", sent)
    body.add("unacknowledged", f"Behind by {behind} bytes, {reading} (calculated)", behind)
    body.value |= {"stream_bytes": sent, "unacknowledged": behind}


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
