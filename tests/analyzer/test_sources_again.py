"""Frames found again by an offset: the same ones that were read first."""

import gzip
import io

import pytest

from analyzer.captures import CaptureSet
from analyzer.sources import again
from tests.analyzer import wire

SIZES = (60, 1514, 90, 200, 0, 700)
FRAMES = [(10**9 + n, bytes([n % 251]) * SIZES[n % len(SIZES)]) for n in range(4000)]


def check(captures: CaptureSet) -> None:
    """Compare what is found for offsets in every frame with what was read."""
    read = [
        (batch.first_frame + n, batch.base + int(batch.offset[n]), int(batch.caplen[n]),
         int(batch.wirelen[n]), int(batch.time_ns[n]), int(batch.link[n]))
        for batch in captures.batches() for n in range(len(batch))
    ]  # fmt: skip
    assert len(read) >= len(FRAMES)
    for row in read[:50] + read[::37] + read[-50:]:
        _, offset, size, *_ = row
        if not size:
            continue
        for at in {offset, offset + size // 2, offset + size - 1}:
            found = captures.frame(at)
            assert found is not None and found[1:] == row[1:]
            assert found.number == (row[0] if len(captures.files) == 1 else 0)
        before = captures.frame(offset - 1)
        assert before is None or before.offset != offset
    captures.close()


def two_sections() -> bytes:
    half = len(FRAMES) // 2
    second = wire.section(">") + wire.interface(101, ">") + wire.interface(1, ">", 9)
    packets = (wire.enhanced(time, data, 1, ">") for time, data in FRAMES[half:])
    return wire.pcapng(FRAMES[:half]) + second + b"".join(packets)


@pytest.mark.parametrize(
    "data",
    [
        wire.pcap(FRAMES, nanoseconds=True),
        wire.pcap(FRAMES, order=">", wirelen=9000),
        wire.pcapng(FRAMES),
        two_sections(),
        gzip.compress(wire.pcap(FRAMES), 1),
    ],
    ids=["pcap", "cut", "pcapng", "sections", "gzip"],
)
def test_every_frame_is_found_again(data, monkeypatch):
    monkeypatch.setattr(again, "STEP", 1 << 10)
    check(CaptureSet([io.BytesIO(data)]))


def test_frames_of_a_set_are_found_in_their_files(tmp_path):
    for number in range(2):
        (tmp_path / f"{number}.pcap").write_bytes(wire.pcap(FRAMES[number * 2000 :][:2000]))
    check(CaptureSet([str(tmp_path / "0.pcap"), str(tmp_path / "1.pcap")]))


def test_no_frame_where_there_is_none():
    captures = CaptureSet([io.BytesIO(wire.pcap(FRAMES))])
    assert captures.frame(100) is None  # nothing was read yet
    for _ in captures.batches():
        pass
    found = captures.frame(24 + 16)
    assert found is not None and found.number == 1
    assert captures.frame(24) is None  # a record's header
    assert captures.frame(3) is None
    assert captures.frame(1 << 40) is None
    captures.close()


def test_a_flood_of_interfaces_is_not_noted(monkeypatch):
    monkeypatch.setattr(again, "STEP", 1 << 10)
    head = wire.section() + wire.interface() * 100
    captures = CaptureSet([io.BytesIO(head + b"".join(wire.enhanced(t, d) for t, d in FRAMES))])
    for batch in captures.batches():
        last = batch.base + int(batch.offset[-1])
    assert captures.frame(len(head) + 30) is not None  # the first of all places knows none yet
    assert captures.frame(last) is None
    captures.close()


def test_marks_of_an_endless_input_thin_out():
    class Scanner:
        frames = 0

        def again(self):
            return self

    marks = again.Marks()
    for offset in range(0, 1 << 36, 1 << 20):
        marks.note(offset, Scanner())
    assert len(marks.all) < 5 * again.MARKS
