"""Where bytes came from: body, stream and file coordinates."""

from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple


class Span(NamedTuple):
    """`length` bytes from `start` on, in one byte space."""

    start: int
    length: int

    @property
    def end(self) -> int:
        return self.start + self.length


class Run(NamedTuple):
    """Consecutive chunks of one message, nothing between them (RTMP 1.0 §5.3).

    The payloads stand at a fixed stride in the stream: `chunk_payload` bytes of payload,
    `header_length` bytes of fmt 3 header, payload, … The last payload may be shorter.
    """

    body_offset: int
    """Where the run's first payload byte stands in the message body."""
    stream_offset: int
    """Where it stands in the stream (the header before it is not part of the run)."""
    chunk_payload: int
    header_length: int
    length: int
    """Payload bytes of all chunks of the run together."""

    @property
    def stream_length(self) -> int:
        """Stream bytes from the first payload byte to the last, headers between included."""
        if not self.length:
            return 0
        return self.length + (self.length - 1) // self.chunk_payload * self.header_length


class SpanMap:
    """Maps a message body to its stream and back through the message's runs."""

    def __init__(self, runs: Sequence[Run]) -> None:
        self.runs = list(runs)
        self._starts = [run.body_offset for run in self.runs]

    def to_stream(self, start: int, length: int) -> list[Span]:
        """Return the stream spans that carry body bytes `start` … `start + length`, in order."""
        spans: list[Span] = []
        end = start + length
        index = max(bisect_right(self._starts, start) - 1, 0)
        for run in self.runs[index:]:
            if run.body_offset >= end:
                break
            low = max(start, run.body_offset) - run.body_offset
            high = min(end - run.body_offset, run.length)
            stride = run.chunk_payload + run.header_length
            while low < high:
                chunk, within = divmod(low, run.chunk_payload)
                take = min(run.chunk_payload - within, high - low)
                spans.append(Span(run.stream_offset + chunk * stride + within, take))
                low += take
        return spans

    def to_body(self, start: int, length: int) -> list[Span]:
        """Return the body spans that stream bytes `start` … `start + length` carry, in order."""
        spans: list[Span] = []
        end = start + length
        for run in self.runs:
            if run.stream_offset >= end or run.stream_offset + run.stream_length <= start:
                continue
            stride = run.chunk_payload + run.header_length
            low = max(start - run.stream_offset, 0)
            high = min(end - run.stream_offset, run.stream_length)
            while low < high:
                chunk, within = divmod(low, stride)
                if within >= run.chunk_payload:  # inside a chunk header
                    low = (chunk + 1) * stride
                    continue
                take = min(run.chunk_payload - within, high - low)
                spans.append(Span(run.body_offset + chunk * run.chunk_payload + within, take))
                low += take
        return spans
