"""Seeded mutations of captures: of the file, its records, the streams, chunks and bodies."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from tests.fuzz.seeds import Frame, Seed, Talk, joined, record_file, stream_file

EXTREMES = (
    0,
    1,
    2,
    0x7F,
    0x80,
    0xFF,
    0xFFFF,
    0x10000,
    0xFFFFFF,
    0x7FFFFFFF,
    0x80000000,
    0xFFFFFFFF,
)
AMF_MARKERS = bytes((*range(0x12), 0x2A, 0xFF))
CHUNK_HEADERS = tuple(
    bytes.fromhex(text)
    for text in (
        "02 000000 000004 01 00000000 00000000",  # Set Chunk Size 0
        "02 000000 000004 01 00000000 00000001",
        "02 000000 000004 01 00000000 80000080",  # the top bit, §5.4.1
        "02 000000 000004 01 00000000 7fffffff",
        "02 000000 000004 02 00000000 00000004",  # Abort
        "04 ffffff ffffff 09 01000000 ffffffff",  # announces 16 MB, extended timestamp
        "00 ff 000000 ffffff 14 00000000",
        "01 ffff 000000 000000 08 01000000",
        "c4 c4 c4 c4",
        "84 ffffff 44 ffffff 000000 16",
        "04 000000 00000b 16 01000000 09 000000 000000 00 000000",  # an empty aggregate
    )
)


def mutate(seeds: Sequence[Seed], dice: random.Random) -> bytes:
    """Return a capture that no program ever wrote. Of `seeds` the first are taken more often."""
    seed = seeds[min(dice.randrange(len(seeds)), dice.randrange(len(seeds)))]
    kinds: list[Callable[[Seed, Sequence[Seed], random.Random], bytes]] = [of_file, of_records]
    kinds += [of_set, of_foreign]
    if seed.talks:
        kinds += [of_stream, of_chunks, of_chunks, of_bodies, of_bodies]
    data = dice.choice(kinds)(seed, seeds, dice)
    if dice.random() < 0.05:
        data = damaged(data, dice, data)
    return data


def damaged(data: bytes, dice: random.Random, donor: bytes) -> bytes:
    """Flip, cut, repeat, insert or replace some bytes."""
    out = bytearray(data)
    for _ in range(dice.choice((1, 1, 2, 4, 16))):
        at = dice.randrange(len(out) + 1)
        count = dice.choice((1, 2, 4, 8, 60, 1000))
        action = dice.randrange(8)
        if action == 0:
            for place in range(at, min(at + count, len(out))):
                out[place] ^= 1 << dice.randrange(8)
        elif action == 1:
            del out[at : at + count]
        elif action == 2:
            out[at:at] = out[at : at + count]
        elif action == 3:
            start = dice.randrange(len(donor) + 1)
            out[at:at] = donor[start : start + count]
        elif action == 4:
            out[at : at + count] = dice.randbytes(count)
        elif action == 5:
            width = dice.choice((1, 2, 3, 4))
            value = dice.choice(EXTREMES) & ((1 << 8 * width) - 1)
            out[at : at + width] = value.to_bytes(width, dice.choice(("big", "little")))
        elif action == 6:
            out[at : at + count] = bytes((dice.randrange(256),)) * count
        elif dice.random() < 0.2:
            del out[at:]
    return bytes(out)


def of_file(seed: Seed, seeds: Sequence[Seed], dice: random.Random) -> bytes:
    """Damage the file, or splice two."""
    other = dice.choice(seeds).data
    if dice.random() < 0.2:
        return seed.data[: dice.randrange(len(seed.data))] + other[dice.randrange(len(other)) :]
    return damaged(seed.data, dice, other)


def of_records(seed: Seed, seeds: Sequence[Seed], dice: random.Random) -> bytes:
    """Lose, repeat, reorder, cut and damage frames."""
    frames = list(seed.frames)
    for _ in range(dice.choice((1, 2, 5, 20))):
        if not frames:
            break
        at = dice.randrange(len(frames))
        time_ns, data, wirelen = frames[at]
        action = dice.randrange(9)
        if action == 0:
            del frames[at : at + dice.choice((1, 3, 20))]
        elif action == 1:
            frames.insert(dice.randrange(len(frames) + 1), frames[at])
        elif action == 2:
            part = frames[at : at + 12]
            dice.shuffle(part)
            frames[at : at + 12] = part
        elif action == 3:
            frames[at] = Frame(time_ns, data[: dice.randrange(len(data) + 1)], wirelen)
        elif action == 4:
            frames[at] = Frame(time_ns, damaged(data[:80], dice, data) + data[80:], wirelen)
        elif action == 5:
            jump = dice.choice((-(10**12), -1, 10**9, 6 * 10**9, 2**62, -time_ns))
            frames[at] = Frame(min(time_ns + jump, 2**62), data, wirelen)
        elif action == 6 and len(data) > 54:
            place, width = dice.choice(
                ((16, 2), (38, 4), (42, 4), (46, 1), (47, 1), (48, 2), (20, 2))
            )
            value = dice.choice(EXTREMES) & ((1 << 8 * width) - 1)
            data = data[:place] + value.to_bytes(width, "big") + data[place + width :]
            frames[at] = Frame(time_ns, data, wirelen)
        elif action == 7:
            frames[at] = Frame(time_ns, data, dice.choice(EXTREMES))
        else:
            frames[at] = Frame(time_ns, damaged(data, dice, data), wirelen)
    return record_file(frames, seed.link if dice.random() < 0.97 else dice.randrange(300))


def of_set(seed: Seed, seeds: Sequence[Seed], dice: random.Random) -> bytes:
    """Cut a capture into files that overlap, in any order, some of them damaged or none."""
    files = []
    for _ in range(dice.choice((2, 2, 3, 6))):
        start = dice.randrange(len(seed.frames) + 1)
        part = seed.frames[start : start + dice.choice((0, 1, 10, 80, len(seed.frames)))]
        file = record_file(part, seed.link)
        if dice.random() < 0.3:
            file = damaged(file, dice, dice.choice(seeds).data)
        files.append(file)
    if dice.random() < 0.3:
        files.insert(dice.randrange(len(files)), dice.choice((b"", b"no capture", seed.data[:20])))
    return joined(files)


def of_foreign(seed: Seed, seeds: Sequence[Seed], dice: random.Random) -> bytes:
    """Bytes of any protocol, or of one with a bad start, with a hole before it is recognised."""
    streams = []
    for _ in range(2):
        donor = dice.choice(seeds)
        stream = dice.choice((donor.data, dice.randbytes(70_000), b"\x03" + donor.data))
        stream *= 1 + dice.choice((0, 66_000, 140_000)) // max(len(stream), 1)
        streams.append(stream[:150_000])
    start = dice.choice((0, 1, 1000, 3000, 4000, 60_000))
    hole = start, start + dice.choice((1, 1448, 20_000, 66_000))
    return stream_file(streams, dice, syn=dice.random() < 0.7, lost=hole)


def of_stream(seed: Seed, seeds: Sequence[Seed], dice: random.Random) -> bytes:
    """Damage what TCP carries."""
    talk = dice.choice(seed.talks)
    streams = list(talk.streams)
    side = dice.randrange(2)
    others = [each for seed_ in seeds for each in seed_.talks]
    streams[side] = damaged(streams[side], dice, dice.choice(others).streams[dice.randrange(2)])
    if dice.random() < 0.1:
        streams[dice.randrange(2)] = b""
    if dice.random() < 0.2:
        cut = dice.randrange(len(streams[side]) + 1)
        streams[side] = streams[side][cut:]
    return stream_file(streams, dice, syn=dice.random() < 0.85)


def of_chunks(seed: Seed, seeds: Sequence[Seed], dice: random.Random) -> bytes:
    """Rewrite and insert chunk headers."""
    talk = dice.choice(seed.talks)
    streams = [bytearray(stream) for stream in talk.streams]
    for _ in range(dice.choice((1, 1, 2, 6))):
        side = dice.randrange(2)
        if not talk.headers[side]:
            continue
        at, stream = min(dice.choice(talk.headers[side]), len(streams[side])), streams[side]
        action = dice.randrange(4)
        if action == 0:
            header = dice.choice(CHUNK_HEADERS)
            stream[at:at] = header * dice.choice((1, 1, 1, 2, 50, 3000))
        elif action == 1 and at < len(stream):
            stream[at] = stream[at] & 0x3F | dice.randrange(4) << 6
        elif action == 2 and at < len(stream):
            stream[at] = stream[at] & 0xC0 | dice.choice((0, 1, 2, 3, 4, 6, 63))
        else:
            place, width = dice.choice(((1, 3), (4, 3), (7, 1), (8, 4)))
            value = dice.choice(EXTREMES) & ((1 << 8 * width) - 1)
            stream[at + place : at + place + width] = value.to_bytes(width, "big")
    return stream_file([bytes(stream) for stream in streams], dice)


def of_bodies(seed: Seed, seeds: Sequence[Seed], dice: random.Random) -> bytes:
    """Change markers, lengths and codes inside message bodies; their sizes stay."""
    talk: Talk = dice.choice(seed.talks)
    streams = [bytearray(stream) for stream in talk.streams]
    for _ in range(dice.choice((1, 2, 5, 15))):
        if not talk.bodies:
            break
        side, at, length = dice.choice(talk.bodies)
        stream, place = streams[side], at + dice.randrange(min(length, dice.choice((8, 64, 4096))))
        action = dice.randrange(5)
        if action == 0:
            stream[place : place + 1] = bytes((dice.choice(AMF_MARKERS),))
        elif action == 1:
            width = dice.choice((1, 2, 4))
            stream[place : place + width] = (dice.choice(EXTREMES) & (1 << 8 * width) - 1).to_bytes(
                width, "big"
            )
        elif action == 2:
            stream[place : place + 1] = bytes((dice.randrange(256),))
        elif action == 3:
            _, start, size = dice.choice(talk.bodies)
            donor = talk.streams[side][start : start + min(size, length)]
            stream[at : at + len(donor)] = donor
        else:
            text = dice.choice(
                (b"\x1b]0;x\x07", b"\xff\xfe", "\u202e".encode(), b"\x11\x0a\x0b\x01")
            )
            stream[place : place + len(text)] = text
    return stream_file([bytes(stream) for stream in streams], dice, syn=dice.random() < 0.9)
