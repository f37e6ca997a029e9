"""Drives everything: frames → segments → streams → messages → index, and answers for rows."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import chain
from threading import Lock
from typing import TYPE_CHECKING, Final

import numpy as np

from analyzer import memory
from analyzer.bounds import Bounds, limits_hit
from analyzer.capture_info import CaptureInfo
from analyzer.failures import Failures
from analyzer.index import RUN_COLUMNS, MessageTable, RunTable
from analyzer.intake import Intake
from analyzer.lookup import LARGE, Lookup
from analyzer.model import RTMP_PORT, Connection, Diagnostic
from analyzer.options import Options
from analyzer.retention import Kept
from analyzer.sides import turn_mistaken
from analyzer.sources import Input
from analyzer.tcp import TcpConnection, TcpDirection, TcpTracker
from analyzer.tracked import Ended, Tracked, places, segment_starts
from dissectors.connection import RtmpConnection

if TYPE_CHECKING:
    from analyzer.exchanges import Exchange
    from analyzer.forgotten import Forgotten
    from analyzer.interim import Interim
    from analyzer.rules import Judgement

RTMP_VARIANTS: Final = frozenset({"rtmp", "rtmpe", "rtmps", "rtmpt"})
MANY_ROWS: Final = 1024
"""Rows taken in at once where nobody waits: each time costs as much as some hundred of them."""
_NUMBERS: Final = (
    "index", "stream_offset", "end_offset", "chunks", "fmt", "csid", "msid", "type_id",
    "timestamp", "length", "received", "flags",
)  # fmt: skip
"""The columns that are the first fields of a `MessageRow`, in its order."""
Progress = Callable[["Session"], bool | None]


class Session(Lookup):
    """A capture being analysed. `run` fills the index; everything else answers questions."""

    def __init__(self, captures: Sequence[Input] | Intake, options: Options | None = None) -> None:
        """Open the captures, if they are not; raises `analyzer.sources.SourceError`."""
        self.options = options or Options()
        endless = self.options.endless
        if not isinstance(captures, Intake):
            captures = Intake(captures, self.options)
        self._intake = captures
        self.captures, self.link = self._intake.captures, self._intake.link
        self.messages = MessageTable(endless)
        self.runs_table = RunTable(endless)
        self._kept = Kept() if endless else None
        self.connections: list[Connection] = []
        self._judgement: Judgement | None = None
        self._judging = Lock()
        """Not the lock of the bodies: views go on while the rules run."""
        self.steady = Lock()
        """Held while a batch is taken in: who holds it sees a whole state."""
        self.interim: Interim | None = None
        """What the rules said when they last looked at a capture that goes on."""
        self.limits_hit: list[str] = []
        self.done = False
        self.cancelled = False
        self.tcp_flows = 0
        """TCP connections with payload, RTMP or not."""
        self.foreign: Counter[tuple[str, int]] = Counter()
        """Connections that are something else, by protocol (`tls`, `http`) and server port."""
        self.tracker = TcpTracker(self.link.flows, self, self.captures.peek)
        self.bounds = Bounds()
        self._tracked: dict[int, Tracked] = {}
        self._dirty: dict[int, None] = {}
        self.failures = Failures()
        self._start_ns: int | None = None
        self._last_ns = 0
        """The latest packet of the batches that were taken in as a whole."""
        super().__init__()
        if self._kept is not None:
            self.pinned = self._kept.bytes

    # -- indexing -------------------------------------------------------------------------

    def run(self, progress: Progress | None = None) -> None:
        """Index the whole capture. `progress` is called after each batch; False cancels."""
        collecting = gc.isenabled() and self._kept is None
        if collecting:
            gc.disable()  # millions of short-lived tuples, no cycles: 5 % of the time for nothing
        try:
            self._index(progress)
        finally:
            if collecting:
                gc.enable()
        self._flush()
        if not self.options.streamed:
            self._rebase()
            self._renumber()
        self.limits_hit = limits_hit(self)
        if self._kept is not None:
            self.limits_hit += self._kept.limits(self)
        self.done = True
        if len(self.messages) >= LARGE:
            memory.give_back()
        if progress is not None:
            progress(self)

    def _index(self, progress: Progress | None) -> None:
        for segments in self._intake.segments():
            with self.steady:
                if self._start_ns is None:
                    self._start_ns = self._intake.start_ns
                self.tracker.feed(segments)
                if progress is not None or self._kept is not None or self._waiting >= MANY_ROWS:
                    self._flush()
                self._last_ns = self._intake.last_ns
            if progress is not None and progress(self) is False:
                self.cancelled = True
            if self.cancelled:
                break
            if self._kept is not None:
                with self.steady:
                    self._kept.apply(self)
        self.tracker.finish()

    @property
    def judgement(self) -> Judgement:
        """What the rules say, once everything was read; they run when this is asked first.

        Of a capture that goes on, what they said when somebody let them look (`interim`).
        """
        from analyzer.rules import Judgement, run  # 40 modules that lists and trees do without

        if not self.done:
            return self.interim.judgement if self.interim is not None else Judgement()
        with self._judging:
            if self._judgement is None:
                self._judgement = run(self)
                if self.past is not None:
                    self._judgement = self.past.added(self, self._judgement)
                self.relax()
        return self._judgement

    @property
    def past(self) -> Forgotten | None:
        """What is known of rows that were forgotten; None where none ever are."""
        return None if self._kept is None else self._kept.past

    @property
    def diagnostics(self) -> list[Diagnostic]:
        """The findings, by connection, time and rule."""
        if not self.done and self.interim is None:
            return []
        return self.judgement.diagnostics

    def exchange(self, row: int) -> Exchange | None:
        """Return the call and reply that a command belongs to, as far as they are known."""
        if not self.done:
            return self.interim.exchanges.get(row) if self.interim is not None else None
        return super().exchange(row)

    def cancel(self) -> None:
        """Stop after the batch under way; what was indexed stays."""
        self.cancelled = True

    def stop(self) -> None:
        """End an input that would go on, a live capture: its report follows. From any thread."""
        self.captures.stop()

    def streams(self) -> Iterator[TcpDirection]:
        """Yield the directions of all connections that are kept."""
        for tracked in self._tracked.values():
            yield from tracked.tcp.directions

    def close(self) -> None:
        """Release the captures."""
        self._intake.close()

    @property
    def capture(self) -> CaptureInfo:
        """The capture as known so far."""
        info = self.captures.info()
        info.packets, info.bytes_read = self.packets, self._intake.bytes_read
        info.start_ns = self._intake.start_ns if self._start_ns is None else self._start_ns
        info.duration_ns = max(self._last_ns - (info.start_ns or 0), 0)
        return info

    @property
    def packets(self) -> int:
        """Frames read so far."""
        return self._intake.packets

    @property
    def capture_start_ns(self) -> int:
        """Time of the first packet, nanoseconds since the epoch; times of rows count from it."""
        return self._start_ns or 0

    # -- the TCP layer's consumer ---------------------------------------------------------

    def opened(self, connection: TcpConnection) -> None:
        """A connection has its first payload."""
        self.tcp_flows += 1
        ports = {port for _, port in connection.endpoints}
        likely = RTMP_PORT in ports or bool(ports & self.options.decode_as)
        opened = any(connection.saw_syn)
        rtmp = RtmpConnection(
            likely=likely,
            from_start=(opened, opened),
            segment_starts=partial(segment_starts, connection),
            budget=self.bounds.budget,
        )
        tracked = self._tracked[connection.index] = Tracked(connection, rtmp)
        rtmp.relieve = partial(self._relieve, tracked)

    def data(self, connection: TcpConnection, side: int, payload: bytes) -> None:
        """The next bytes of one side."""
        tracked = self._tracked[connection.index]
        self._follow(tracked, partial(tracked.rtmp.feed, side, payload))

    def gap(self, connection: TcpConnection, side: int, length: int, reason: str) -> None:
        """The next bytes of one side are missing."""
        tracked = self._tracked[connection.index]
        self._follow(tracked, partial(self._gap, tracked, side, length))

    def _gap(self, tracked: Tracked, side: int, length: int) -> None:
        rtmp = tracked.rtmp
        rtmp.gap(side, length)
        if rtmp.variant is None and self.bounds.hopeless(tracked.tcp.directions[side]):
            rtmp.variant = "other"

    def closed(self, connection: TcpConnection) -> None:
        """No more data will come."""
        tracked = self._tracked.get(connection.index)
        if tracked is None:
            return
        self._follow(tracked, tracked.rtmp.finish)
        if tracked.rtmp.variant not in RTMP_VARIANTS:
            del self._tracked[connection.index]
            tracked.rtmp.release()  # while indexing nothing collects cycles

    def _follow(self, tracked: Tracked, step: Callable[[], object]) -> None:
        """Have a connection take what comes next. A fault of ours ends the reading of this one;
        what was read of it stays, and of all others.
        """
        try:
            step()
            self._settle(tracked)
        except Exception as error:
            ends = " and ".join(f"{ip}:{port}" for ip, port in tracked.tcp.endpoints)
            self.failures.add("reading", f"reading ended between {ends}", error, tracked.view)
            tracked.tcp.discard = True
            if tracked.view is not None:
                self._dirty[tracked.tcp.index] = None

    def _relieve(self, tracked: Tracked) -> None:
        """Take rows in the middle of a feed: a few bytes can make many."""
        self._settle(tracked)
        self._flush()

    def _settle(self, tracked: Tracked) -> None:
        variant = tracked.rtmp.variant
        if variant is None:
            return
        if variant in RTMP_VARIANTS and tracked.view is None and not self.bounds.connection(self):
            variant = tracked.rtmp.variant = "other"
        if tracked.rtmp.known and not tracked.tcp.discard:
            tracked.tcp.discard = True
            if variant == "other" and tracked.rtmp.foreign:
                port = tracked.tcp.server[1]
                self.foreign[(tracked.rtmp.foreign, port)] += 1
        if variant in RTMP_VARIANTS:
            if tracked.view is None:
                assert self._start_ns is not None
                number = len(self.connections)
                tracked.view = Connection(number, tracked.tcp, tracked.rtmp, self._start_ns)
                self.connections.append(tracked.view)
            self._dirty[tracked.tcp.index] = None

    # -- rows -----------------------------------------------------------------------------

    @property
    def _waiting(self) -> int:
        """Messages that ended and are not in the index yet."""
        return sum(self._tracked[index].rtmp.waiting for index in self._dirty)

    def _flush(self) -> None:
        """Move the messages that ended into the index."""
        dirty, self._dirty = self._dirty, {}
        batch: list[Ended] = []
        waiting = 0
        for index in dirty:
            tracked = self._tracked[index]
            for side in (0, 1):
                rows = tracked.rtmp.take(side)
                if rows and self._wanted(tracked, side, len(rows), waiting):
                    batch.append(Ended(tracked, side, rows))
                    waiting += len(rows)
            if waiting >= MANY_ROWS:
                self._append(batch)
                batch, waiting = [], 0
        if batch:
            self._append(batch)

    def _wanted(self, tracked: Tracked, side: int, count: int, waiting: int) -> bool:
        """Whether `count` more rows of a side are kept, beside those that wait to be."""
        half, stream = tracked.halves[side], tracked.tcp.directions[side]
        kept = len(self.messages) + waiting
        if half.full or not self.bounds.rows(kept, half.count, stream.length, count):
            half.full = True
            if (reader := tracked.rtmp.halves[side].reader) is not None:
                reader.unlisted = True
        return not half.full

    def _append(self, batch: Sequence[Ended]) -> None:
        """Append the rows of some sides to the index, together: each time costs much."""
        rows = list(chain.from_iterable(ended.rows for ended in batch))
        rows = self.bounds.trimmed(len(self.runs_table), rows)
        count, fields = len(rows), list(zip(*rows, strict=True))
        numbers = {
            name: np.fromiter(values, np.int64, count)
            for name, values in zip(_NUMBERS, fields[:12], strict=True)
        }
        heads, runs = fields[12:14]
        number, epoch = len(self.messages), self._start_ns or 0
        run_counts = np.fromiter(map(len, runs), np.int64, count)
        first_run = len(self.runs_table) + np.cumsum(run_counts) - run_counts
        self._append_runs(runs)
        self.messages.extend(
            {
                **numbers,
                **places(batch, numbers["stream_offset"], numbers["end_offset"], epoch),
                "head": np.array(heads, "S16").view("V16"),
                "first_run": first_run,
                "runs": run_counts,
            },
            count,
        )
        at = number
        for ended in batch:
            ended.tracked.halves[ended.side].append(at, len(ended.rows))
            at += len(ended.rows)
        if self._kept is not None:
            self._kept.note(self, number, rows)

    def row_of(self, connection: Connection, direction: int, ordinal: int) -> int:
        """Return the row of the direction's message that ended as number `ordinal`, or -1."""
        tracked = self._tracked[connection.tcp_connection.index]
        half = tracked.halves[connection.sides[direction]]
        return half.row(ordinal) if ordinal < half.count else -1

    def _append_runs(self, runs: Sequence[tuple[tuple[int, ...], ...]]) -> None:
        """Append the runs of some messages."""
        width = len(RUN_COLUMNS)
        numbers = np.fromiter(chain.from_iterable(chain.from_iterable(runs)), np.int64)
        columns = numbers.reshape(-1, width).T
        self.runs_table.extend(dict(zip(RUN_COLUMNS, columns, strict=True)), columns.shape[1])

    def _rebase(self) -> None:
        """Count times from the earliest packet where that is not the first one."""
        late = self.capture_start_ns - self._intake.first_ns
        if self._start_ns is None or not late:
            return
        self._start_ns = self._intake.first_ns
        for name in ("time_ns", "first_time_ns"):
            column = self.messages.column(name)
            column += late
        for view in self.connections:
            view.epoch_ns = self._intake.first_ns

    def _renumber(self) -> None:
        """Number connections by their first packet and turn those whose sides were mistaken.

        Until here they are numbered as they were recognised, which depends on the file's blocks.
        """
        turn_mistaken(self.connections)
        turned = np.array([view.sides[0] for view in self.connections], np.uint8)
        ordered = sorted(self.connections, key=lambda view: view.tcp_connection.index)
        new_number = np.zeros(len(ordered), np.uint32)
        for number, view in enumerate(ordered):
            new_number[view.index] = number
        connection, direction = (
            self.messages.column("connection"),
            self.messages.column("direction"),
        )
        if len(connection):
            direction ^= turned[connection]
            connection[:] = new_number[connection]
        for number, view in enumerate(ordered):
            view.index = number
        self.connections = ordered
        self.forget()
