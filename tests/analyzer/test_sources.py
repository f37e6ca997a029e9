"""pcap files, what is wrong with them, and every way in."""

import bz2
import gzip
import io
import lzma
import os
import random
import struct
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from analyzer.sources import Capture, Reading, SourceError, open_capture
from tests.analyzer import wire

FRAMES = [
    (1_700_000_000_123_456_000 + 1_001_000 * number, bytes([number]) * (20 + 7 * number))
    for number in range(30)
]
Row = tuple[int, bytes]


def read(data: bytes, live: bool = False) -> tuple[list[Row], Capture]:
    with open_capture(io.BytesIO(data), Reading(live=live)) as capture:
        return rows(capture), capture


def rows(capture: Capture) -> list[Row]:
    found = []
    for batch in capture.batches():
        assert batch.first_frame == len(found) + 1
        for at, size, time in zip(batch.offset, batch.caplen, batch.time_ns, strict=True):
            frame = batch.data[at : at + size]
            assert len(frame) == size
            assert capture.pread(batch.base + int(at), int(size)) == frame
            found.append((int(time), frame))
    assert capture.packets == len(found)
    return found


def codes(capture: Capture) -> list[str]:
    return [problem.code for problem in capture.problems]


def modified(frames: list[wire.Frame], order: str) -> bytes:
    """Kuznetzov's form: eight bytes more in each record header."""
    out = [struct.pack(order + "IHHiIII", 0xA1B2CD34, 2, 4, 0, 0, 65535, 1)]
    for time, data in frames:
        head = time // 10**9, time % 10**9 // 1000, len(data), len(data), 3, 8, 0, 0
        out.append(struct.pack(order + "IIIIIHBB", *head) + data)
    return b"".join(out)


@pytest.mark.parametrize(
    "data",
    [
        wire.pcap(FRAMES),
        wire.pcap(FRAMES, order=">"),
        wire.pcap(FRAMES, nanoseconds=True),
        wire.pcap(FRAMES, order=">", nanoseconds=True),
        modified(FRAMES, "<"),
        modified(FRAMES, ">"),
        wire.pcapng(FRAMES),
        wire.pcapng(FRAMES, order=">"),
    ],
)
def test_every_form_gives_the_same_frames(data: bytes, tmp_path: Path) -> None:
    kinds = {None: bytes, "gzip": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}
    for kind, pack in kinds.items():
        path = tmp_path / "a name that tells nothing"
        path.write_bytes(pack(data))
        with open_capture(str(path)) as capture:
            assert rows(capture) == FRAMES
            assert (capture.compression, capture.size) == (kind, path.stat().st_size)
            assert capture.bytes_read == capture.size
            assert (capture.problems, capture.truncated) == ([], False)
            assert capture.name == path.name
        assert read(pack(data))[0] == FRAMES


def test_nanoseconds_are_exact() -> None:
    frames = [(1_234_567_890_123_456_789, b"x")]
    assert read(wire.pcap(frames, nanoseconds=True))[0] == frames
    assert read(wire.pcapng(frames))[0] == frames


def test_link_type_without_fcs_bits() -> None:
    _, capture = read(wire.pcap(FRAMES, link=0x94000000 | 113))
    assert capture.link_types == ["LINUX_SLL"]
    _, capture = read(wire.pcap(FRAMES, link=12345))
    assert capture.link_types == ["LINKTYPE_12345"]


@pytest.mark.parametrize("form", [wire.pcap, wire.pcapng])
def test_every_truncation(form: object, tmp_path: Path) -> None:
    """Whole frames are delivered, and the offset of the torn one is told."""
    assert callable(form)
    data, short = form(FRAMES[:3]), [form(FRAMES[:count]) for count in range(4)]
    ends = [len(each) for each in short]
    path = tmp_path / "torn"
    for size in range(len(data) + 1):
        path.write_bytes(data[:size])
        try:
            capture = open_capture(str(path))
        except SourceError:
            assert size < 28
            continue
        with capture:
            found = rows(capture)
            whole = max((number for number in range(4) if ends[number] <= size), default=0)
            assert found == FRAMES[:whole]
            clean = size in ends or (form is wire.pcapng and size == len(wire.section()))
            assert capture.truncated == (not clean)
            assert codes(capture) == ([] if clean else ["torn"])
            if not clean and size > ends[0]:
                (problem,) = capture.problems
                assert (problem.offset, problem.frame) == (ends[whole], whole)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "empty file"),
        (b"\xd4\xc3\xb2\xa1\x02\0", "cut short"),
        (b"\x0a\x0d\x0d\x0a" + bytes(40), "without its magic"),
        (b"GET / HTTP/1.1\r\n\r\n" * 5, "not a pcap or pcapng capture"),
        (b"\x28\xb5\x2f\xfd" + bytes(40), "zstd"),
        (gzip.compress(b""), "empty file"),
        (gzip.compress(gzip.compress(b"x" * 100)), "compressed twice"),
    ],
)
def test_not_a_capture(data: bytes, text: str) -> None:
    with pytest.raises(SourceError, match=text) as error:
        read(data)
    assert "\n" not in str(error.value)


def test_no_such_file(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.pcap", tmp_path):
        with pytest.raises(SourceError) as error:
            open_capture(str(path))
        assert str(tmp_path.parent) not in str(error.value)
    with pytest.raises(SourceError):
        open_capture("with\0zero")


def test_oversized_record() -> None:
    good = wire.pcap(FRAMES[:5])
    found, capture = read(good + struct.pack("<IIII", 1, 0, 0x7FFFFFFF, 60) + bytes(100))
    assert found == FRAMES[:5]
    assert (codes(capture), capture.problems[0].offset) == (["oversized_record"], len(good))
    assert capture.truncated
    frames = [(0, bytes(300_000))]
    assert read(wire.pcap(frames, snaplen=400_000))[0] == frames
    assert codes(read(wire.pcap(frames))[1]) == ["oversized_record"]


def test_record_beyond_the_block() -> None:
    frames = [(1000, b"a" * 6_000_000), (2000, b"b" * 9_000_000), (3000, b"c")]
    assert read(wire.pcap(frames, snaplen=10 << 20))[0] == frames


@pytest.mark.parametrize("zeros", [16, 40, 64, 5000, 5 << 20])
def test_zero_filled_tail(zeros: int) -> None:
    for data in (wire.pcap(FRAMES), wire.pcapng(FRAMES)):
        found, capture = read(data + bytes(zeros))
        assert found == FRAMES
        assert codes(capture) == ["zero_filled"]
        assert (capture.problems[0].offset, capture.truncated) == (len(data), True)


def test_one_empty_frame_is_no_hole() -> None:
    frames = [*FRAMES, (0, b""), (5000, b"more"), (0, b"")]
    assert read(wire.pcap(frames[:-1]))[0] == frames[:-1]


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_torn_compression(pack: object) -> None:
    assert callable(pack)
    source = random.Random(1)
    data = pack(wire.pcap([(number, source.randbytes(900)) for number in range(1500)]))
    found, capture = read(data[: len(data) * 2 // 3])
    # One fault, one problem: the record that is cut with it is not another.
    assert codes(capture) == ["torn_compression"]
    assert capture.truncated
    assert len(found) > 100


def test_compressed_members_and_what_follows_them() -> None:
    data = wire.pcap(FRAMES)
    halves = gzip.compress(data[:300]) + gzip.compress(data[300:])
    assert read(halves)[0] == FRAMES
    found, capture = read(halves + bytes(100))
    assert (found, codes(capture)) == (FRAMES, [])
    found, capture = read(halves + b"garbage")
    assert (found, codes(capture), capture.truncated) == (FRAMES, ["trailing_garbage"], False)


def test_damaged_compression() -> None:
    """What stands before the damage is delivered; here only the check value is wrong."""
    data = bytearray(gzip.compress(wire.pcap(FRAMES)))
    data[-8] ^= 0xFF
    found, capture = read(bytes(data))
    assert (found, codes(capture)) == (FRAMES, ["bad_compression"])
    with pytest.raises(SourceError, match="damaged"):
        read(b"\xfd7zXZ\0" + bytes(50))


def test_bomb(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analyzer.sources.inflate.BOMB_SIZE", 8 << 20)
    frames = [(1, bytes(60000))] * 500
    data = bz2.compress(wire.pcap(frames))
    found, capture = read(data)
    assert "decompression_bomb" in codes(capture)
    assert 100 < len(found) < 500
    assert "--max-input-bytes" in capture.problems[0].text
    with open_capture(io.BytesIO(data), Reading(most=64 << 20)) as capture:
        assert sum(len(batch) for batch in capture.batches()) == 500 and codes(capture) == []


def test_random_bytes() -> None:
    source = random.Random(7)
    heads = [wire.pcap([]), wire.pcapng([]), wire.pcapng([], order=">"), wire.section(), b""]
    for number in range(400):
        data = heads[number % len(heads)] + source.randbytes(source.randrange(300))
        try:
            read(data)
        except SourceError:
            assert number % len(heads) == 4


def test_mutations() -> None:
    source = random.Random(8)
    for form in (
        wire.pcap(FRAMES[:8]),
        wire.pcapng(FRAMES[:8]),
        wire.pcapng(FRAMES[:8], order=">"),
    ):
        for _ in range(300):
            data = bytearray(form)
            for _ in range(source.randrange(1, 4)):
                data[source.randrange(28, len(data))] = source.choice((0, 1, 4, 255, 128))
            read(bytes(data))


def test_pipe_in_small_pieces() -> None:
    """Frames do not depend on how a pipe hands them out; a live one does not wait."""
    data = wire.pcap(FRAMES)
    for live in (False, True):
        reader, writer = os.pipe()
        with os.fdopen(reader, "rb") as file, os.fdopen(writer, "wb", buffering=0) as out:
            steps = threading.Semaphore(0)

            def feed(out: io.FileIO, steps: threading.Semaphore, live: bool) -> None:
                for at in range(0, len(data), 150):
                    out.write(data[at : at + 150])
                    if live:
                        steps.acquire(timeout=0.2)
                out.close()

            thread = threading.Thread(target=feed, args=(out, steps, live))
            thread.start()
            capture = open_capture(file, Reading(live=live))
            batches = 0
            found = []
            assert capture.size is None
            for batch in capture.batches():
                batches += 1
                steps.release()
                found += [int(time) for time in batch.time_ns]
            thread.join()
            assert found == [time for time, _ in FRAMES]
            assert (batches > 3) == live
            assert capture.size == len(data)
            assert capture.pread(24, 16) == data[24:40]
            capture.close()


def test_standard_input() -> None:
    program = (
        "from analyzer.sources import open_capture\n"
        "c = open_capture('-')\n"
        "print(c.name, sum(len(b) for b in c.batches()), c.size, c.compression)"
    )
    data = gzip.compress(wire.pcap(FRAMES))
    done = subprocess.run([sys.executable, "-c", program], input=data, capture_output=True)
    assert done.stdout.decode().split() == ["-", "30", str(len(data)), "gzip"]
