"""Locking again after cuts and losses (RTMP 1.0 §5.3): found early, and never wrongly."""

import random
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from dissectors.resync import Hints, search
from dissectors.spec import HANDSHAKE_END
from tests.dissectors.chunk_builder import Builder, Media, Message, Row, Style, build, media
from tests.dissectors.resync_reader import read
from tests.dissectors.resync_trials import (
    Tally,
    captured,
    cut,
    drop,
    pieces_of,
    segments,
    synthetic,
)

CAPTURES = Path(__file__).parents[2] / "captures"
STREAMS = {name: (data, rows) for name, data, rows in synthetic(3)}
TRIALS = 4


def tallied(name: str, mode: str) -> Tally:
    data, rows = STREAMS[name]
    starts = list(range(0, len(data), 1448))
    rng, tally = random.Random(f"{name} {mode}"), Tally()
    for _ in range(TRIALS):
        if mode == "cut":
            pieces, _ = cut(rng, data, starts)
        else:
            pieces, _ = drop(rng, data, starts, int(mode))
        tally.add(name, rows, pieces, read(pieces, synchronised=mode != "cut"))
    return tally


@pytest.mark.parametrize("mode", ["cut", "1", "5"])
@pytest.mark.parametrize("name", STREAMS)
def test_generated_streams(name: str, mode: str) -> None:
    tally = tallied(name, mode)
    assert tally.false == 0, tally.examples
    assert tally.locked == tally.trials, tally.examples
    assert tally.got >= 0.98 * tally.wanted, tally.examples


def test_recall_over_all_generated_streams() -> None:
    wanted = got = 0
    for name in STREAMS:
        tally = tallied(name, "cut")
        wanted, got = wanted + tally.wanted, got + tally.got
    assert got >= 0.995 * wanted


@pytest.mark.parametrize("folder", ["real", "edge"])
def test_captures(folder: str) -> None:
    paths = sorted((CAPTURES / folder).glob("pub*.pcap")) + sorted(
        (CAPTURES / folder).glob("play-vod*.pcap")
    )
    total = Tally()
    for path in paths:
        for name, data, rows, starts in captured(path):
            rng = random.Random(name)
            for _ in range(TRIALS):
                pieces, segments = cut(rng, data, starts)
                total.add(name, rows, pieces, read(pieces, segments=segments))
                pieces, segments = drop(rng, data, starts, 3)
                out = read(pieces, synchronised=True, segments=segments)
                total.add(name, rows, pieces, out)
    assert total.trials
    assert total.false == 0, total.examples
    assert total.got >= 0.995 * total.wanted, total.examples


def whole() -> tuple[bytes, list[Row]]:
    """The publisher's chunk stream of which the next two captures are harmed copies."""
    return next(captured(CAPTURES / "edge/pub-small-21935.pcap"))[1:3]


def test_capture_that_begins_mid_stream() -> None:
    data, rows = whole()
    flow = segments(CAPTURES / "edge/mid100-pub-small-21935.pcap")[40000, 1935]
    (_, tail), *_ = pieces_of(flow, 0)
    begin = len(data) - len(tail)
    rows = [row for row in rows if row.offset >= begin]
    got = read([(begin, tail)]).rows
    # Before a fmt 0 header the message stream id is not known.
    assert [row._replace(msid=0) for row in got] == [row._replace(msid=0) for row in rows]


def test_capture_with_a_lost_segment() -> None:
    _, rows = whole()
    flow = segments(CAPTURES / "edge/x-del513.pcap")[40000, 1935]
    pieces = pieces_of(flow, HANDSHAKE_END)
    pieces[0] = (0, pieces[0][1][HANDSHAKE_END:])
    assert len(pieces) == 2
    reading = read(pieces, synchronised=True)
    hole = (pieces[0][0] + len(pieces[0][1]), pieces[1][0])
    harmed = [row for row in rows if row.offset < hole[1] and row.end > hole[0]]
    assert reading.rows == [row for row in rows if row not in harmed]
    assert [row.offset for row in reading.damaged] == [row.offset for row in harmed]


def test_every_cut_finds_the_next_message() -> None:
    builder = build(media(random.Random(2), 2, Media()), Style(128, 1))
    data = bytes(builder.data)
    offsets = {row.offset for row in builder.rows}
    for at in range(0, len(data) // 2, 61):
        lock = search(data[at:], Hints(), final=True)
        assert lock is not None
        assert at + lock.offset == min(offset for offset in offsets if offset >= at)
        assert lock.chunk_size == 128


def test_open_chunk_size() -> None:
    """Nothing was split: the largest message is a lower bound, no more."""
    builder = build(media(random.Random(2), 2, Media()), Style(1 << 20, 1))
    lock = search(bytes(builder.data)[5:], Hints(), final=True)
    assert lock is not None
    assert lock.chunk_size_open
    assert lock.chunk_size == lock.chunk_size_min
    assert lock.chunk_size <= max(row.length for row in builder.rows)


def test_set_chunk_size_in_the_hole() -> None:
    builder = build(media(random.Random(4), 2, Media()), Style(4096, 1))
    lock = search(bytes(builder.data)[5:], Hints(chunk_size=128), final=True)
    assert lock is not None
    assert lock.chunk_size != 128


def test_stray_two_byte_form_is_not_a_header() -> None:
    builder = build(media(random.Random(5), 2, Media()), Style(128, 1))
    start = builder.rows[9].offset
    assert builder.data[start] in (0x44, 0x46)
    lock = search(b"\x40" + bytes(builder.data)[start:], Hints(), final=True)
    assert lock is not None
    assert lock.offset == 1


@pytest.mark.parametrize("size", [6000, 200_000])
def test_width_of_a_basic_header_is_that_of_later_ones(size: int) -> None:
    """The second byte of ``00 24``, chunk stream 100, would be chunk stream 36."""
    what = Media(video_csid=700, audio_csid=100)
    builder = build(media(random.Random(5), 8, what), Style(1000, 0))
    start = next(row.offset for row in builder.rows[9:] if row.csid == 100)
    data = bytes(builder.data)[start:]
    lock = search(data[:size], Hints(), final=False)
    if size < 10_000:
        assert lock is None or lock.offset == 0  # it may wait, not guess
    else:
        assert lock is not None and lock.offset == 0


def test_state_from_before_the_gap() -> None:
    """A fmt 2 header leans on the old length; the lock says so, and for nothing else."""
    body = b"\xaf\x01" + bytes(range(200))
    messages = [Message(4, 8, 1, 23 * n + n % 2, body) for n in range(40)]
    builder = build(messages, Style(4096, 3))
    start = builder.rows[1].offset
    data = bytes(builder.data)[start:]
    known = {4: (8, len(body), 1), 6: (9, 100, 1)}
    assert search(data, Hints(4096), final=True) is None
    lock = search(data, Hints(4096, known), final=True)
    assert lock is not None
    assert lock.offset <= builder.rows[3].offset - start
    assert lock.streams == ((4, 8, len(body), 1),)


def test_constant_size_audio_is_inferred() -> None:
    rng = random.Random(6)
    builder = build(media(rng, 6, Media(audio="g711")), Style(4096, 3))
    at = builder.rows[60].offset + 7
    lock = search(bytes(builder.data)[at:], Hints(), final=True)
    assert lock is not None
    assert (4, 8, 321, 0) in lock.streams
    assert at + lock.offset in {row.offset for row in builder.rows}


def test_acknowledgements_only() -> None:
    """A player's direction: each Acknowledgement in a segment of its own."""
    builder, starts = Builder(Style(128, 3)), []
    for number in range(1, 40):
        starts.append(len(builder.data))
        body = (number * 250_000 + 77).to_bytes(4, "big")
        builder.add([Message(2, 3, 0, 0, body)])
    at = starts[5]
    data = bytes(builder.data)[at:]
    assert search(data, Hints(), final=True) is None
    segments = [start - at for start in starts[5:]]
    lock = search(data, Hints(segment_starts=segments), final=True)
    assert lock is not None
    assert lock.offset == 0
    assert lock.streams == ((2, 3, 4, 0),)


def noise() -> dict[str, bytes]:
    rng = random.Random(8)
    text = b"".join(b"%d the quick brown fox\r\n" % number for number in range(20_000))
    return {
        "random": rng.randbytes(4 << 20),
        "text": text,
        "zeros": bytes(1 << 20),
        "ones": b"\xff" * (1 << 20),
        "ramp": bytes(range(256)) * 2048,
        "table": b"".join(n.to_bytes(4, "big") + n.to_bytes(4, "little") for n in range(60_000)),
        "sparse": bytes(rng.choices([0, 0, 0, 1, 4, 8, 9, 0x44, 0xC4, 0x17, 0xAF], k=300_000)),
    }


@pytest.mark.parametrize(("name", "data"), noise().items())
def test_noise_never_locks(name: str, data: bytes) -> None:
    assert search(data, Hints(), final=True) is None
    assert search(data, Hints(chunk_size=128, known={4: (8, 100, 1)}), final=True) is None
    assert search(data, Hints(rtmp_likely=False), final=True) is None


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg makes the files")
@pytest.mark.parametrize("form", ["flv", "mp4", "mpegts"])
def test_media_files_are_not_rtmp(form: str, tmp_path: Path) -> None:
    path = tmp_path / "media"
    sources = ["-f", "lavfi", "-i", "testsrc2=s=320x180:r=25", "-f", "lavfi", "-i", "sine"]
    codecs = ["-t", "5", "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac"]
    command = ["ffmpeg", "-v", "error", *sources, *codecs, "-f", form, str(path)]
    if subprocess.run(command, check=False).returncode:
        pytest.skip("ffmpeg without x264")
    data = path.read_bytes()
    assert search(data, Hints(rtmp_likely=False), final=True) is None
    assert search(data, Hints(), final=True) is None


def test_unlikely_flows_must_prove_more() -> None:
    builder = build(media(random.Random(9), 2, Media()), Style(4096, 1))
    data, three = bytes(builder.data), builder.rows[2].end
    assert search(data[:three], Hints(), final=True) is not None
    assert search(data[:three], Hints(rtmp_likely=False), final=True) is None
    assert search(data, Hints(rtmp_likely=False), final=True) is not None


def test_speed_on_noise() -> None:
    data = random.Random(10).randbytes(4 << 20)
    began = time.process_time()
    search(data, Hints(), final=True)
    assert time.process_time() - began < len(data) / 20e6


@pytest.mark.parametrize(
    "pattern",
    [
        "090000000000100801",
        "060000100020000901000000270100000000001ff765" + "c6" * 40,
        "440000100fffff09170100000000001065" + "c4" * 30,
        "c4",
    ],
)
def test_hostile_patterns_are_bounded(pattern: str) -> None:
    unit = bytes.fromhex(pattern)
    data = unit * ((4 << 20) // len(unit))
    began = time.process_time()
    search(data, Hints(), final=True)
    search(data, Hints(128, {4: (8, 100, 1), 6: (9, 1000, 1)}), final=True)
    assert time.process_time() - began < 8


@pytest.mark.parametrize("size", range(40))
def test_short_data(size: int) -> None:
    data = bytes(build(media(random.Random(11), 1, Media()), Style()).data)[:size]
    assert search(data, Hints(segment_starts=[0, size]), final=True) is None


def test_constant_size_messages_with_shortened_headers() -> None:
    """GStreamer's rtmp2sink: CBR AAC in fmt 2 and 3, the same metadata again and again."""
    name, data, rows, _ = next(captured(CAPTURES / "lab/gst-rtmp2sink.pcap"))
    assert name.endswith(">1935")
    at = rows[55].offset + 3
    lock = search(data[at:], Hints(), final=True)
    assert lock is not None
    assert lock.streams == ((4, 18, 355, 0), (5, 8, 94, 0))
    assert at + lock.offset in {row.offset for row in rows}
    reading = read([(at, data[at:])])
    got = {row[:4] for row in reading.rows}
    assert got <= {row[:4] for row in rows}
    # The first 4 KiB do not hold the metadata often enough to tell its length.
    later = [row for row in rows if row.offset >= at + lock.offset and row.type in (8, 9)]
    assert got >= {row[:4] for row in later}


STATUS = bytes.fromhex("0500000000005f1401000000") + (
    b"\x02\0\x08onStatus\0\0\0\0\0\0\0\0\0\x05\x03\0\x05level\x02\0\x06status\0\x04code"
    b"\x02\0\x1bNetStream.Unpublish.Success\0\x0bdescription\x02\0\x02ok\0\0\x09"
)


def test_a_command_alone_in_its_direction() -> None:
    assert len(STATUS) == 12 + 0x5F
    lock = search(STATUS, Hints(segment_starts=[0]), final=True)
    assert lock is not None and (lock.offset, lock.headers) == (0, 1)
    assert search(STATUS, Hints(), final=False) is None
    assert search(STATUS, Hints(rtmp_likely=False), final=True) is None
    rest = bytes(range(0x21, 0x61)) + STATUS
    lock = search(rest, Hints(), final=True)
    assert lock is not None and lock.offset == 64


def test_other_strings_alone_are_no_command() -> None:
    assert search(STATUS.replace(b"onStatus", b"bitStatu"), Hints(), final=True) is None
    assert search(STATUS[:-1], Hints(), final=True) is None
    assert search(STATUS + b"x", Hints(), final=True) is None
