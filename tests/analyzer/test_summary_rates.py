"""The text summary's rates are those of the metrics, whatever the timestamps say."""

import io

import pytest

from analyzer.export import FORMATS
from analyzer.export.request import Request
from analyzer.session import Session
from tests.analyzer import talk
from tests.analyzer.talk import answer, publish
from tests.dissectors.chunk_builder import Message

FRAMES = 60


def with_steps(step: int) -> Session:
    frames = [Message(6, 9, 1, step * n, b"\x27\x01\0\0\0" + bytes(995)) for n in range(FRAMES)]
    return talk.session([*publish()[:6], *frames], answer())


def video_line(session: Session) -> str:
    out = io.StringIO()
    FORMATS["summary"].write(session, out, Request())
    return next(line for line in out.getvalue().splitlines() if line.startswith("    video: "))


def test_rate_over_media_time() -> None:
    line = video_line(with_steps(40))  # 1000 bytes every 40 ms
    assert line.endswith((", 199 kbit/s", ", 200 kbit/s"))


def test_timestamps_that_stand_still_tell_no_rate() -> None:
    session = with_steps(0)
    (track,) = (track for track in session.metrics.tracks if track.kind == "video")
    assert track.by_arrival
    expected = f", {(track.bitrate_bit_s or 0) // 1000:,} kbit/s by arrival"
    assert video_line(session).endswith(expected)
    # Some 60 kB within the time the frames took to arrive.
    bits = 8 * sum(track.frames.size.tolist())
    assert track.bitrate_bit_s == pytest.approx(bits * 1000 / track.arrived_ms)
