"""What must be said of each fault in messages: which rule, whose fault, in what words, where."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from tests.dissectors.chunk_builder import Message
from tests.faults.rewrite import AUDIO, CHUNK_SIZE, VIDEO, Test, frame_of, is_frame, of_type


class Sent(NamedTuple):
    """A message on the wire."""

    message: Message
    changed: bool
    """Not what its program had sent."""
    frames: range = range(0)
    """Of the capture, where these are known."""


Place = Callable[[Sequence[Sent]], int]
"""Finds the message that shows the fault first, by its number in its direction."""


@dataclass(frozen=True)
class Truth:
    rule: str
    blame: str
    says: str
    """What the sentence names: the fault and the values that were put in."""
    place: Place | None = None
    direction: int = 0
    """Of the message: 0 client → server."""


def changed(sent: Sequence[Sent]) -> int:
    return next(number for number, item in enumerate(sent) if item.changed)


def first(test: Test) -> Place:
    return lambda sent: next(number for number, item in enumerate(sent) if test(item.message))


def stepping(test: Test, wrong: Callable[[int], bool]) -> Place:
    """The first message whose time is a wrong step from the one before of its kind."""

    def place(sent: Sequence[Sent]) -> int:
        last: dict[int, int] = {}
        for number, (message, *_) in enumerate(sent):
            if test(message):
                if message.type in last and wrong(message.time - last[message.type]):
                    return number
                last[message.type] = message.time
        raise LookupError

    return place


def many_chunks(sent: Sequence[Sent]) -> int:
    """The first message behind Set Chunk Size that 128 bytes do not hold."""
    start = first(of_type(CHUNK_SIZE))(sent)
    return next(n for n, item in enumerate(sent) if n > start and len(item.message.body) > 128)


def equal(step: int) -> bool:
    return not step


def back(step: int) -> bool:
    return step < 0


_VIDEO, _AUDIO = frame_of(VIDEO), frame_of(AUDIO)

TRUTHS: Final[dict[str, Truth]] = {
    "times-go-back": Truth("TS-01", "client", "decoding time of video goes back", changed),
    "times-freeze": Truth(
        "TS-02",
        "client",
        "video frames repeat the decoding time",
        stepping(_VIDEO, lambda d: not d),
    ),
    "times-jump": Truth("TS-03", "client", "clock jumps by 60", changed),
    "times-cut-to-24-bits": Truth(
        "TS-05", "client", "above 24 bits is lost", stepping(is_frame, back)
    ),
    "presentation-times": Truth(
        "VID-11", "client", "timestamps are presentation times", stepping(_VIDEO, back)
    ),
    "audio-late": Truth("TS-08", "client", "audio begins 1.", changed),
    "no-video-header": Truth("VID-01", "client", "without a sequence header", first(_VIDEO)),
    "late-video-header": Truth("VID-01", "client", "before the sequence header", first(_VIDEO)),
    "no-audio-header": Truth("AUD-01", "client", "without a sequence header", first(_AUDIO)),
    "no-metadata": Truth("META-01", "client", "no onMetaData", first(is_frame)),
    "wrong-width": Truth("META-03", "client", "says size 1920×", changed),
    "wrong-frame-rate": Truth("META-03", "client", "says frame rate 60", changed),
    "wrong-sample-rate": Truth("META-03", "client", "says audio sample rate 8000", changed),
    "malformed-metadata": Truth("AMF-02", "client", "String needs 65535 bytes", changed),
    "annex-b": Truth("VID-05", "client", "Annex B start codes", changed),
    "adts": Truth("AUD-03", "client", "ADTS header", changed),
    "false-keyframes": Truth("VID-08", "client", "flagged as keyframe", changed),
    "wrong-message-stream": Truth("CMD-08", "client", "message stream 7", changed),
    "chunk-size-lie": Truth("CHK-01", "client", "sends chunks of 128 bytes", many_chunks),
    "illegal-chunk-size": Truth("CHK-02", "client", "Set Chunk Size 0", changed),
    "no-extended-timestamp": Truth(
        "CHK-05",
        "client",
        "lack the extended timestamp",
        first(lambda message: is_frame(message) and len(message.body) > 128),
    ),
    "no-acknowledgement": Truth("CTL-01", "server", "its window is 5000"),
    "handshake-not-echoed": Truth("HS-01", "server", "S2 does not repeat the random bytes of C1"),
    "connect-refused": Truth("CMD-01", "client", "code=403 need auth", changed, 1),
    "connect-redirected": Truth("CMD-02", "client", "redirection to 10.77.0.99", changed, 1),
    "no-answer-to-connect": Truth("CMD-06", "server", "connect not answered"),
    "no-answer-to-create-stream": Truth("CMD-06", "server", "createStream not answered"),
    "no-publish-start": Truth("CMD-05", "server", "never answered publish"),
    "no-audio": Truth("META-03", "client", "announces audio, none is sent"),
    "ping-unanswered": Truth("CTL-03", "client", "did not answer a ping"),
}
"""Fault (`tests.faults.rewrite`) → what must be said first."""
