"""Faults that are made by changing messages on their way between two real programs.

A change takes a message and gives what is sent in its place: nothing, itself, another, several.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from tests.dissectors.bodies import NULL, num, obj, string
from tests.dissectors.chunk_builder import Message, Style

CHUNK_SIZE, ACKNOWLEDGEMENT, USER_CONTROL, WINDOW, AUDIO, VIDEO, DATA, COMMAND = (
    1, 3, 4, 5, 8, 9, 18, 20,
)  # fmt: skip
START: Final = 1000
"""Media time (ms) at which faults of a clock begin."""

Change = Callable[[Message], Iterable[Message]]
Test = Callable[[Message], bool]


def same(message: Message) -> Iterable[Message]:
    return (message,)


def unchanged(greeting: bytes) -> bytes:
    return greeting


def as_sent(style: Style) -> Style:
    return style


@dataclass(frozen=True)
class Rewriting:
    """What happens to each direction."""

    c2s: Change = same
    s2c: Change = same
    greeting: Callable[[bytes], bytes] = unchanged
    """Of S0, S1 and S2."""
    style: Callable[[Style], Style] = as_sent
    """How the client's chunks are written, after each Set Chunk Size."""


# -- which messages ---------------------------------------------------------------------------


def of_type(*types: int) -> Test:
    return lambda message: message.type in types


def named(name: str, *holding: str) -> Test:
    """Commands and data by name, of which other strings are known."""

    def test(message: Message) -> bool:
        known = message.body.startswith(string(name))
        known = known and message.type in (COMMAND, DATA)
        return known and all(word.encode() in message.body for word in holding)

    return test


def header(message: Message) -> bool:
    """A sequence header of H.264 or AAC."""
    first, kind = message.body[:1], message.body[1:2]
    return kind == b"\0" and (message.type, first) in {(VIDEO, b"\x17"), (AUDIO, b"\xaf")}


def is_frame(message: Message) -> bool:
    return message.type in (AUDIO, VIDEO) and not header(message)


def frame_of(kind: int) -> Test:
    return lambda message: message.type == kind and is_frame(message)


def header_of(kind: int) -> Test:
    return lambda message: message.type == kind and header(message)


# -- changes ----------------------------------------------------------------------------------


def without(test: Test) -> Change:
    return lambda message: () if test(message) else (message,)


def instead(test: Test, *others: Message) -> Change:
    return lambda message: others if test(message) else (message,)


def edited(test: Test, edit: Callable[[bytes], bytes]) -> Change:
    return lambda message: (
        (message._replace(body=edit(message.body)),) if test(message) else (message,)
    )


def timed(test: Test, clock: Callable[[int], int]) -> Change:
    return lambda message: (
        (message._replace(time=clock(message.time)),) if test(message) else (message,)
    )


def both(first: Change, second: Change) -> Change:
    return lambda message: (last for one in first(message) for last in second(one))


def delayed(test: Test, until: Test) -> Change:
    """Hold messages back until another one has passed."""
    held: list[Message] = []

    def change(message: Message) -> Iterable[Message]:
        if test(message):
            held.append(message)
            return ()
        if not until(message):
            return (message,)
        late, held[:] = [message, *held], []
        return late

    return change


def metadata_number(key: str, value: float) -> Change:
    """Give a number in onMetaData another value of the same length (AMF0 §2.2)."""

    def edit(body: bytes) -> bytes:
        name = struct.pack(">H", len(key)) + key.encode()
        at = body.find(name + b"\0")
        if at < 0:
            return body
        at += len(name)
        return body[:at] + num(value) + body[at + 9 :]

    return edited(lambda message: message.type == DATA and b"onMetaData" in message.body, edit)


def start_codes(body: bytes) -> bytes:
    """Annex B instead of lengths (ISO/IEC 14496-15 §5.3.3)."""
    head, rest, out = body[:5], body[5:], b""
    while len(rest) > 4:
        end = 4 + int.from_bytes(rest[:4], "big")
        out += b"\0\0\0\1" + rest[4:end]
        rest = rest[end:]
    return head + out


def presented(message: Message) -> Iterable[Message]:
    """The presentation time as the timestamp, no composition time (FLV 10.1 §E.4.3.2)."""
    if not frame_of(VIDEO)(message):
        return (message,)
    cts = int.from_bytes(message.body[2:5], "big")
    body = message.body[:2] + bytes(3) + message.body[5:]
    return (message._replace(time=message.time + cts, body=body),)


def adts(body: bytes) -> bytes:
    """An ADTS header before the AAC frame (ISO/IEC 14496-3 §1.A.3.2)."""
    size = len(body) - 2 + 7
    bits = 0xFFF1 << 40 | 1 << 38 | 4 << 34 | 1 << 30 | size << 13 | 0x7FF << 2
    return body[:2] + bits.to_bytes(7, "big") + body[2:]


def refusal(code: str, description: str, **more: bytes) -> Message:
    """The server's answer to connect, a refusal (RTMP 1.0 §7.2.1.1)."""
    words = (("level", "error"), ("code", code), ("description", description))
    items = [(name, string(word)) for name, word in words]
    body = string("_error") + num(1) + NULL + obj(*items, *more.items())
    return Message(3, COMMAND, 0, 0, body)


def window(size: int) -> Change:
    return edited(of_type(WINDOW), lambda _: struct.pack(">I", size))


def after(test: Test, *more: Message) -> Change:
    return lambda message: (message, *more) if test(message) else (message,)


_CONNECTED: Final = named("_result", "NetConnection.Connect.Success")
_STARTED: Final = named("onStatus", "NetStream.Publish.Start")
_VIDEO_FRAME, _AUDIO_FRAME = frame_of(VIDEO), frame_of(AUDIO)
_PING: Final = Message(2, USER_CONTROL, 0, 0, struct.pack(">HI", 6, 77))
_REDIRECT: Final = (("code", num(302)), ("redirect", string("rtmp://10.77.0.99/live")))


def _chunks(size: int) -> Callable[[Style], Style]:
    """Chunks of another size than the one announced."""
    return lambda _: Style(chunk_size=size)


def _number_of_stream(message: Message) -> Iterable[Message]:
    return (message._replace(msid=7) if message.type in (AUDIO, VIDEO) else message,)


REWRITINGS: Final[dict[str, Rewriting]] = {
    "nothing": Rewriting(),
    "times-go-back": Rewriting(timed(_VIDEO_FRAME, lambda t: t - 700 * (t >= START))),
    "times-freeze": Rewriting(timed(_VIDEO_FRAME, lambda t: min(t, START))),
    "times-jump": Rewriting(timed(is_frame, lambda t: t + 60_000 * (t >= START))),
    "times-cut-to-24-bits": Rewriting(timed(is_frame, lambda t: t + 16_776_000 & 0xFFFFFF)),
    "presentation-times": Rewriting(presented),
    "audio-late": Rewriting(timed(_AUDIO_FRAME, lambda t: t + 1500)),
    "audio-clock-fast": Rewriting(timed(_AUDIO_FRAME, lambda t: t * 7 // 5)),
    "no-video-header": Rewriting(without(header_of(VIDEO))),
    "no-audio-header": Rewriting(without(header_of(AUDIO))),
    "late-video-header": Rewriting(delayed(header_of(VIDEO), _VIDEO_FRAME)),
    "no-metadata": Rewriting(without(of_type(DATA))),
    "wrong-width": Rewriting(metadata_number("width", 1920)),
    "wrong-frame-rate": Rewriting(metadata_number("framerate", 60)),
    "wrong-sample-rate": Rewriting(metadata_number("audiosamplerate", 8000)),
    "annex-b": Rewriting(edited(_VIDEO_FRAME, start_codes)),
    "adts": Rewriting(edited(_AUDIO_FRAME, adts)),
    "false-keyframes": Rewriting(
        edited(_VIDEO_FRAME, lambda body: b"\x17" + body[1:]),
    ),
    "wrong-message-stream": Rewriting(_number_of_stream),
    "chunk-size-lie": Rewriting(style=_chunks(128)),
    "no-extended-timestamp": Rewriting(
        both(
            timed(is_frame, lambda t: t + 16_800_000),
            edited(of_type(CHUNK_SIZE), lambda _: struct.pack(">I", 128)),
        ),
        style=lambda _: Style(repeat_extended=False),
    ),
    "illegal-chunk-size": Rewriting(edited(of_type(CHUNK_SIZE), lambda _: bytes(4))),
    "no-acknowledgement": Rewriting(
        after(named("connect"), Message(2, WINDOW, 0, 0, struct.pack(">I", 5000))),
        both(without(of_type(ACKNOWLEDGEMENT)), window(2_500_000)),
    ),
    "ping-unanswered": Rewriting(
        without(lambda m: m.type == USER_CONTROL and m.body[:2] == b"\0\7"), after(_STARTED, _PING)
    ),
    "handshake-not-echoed": Rewriting(
        greeting=lambda data: data[:1545] + bytes(byte ^ 0xFF for byte in data[1545:])
    ),
    "connect-refused": Rewriting(
        s2c=instead(_CONNECTED, refusal("NetConnection.Connect.Rejected", "code=403 need auth"))
    ),
    "connect-redirected": Rewriting(
        s2c=instead(
            _CONNECTED,
            refusal("NetConnection.Connect.Rejected", "moved", ex=obj(*_REDIRECT)),
        )
    ),
    "no-answer-to-connect": Rewriting(s2c=without(_CONNECTED)),
    "no-answer-to-create-stream": Rewriting(
        s2c=without(lambda m: named("_result")(m) and not _CONNECTED(m))
    ),
    "no-publish-start": Rewriting(s2c=without(_STARTED)),
    "malformed-metadata": Rewriting(
        edited(of_type(DATA), lambda body: body.replace(b"width\0", b"width\2\xff\xff", 1))
    ),
    "no-audio": Rewriting(without(of_type(AUDIO))),
}
"""Name → what is done; all of one publisher to one server."""
