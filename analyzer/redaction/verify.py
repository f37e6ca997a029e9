"""Proof that a written copy holds no secret and still reads as the original does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from analyzer import covered
from analyzer.link import LinkLayer
from analyzer.redaction.collect import text_rows
from analyzer.redaction.edits import payload_starts, within_frames
from analyzer.redaction.reread import blocks

if TYPE_CHECKING:
    from analyzer.redaction.patterns import Patterns
    from analyzer.session import Session

COMPARED: Final = (
    "connection direction index stream_offset end_offset chunks fmt csid msid type_id timestamp "
    "length received flags first_frame last_frame time_ns first_time_ns"
).split()
"""What must be equal of each message."""


def leaks(copy: Session, patterns: Patterns) -> list[str]:
    """Return where secrets survive: in packets, across segments, across chunk headers."""
    found: list[str] = []
    link = LinkLayer()
    for block in blocks(copy.captures.files[0]):
        if not len(block.frames):
            continue
        segments = link.decode(block.frames)
        starts = payload_starts(block.frames, segments)
        for hit in within_frames(patterns.find(block.data), block.frames, starts):
            index = int(np.searchsorted(block.frames.offset, hit.start, side="right")) - 1
            found.append(f"packet {block.frames.first_frame + index}")
    for connection in copy.connections:
        for direction in (0, 1):
            found += _stream(copy, connection.index, direction, patterns)
    for row in copy.order().tolist():
        if patterns.find(copy.body(row).data):
            found.append(f"message {copy.message_id(row)}")
    return found


def _stream(copy: Session, connection: int, direction: int, patterns: Patterns) -> list[str]:
    return [
        f"stream of {copy.connections[connection].id}, near offset {at}"
        for at, data in covered.blocks(copy, connection, direction, patterns.longest)
        if patterns.find(data)
    ]


def differences(original: Session, copy: Session) -> list[str]:
    """Return in what the copy reads differently: messages, their places, their AMF structure."""
    if original.packets != copy.packets:
        return [f"{copy.packets} packets instead of {original.packets}"]
    if len(original.messages) != len(copy.messages):
        return [f"{len(copy.messages)} messages instead of {len(original.messages)}"]
    found = []
    # Rows are numbered as they were read, which a compressed file's blocks may change.
    first, second = original.order(), copy.order()
    for name in COMPARED:
        same = original.messages.column(name)[first] == copy.messages.column(name)[second]
        if not same.all():
            row = int(first[np.argmin(same)])
            found.append(f"{name} of message {original.message_id(row)}")
    if found:
        return found
    mirror = dict(zip(first.tolist(), second.tolist(), strict=True))
    for row in text_rows(original, first):
        if _shape(original, row) != _shape(copy, mirror[row]):
            found.append(f"structure of message {original.message_id(row)}")
    return found


def _shape(session: Session, row: int) -> list[tuple[str, int, int]]:
    return [(node.name, node.start, node.length) for node in session.dissect(row).body.walk()]
