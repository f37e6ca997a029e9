"""What of a stream belongs to no message, with any number of holes."""

from pathlib import Path

import pytest

from analyzer import covered
from analyzer.redaction.unparsed import edges, unparsed
from analyzer.session import Session
from tests.analyzer import talk, wire
from tests.analyzer.redaction.test_redact_capture import frame, greeting

TEXT = b"".join(b"<%05d>" % number for number in range(1000))


@pytest.fixture
def holes(tmp_path: Path) -> Session:
    """A client's greeting, then text of which every second packet is missing."""
    stream = greeting() + TEXT
    frames = [frame(stream, -1, 0, flags=2), frame(stream, 0, len(greeting()))]
    frames += [frame(stream, at, 100) for at in range(len(greeting()) + 100, len(stream), 200)]
    path = tmp_path / "in.pcap"
    path.write_bytes(wire.pcap([(1000 * n, each) for n, each in enumerate(frames)]))
    return talk.opened(path)


def test_captured_parts_are_read_together_and_alone(holes: Session) -> None:
    parts = list(covered.parts(holes, 0, 0))
    assert len(parts) > 30
    for start, data in covered.near(holes, 0, 0, parts):
        assert data == holes.stream(0, 0, start, len(data))
    assert [start for start, _ in covered.near(holes, 0, 0, parts)] == [low for low, _ in parts]


def test_text_beside_each_hole(holes: Session) -> None:
    found = dict(edges(holes, 0, 0))
    spans = list(unparsed(holes, 0, 0))
    beside = [span for span in spans if span[0] > len(greeting())]
    assert len(beside) > 30
    assert all(found[start] == end - start for start, end in beside)
