"""Known streams, cut and with losses, and what a reader made of them."""

import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import dpkt

from dissectors.spec import HANDSHAKE_END
from tests import unchunker
from tests.dissectors.chunk_builder import Builder, Media, Row, Style, media
from tests.dissectors.resync_reader import Reading, truth

SEGMENT = 1448
Trial = tuple[list[tuple[int, bytes]], list[int]]


def synthetic(seconds: float = 12) -> Iterator[tuple[str, bytes, list[Row]]]:
    """Yield (name, stream, messages) of generated talks, one sender's habits each."""
    cases: list[tuple[str, Style, Media]] = [
        ("srs-60000", Style(60000, 0), Media()),
        ("srs-128", Style(128, 0), Media()),
        ("fmt1-4096", Style(4096, 1), Media()),
        ("minimal-128", Style(128, 3), Media()),
        ("minimal-4096", Style(4096, 3), Media()),
        ("size-1400", Style(1400, 3), Media()),
        ("size-3333", Style(3333, 3), Media()),
        ("size-77777", Style(77777, 3), Media(key_size=120_000, frame_size=12_000)),
        ("size-1MiB", Style(1 << 20, 3), Media(key_size=120_000, frame_size=12_000)),
        ("csid-2byte", Style(4096, 1, csid_bytes=2), Media(video_csid=70, audio_csid=300)),
        ("csid-3byte", Style(128, 1, csid_bytes=3), Media(video_csid=900, audio_csid=65599)),
        ("extended", Style(128, 0), Media(start=0x1000000)),
        ("extended-omitted", Style(128, 0, repeat_extended=False), Media(start=0x1000000)),
        ("hevc-opus-128", Style(128, 3), Media("hevc", "opus")),
        ("hevc-opus-65536", Style(65536, 1), Media("hevc", "opus", key_size=90_000)),
        ("g711-4096", Style(4096, 3), Media(audio="g711")),
        ("g711-only", Style(128, 1), Media("none", "g711")),
        ("aac-only", Style(128, 3), Media("none", "aac")),
        ("interleaved-128", Style(128, 1, interleave=True), Media()),
        ("interleaved-4096", Style(4096, 3, interleave=True), Media(frame_size=6000)),
    ]
    for number, (name, style, what) in enumerate(cases):
        rng = random.Random(number)
        size, style.chunk_size = style.chunk_size, 128
        builder = Builder(style)
        builder.set_chunk_size(size)
        builder.add(media(rng, seconds, what))
        yield name, bytes(builder.data), builder.rows


def segments(path: Path) -> dict[tuple[int, int], dict[int, bytes]]:
    """Return (source port, destination port) → relative sequence number → payload."""
    flows: dict[tuple[int, int], dict[int, bytes]] = defaultdict(dict)
    with path.open("rb") as file:
        for _, frame in dpkt.pcap.UniversalReader(file):
            packet = dpkt.ethernet.Ethernet(frame).data
            tcp = getattr(packet, "data", None)
            if isinstance(tcp, dpkt.tcp.TCP) and tcp.data:
                flows[tcp.sport, tcp.dport][tcp.seq] = bytes(tcp.data)
    return {
        key: {seq - min(flow): payload for seq, payload in sorted(flow.items())}
        for key, flow in flows.items()
    }


def pieces_of(flow: dict[int, bytes], start: int) -> list[tuple[int, bytes]]:
    """Join what follows without a hole; offsets count from `start`."""
    pieces: list[tuple[int, bytes]] = []
    for at, payload in flow.items():
        end = pieces[-1][0] + len(pieces[-1][1]) + start if pieces else at
        if at > end:
            pieces.append((at - start, payload))
        elif pieces:
            pieces[-1] = (pieces[-1][0], pieces[-1][1] + payload[end - at :])
        else:
            pieces.append((at - start, payload))
    return pieces


def captured(path: Path) -> Iterator[tuple[str, bytes, list[Row], list[int]]]:
    """Yield (name, chunk stream, messages, segment starts) of each direction without loss."""
    for flow, (first, pieces) in unchunker.directions(path).items():
        try:
            data = unchunker.join(first, pieces)
            rows = [
                row._replace(offset=row.offset - HANDSHAKE_END, end=row.end - HANDSHAKE_END)
                for row in truth(data)
            ]
        except unchunker.Strict:
            continue
        if len(data) > HANDSHAKE_END + 100:
            offsets = sorted({(seq - first) & 0xFFFFFFFF for seq, _ in pieces})
            starts = [at - HANDSHAKE_END for at in offsets if at >= HANDSHAKE_END]
            yield f"{path.stem}:{flow[1]}>{flow[3]}", data[HANDSHAKE_END:], rows, starts


def cut(rng: random.Random, data: bytes, starts: Sequence[int]) -> Trial:
    """Begin anywhere in the first four fifths."""
    at = rng.randrange(len(data) * 4 // 5)
    return [(at, data[at:])], [start for start in starts if start >= at]


def drop(rng: random.Random, data: bytes, starts: Sequence[int], count: int) -> Trial:
    """Lose `count` segments, the first one never."""
    return lose(data, starts, rng.sample(range(1, len(starts)), min(count, len(starts) // 3)))


def bursts(rng: random.Random, data: bytes, starts: Sequence[int]) -> Trial:
    """Lose up to eight segments in a row, at some places."""
    firsts = [rng.randrange(1, len(starts)) for _ in range(rng.randrange(1, 8))]
    return lose(data, starts, [at + n for at in firsts for n in range(rng.randrange(1, 9))])


def lose(data: bytes, starts: Sequence[int], segments: Iterable[int]) -> Trial:
    """Lose the segments of these numbers."""
    edges = [*starts, len(data)]
    lost = {segment for segment in segments if segment < len(starts)}
    pieces: list[tuple[int, bytes]] = []
    begin = 0
    for index in [*sorted(lost), len(starts)]:
        end = edges[index]
        if end > begin:
            pieces.append((begin, data[begin:end]))
        begin = edges[min(index + 1, len(starts))]
    return pieces, list(starts)


def trial(rng: random.Random, mode: str, data: bytes, starts: Sequence[int]) -> Trial:
    """Harm a stream: `cut`, `bursts` or `drop` and how many segments."""
    if mode == "cut":
        return cut(rng, data, starts)
    if mode == "bursts":
        return bursts(rng, data, starts)
    return drop(rng, data, starts, int(mode.split()[1]))


class Tally:
    """Counts over trials."""

    def __init__(self) -> None:
        self.trials = self.locked = self.wanted = self.got = self.false = self.skipped = 0
        self.max_skipped = 0
        self.examples: list[str] = []

    def add(
        self, name: str, rows: list[Row], pieces: list[tuple[int, bytes]], out: Reading
    ) -> None:
        """Compare what came out with the messages that lie wholly in the pieces."""
        intact = {
            row[:4] + row[5:]
            for row in rows
            if any(base <= row.offset and row.end <= base + len(part) for base, part in pieces)
        }
        got = {row[:4] + row[5:] for row in out.rows}
        real = {row[:4] + row[5:] for row in rows}
        searched = [(began, offset) for began, offset, _ in out.locks] + out.searches
        before = {row for row in intact if any(a <= row[0] < b for a, b in searched)}
        unlocked = not out.locks and pieces[0][0] > 0
        self.trials += 1
        self.locked += not unlocked
        self.false += len(got - real)
        if got - real:
            self.examples.append(f"false {name} {sorted(got - real)[:3]} {out.locks}")
        missed = before - got
        self.skipped += len(missed)
        self.max_skipped = max(self.max_skipped, len(missed))
        if unlocked and len(intact) > 2:
            self.examples.append(f"unlocked {name} at {pieces[0][0]}, {len(intact)} messages")
        if unlocked:
            return
        self.wanted += len(intact - missed)
        lost = intact - missed - got
        if lost:
            self.examples.append(f"lost {name} {len(lost)} {sorted(lost)[:2]} {out.locks[:3]}")
        self.got += len(intact & got)

    def row(self) -> str:
        """Return the table cells."""
        recall = 100 * self.got / max(self.wanted, 1)
        return (
            f"{self.trials:6} {self.locked:6} {recall:8.3f} % {self.false:6} "
            f"{self.skipped / max(self.trials, 1):8.2f} / {self.max_skipped}"
        )
