"""Where the coded media of a message stands: behind its tag header, no configuration."""

from __future__ import annotations

from analyzer.media_parts import parts, tags
from dissectors import spec


def coded(type_id: int, body: bytes, length: int) -> list[tuple[int, int]]:
    """Return (start, length) of the coded media in a message of `length` bytes.

    `body` may be its beginning where `media_parts.needs_body` allows that.
    """
    if type_id != spec.AGGREGATE:
        return [(part.start, part.length) for part in parts(type_id, body, length) if part.coded]
    found = []
    for tag in tags(type_id, body):
        inner = body[tag.start : tag.start + tag.length]
        for start, size in coded(tag.type_id, inner, tag.length):
            found.append((tag.start + start, size))
    return found
