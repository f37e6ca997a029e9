"""Streams of many senders' habits, made by a seed: what few captures show, and what is legal."""

import random
import struct
from collections.abc import Callable, Iterator, Sequence

from tests.dissectors.chunk_builder import Builder, Media, Message, Row, Style, media
from tests.dissectors.resync_trials import SEGMENT

SIZES = (128, 128, 256, 512, 1000, 1400, 4000, 4096, 4096, 5000, 16384, 60000, 65536, 1 << 20)
Maker = Callable[[random.Random, Style, Media], list[Message]]
Stream = tuple[str, bytes, list[Row], list[int]]
"""Name, chunk stream, messages, where segments start."""


def _string(text: bytes) -> bytes:
    return struct.pack(">H", len(text)) + text


def _letters(rng: random.Random, most: int) -> bytes:
    return bytes(rng.choices(b"abcdefgh ", k=rng.randrange(1, most)))


def _plain(rng: random.Random, style: Style, what: Media) -> list[Message]:
    """Audio and video, sometimes with commands and metadata between."""
    seconds = rng.choice((6, 12))
    messages = media(rng, seconds, what)
    for _ in range(rng.choice((0, 3, 10))):
        time = what.start + rng.randrange(seconds * 1000)
        name = rng.choice((b"onMetaData", b"onTextData", b"@setDataFrame"))
        body = b"\2" + _string(name) + b"\2" + _string(_letters(rng, 400))
        messages.append(Message(5, 18, what.msid, time, body))
        messages.append(_command(rng, 20, time))
    return sorted(messages, key=lambda message: message.time)


def _command(rng: random.Random, type_: int, time: int) -> Message:
    name = rng.choice((b"onStatus", b"_result", b"FCPublish", b"createStream"))
    body = b"\2" + _string(name) + b"\0" + rng.randbytes(8) + b"\5\2" + _string(_letters(rng, 200))
    return Message(3, type_, 0, time, b"\0" * (type_ == 17) + body)


def _every_header_full(rng: random.Random, style: Style, what: Media) -> list[Message]:
    style.compress = 0
    return _plain(rng, style, what)


def _wide_csids(rng: random.Random, style: Style, what: Media) -> list[Message]:
    style.csid_bytes = rng.choice((2, 3))
    what.video_csid, what.audio_csid = rng.sample(
        range(64, 320 if rng.random() < 0.5 else 65600), 2
    )
    return _plain(rng, style, what)


def _large_chunks(rng: random.Random, style: Style, what: Media) -> list[Message]:
    what.key_size, what.frame_size = 120_000, 12_000
    return _plain(rng, style, what)


def _tiny(rng: random.Random, style: Style, what: Media) -> list[Message]:
    return [m._replace(body=m.body[: rng.randrange(9, 50)]) for m in _plain(rng, style, what)
            if m.type in (8, 9)]  # fmt: skip


def _enhanced(rng: random.Random, style: Style, what: Media) -> list[Message]:
    what.video, what.audio = "hevc", "opus"
    return _plain(rng, style, what)


def _three_streams(rng: random.Random, style: Style, what: Media) -> list[Message]:
    return [m._replace(csid=m.csid + 10 * each, msid=m.msid + each)
            for m in media(rng, 6, what) for each in range(3)]  # fmt: skip


def _g711(rng: random.Random, style: Style, what: Media) -> list[Message]:
    style.compress = 3
    what.audio, what.video = "g711", rng.choice(("none", "avc"))
    return media(rng, 12, what)


def _constant_aac(rng: random.Random, style: Style, what: Media) -> list[Message]:
    style.compress = 3
    what.video = rng.choice(("none", "avc", "avc"))
    size, messages, count = rng.randrange(40, 500), [], 0
    for message in media(rng, 12, what):
        if message.type == 8:
            body = message.body[:2] + rng.randbytes(size)
            message = message._replace(time=what.start + 23 * count, body=body)
            count += 1
        messages.append(message)
    return sorted(messages, key=lambda message: message.time)


def _extended(rng: random.Random, style: Style, what: Media) -> list[Message]:
    what.start, style.repeat_extended = 0x1000000 + rng.randrange(1 << 20), rng.random() < 0.5
    return _plain(rng, style, what)


def _interleaved(rng: random.Random, style: Style, what: Media) -> list[Message]:
    style.interleave = True
    return _plain(rng, style, what)


def _data(rng: random.Random, style: Style, what: Media) -> list[Message]:
    return [Message(5, 18, 1, 100 * n, b"\2" + _string(b"onTextData") + b"\2"
                    + _string(_letters(rng, 400))) for n in range(300)]  # fmt: skip


def _commands_amf3(rng: random.Random, style: Style, what: Media) -> list[Message]:
    return [_command(rng, 17, 50 * n) for n in range(300)]


def _shared_objects(rng: random.Random, style: Style, what: Media) -> list[Message]:
    messages = []
    for number in range(300):
        event = _string(b"said") + b"\2" + _string(_letters(rng, 200))
        head = _string(b"chat") + struct.pack(">III", number, 0, 0)
        body = head + b"\4" + struct.pack(">I", len(event)) + event
        messages.append(Message(3, 19, 0, 50 * number, body))
    return messages


def _aggregates(rng: random.Random, style: Style, what: Media) -> list[Message]:
    parts, messages = media(rng, 12, what), []
    for first in range(0, len(parts), 8):
        body = b""
        for part in parts[first : first + 8]:
            time = (part.time & 0xFFFFFF).to_bytes(3, "big") + bytes((part.time >> 24,))
            tag = bytes((part.type,)) + len(part.body).to_bytes(3, "big") + time + bytes(3)
            body += tag + part.body + struct.pack(">I", len(tag) + len(part.body))
        messages.append(Message(4, 22, 1, parts[first].time, body))
    return messages


SHAPES: dict[str, tuple[Maker, Sequence[int]]] = {
    "plain": (_plain, SIZES),
    "full headers": (_every_header_full, SIZES),
    "wide csids": (_wide_csids, SIZES),
    "large chunks": (_large_chunks, (60_000, 65_536, 262_144, 1 << 20)),
    "small chunks": (_plain, (1, 2, 7, 16, 50, 100, 127)),
    "tiny messages": (_tiny, SIZES),
    "enhanced": (_enhanced, SIZES),
    "three streams": (_three_streams, SIZES),
    "G.711": (_g711, SIZES),
    "constant AAC": (_constant_aac, SIZES),
    "extended": (_extended, SIZES),
    "interleaved": (_interleaved, (128, 1400, 4096)),
    "data": (_data, SIZES),
    "AMF3 commands": (_commands_amf3, SIZES),
    "shared objects": (_shared_objects, SIZES),
    "aggregates": (_aggregates, SIZES),
    "changing size": (_plain, SIZES),
}
"""What is sent, and the chunk sizes it is sent in."""
_PUSHED = ("data", "AMF3 commands", "shared objects")
"""Sent message by message: segments begin with them."""


def shape(kind: str, seed: int) -> Stream:
    """Return the stream of `kind` that `seed` makes."""
    rng = random.Random(f"{kind} {seed}")
    make, sizes = SHAPES[kind]
    style = Style(compress=rng.choice((0, 1, 3)))
    what = Media(key_size=rng.choice((3000, 9000)), frame_size=rng.choice((300, 1500, 5000)))
    messages = make(rng, style, what)
    builder = Builder(style)
    builder.set_chunk_size(rng.choice(sizes))
    while kind == "changing size" and messages:
        count = rng.randrange(10, 80)
        builder.add(messages[:count])
        del messages[:count]
        usual, style.compress = style.compress, 0  # every sender spells it out
        builder.set_chunk_size(rng.choice((64, 100, 128, 333, 777, 2000, 4096, 10_000, 60_000)))
        style.compress = usual
    builder.add(messages)
    starts = list(range(0, len(builder.data), SEGMENT))
    if kind in _PUSHED:
        starts = [at for row in builder.rows for at in range(row.offset, row.end, SEGMENT)]
    return f"{kind} {seed}", bytes(builder.data), builder.rows, starts


def shapes(seeds: range) -> Iterator[tuple[str, Stream]]:
    """Yield (kind, stream) of every shape and seed."""
    for kind in SHAPES:
        for seed in seeds:
            yield kind, shape(kind, seed)
