"""Publishers whose media the test decides message by message."""

from __future__ import annotations

from collections.abc import Iterable

from analyzer.model import Diagnostic
from tests.analyzer.rules.builder import (
    C,
    Talk,
    aac_config,
    avc_config,
    found,
    metadata,
    picture,
    sound,
)
from tests.dissectors.chunk_builder import Message

Item = Message | tuple[float, Message]
"""A message, sent when its timestamp says, or (ms since the first, message)."""
HEADERS = (metadata(), avc_config(), aac_config())


def published(items: Iterable[Item], headers: Iterable[Message] = HEADERS) -> Talk:
    """A publisher that sends `headers`, then each message at its time."""
    return sending(Talk().publishing().send(C, *headers), items)


def sending(talk: Talk, items: Iterable[Item], side: int = C) -> Talk:
    origin, first = talk.now, None
    for item in items:
        wall, message = (None, item) if isinstance(item, Message) else item
        first = message.time if first is None else first
        talk.now = max(talk.now, origin + (message.time - first if wall is None else wall))
        talk.send(side, message)
    return talk


def pictures(times: Iterable[int], gop: int = 25, cts: int = 0) -> list[Message]:
    return [picture(time, number % gop == 0, cts) for number, time in enumerate(times)]


def sounds(times: Iterable[int]) -> list[Message]:
    return [sound(time) for time in times]


def merged(*tracks: Iterable[Message]) -> list[Message]:
    """Interleave tracks by time."""
    return sorted((one for track in tracks for one in track), key=lambda one: one.time)


def video(time: int, data: str | bytes) -> Message:
    """A video message of these bytes."""
    return Message(6, 9, 1, time, bytes.fromhex(data) if isinstance(data, str) else data)


def audio(time: int, data: str | bytes) -> Message:
    return Message(4, 8, 1, time, bytes.fromhex(data) if isinstance(data, str) else data)


def severity(talk: Talk, rule: str) -> str | None:
    """Return the severity of the rule's worst finding, None where there is none."""
    item = found(talk, rule)
    return item and item.severity


def finding(talk: Talk, rule: str) -> Diagnostic:
    item = found(talk, rule)
    assert item is not None
    return item
