"""One RTMP connection: two directions, what the commands say, configurations by position."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from dissectors import handshake, probe, sides, spec
from dissectors.budget import Budget
from dissectors.chunk_state import Flag, MessageRow
from dissectors.context import Context
from dissectors.dissect import dissect_body
from dissectors.facts import Command, Facts, Fault, gather
from dissectors.fields import Field, Severity
from dissectors.half import Half, is_config
from dissectors.messages import media_config
from dissectors.reader import ChunkReader

MAX_COMMANDS: Final = 20_000
"""Commands kept per connection; a real one has some dozens."""
MAX_CONFIGS: Final = 20_000
MAX_FAULTS: Final = 1_000
"""Malformed commands listed per connection."""
FOREIGN: Final = {"rtmps": "tls", "rtmpt": "http"}
PROBE_LIMIT: Final = 64 << 10
"""Bytes of one direction after which an undecided stream is taken for something else."""

TELLING_BYTES: Final = 8 << 10
"""First bytes of one direction that tell what it is: those behind them add nothing."""
MAX_TLS: Final = 16 << 10
"""First bytes of TLS kept per direction: its handshake, as far as it is in clear."""

_MEDIA: Final = {spec.AUDIO: "audio", spec.VIDEO: "video"}
_EXTENDED: Final = {
    spec.AUDIO: frozenset(range(0x90, 0xA0)),
    spec.VIDEO: frozenset(range(0x80, 0x100)),
}
"""First bytes of Enhanced RTMP, where not the second byte alone tells a configuration."""
_COMMANDS: Final = frozenset({spec.COMMAND_AMF0, spec.COMMAND_AMF3})


def _nothing() -> None:
    """There are no rows to take."""


class RtmpConnection:
    """Sans-IO: bytes and gaps of two sides in, message rows out. Side 0 is the presumed client.

    `variant` is None while undecided, then `rtmp`, `rtmpe`, `rtmps`, `rtmpt` or `other`.
    `segment_starts`: (side, low, high) → stream offsets in [low, high) where segments begin.
    """

    def __init__(
        self,
        *,
        likely: bool,
        from_start: tuple[bool, bool],
        segment_starts: Callable[[int, int, int], Sequence[int]] = lambda side, low, high: (),
        budget: Budget | None = None,
    ) -> None:
        self.variant: str | None = None
        self.likely = likely
        """The port or the user says RTMP: a weaker proof will do."""
        self.halves = (Half(), Half())
        for half, start in zip(self.halves, from_start, strict=True):
            half.from_start = start
        self.foreign: str | None = None
        """What it is instead, as far as the first bytes tell: `tls`, `http`."""
        self.handshake_seen = False
        self.real_client: handshake.Peer | None = None
        """The client that a PROXY header or an SRS prefix names."""
        self.commands: list[Command] = []
        self.faults: list[Fault] = []
        self.client_votes = [0, 0]
        """By side: what speaks for it as the client, where nobody saw who opened the connection."""
        self.limits: set[str] = set()
        self._segment_starts = segment_starts
        self.budget = budget or Budget()
        self.relieve: Callable[[], None] = _nothing
        """Called when many rows wait: `take` them."""
        self._facts: tuple[int, Facts] = (0, Facts())

    # -- bytes in -------------------------------------------------------------------------

    def feed(self, side: int, data: bytes) -> None:
        """Take stream bytes of one side."""
        half = self.halves[side]
        half.has_data = True
        self.budget.fed += len(data)
        if half.reader is not None:
            half.reader.feed(data)
            self._drain(side)
        elif self.variant not in (None, "rtmp"):
            if self.variant == "rtmps" and len(half.first) < MAX_TLS:
                half.first += data[: MAX_TLS - len(half.first)]
            return
        elif half.waiting:
            half.waiting.append(data)
            half.waiting_size += len(data)
            self._advance(final=half.waits_long)
        else:
            half.pending += data
            self._advance()

    def gap(self, side: int, length: int) -> None:
        """Take notice of missing bytes on one side."""
        half = self.halves[side]
        if half.reader is not None:
            half.reader.gap(length)
            self._drain(side)
            return
        if self.variant not in (None, "rtmp"):
            return
        held = len(half.pending)
        fits = held + length <= spec.HANDSHAKE_END and half.from_start
        if fits and not half.waiting:
            half.pending += bytes(length)
            half.holes.append((held, held + length))
            self._advance()
        elif self.variant is None:
            if half.waiting and isinstance(half.waiting[-1], int):
                half.waiting[-1] += length
            else:
                half.waiting.append(length)  # the other side may tell what this is
            self._advance(final=half.waits_long)
        else:
            # What came before is not enough to know anything; begin behind the hole.
            self._search(side, held + length)
            half.pending.clear()

    def finish(self) -> None:
        """Take notice that both sides end."""
        self._advance(final=True)
        for side, half in enumerate(self.halves):
            if half.reader is not None:
                half.reader.finish()
                self._drain(side)
        if self.variant is None:
            self.variant = "rtmp" if any(half.taken for half in self.halves) else "other"

    def release(self) -> None:
        """Let go of the readers and whoever takes their rows, which refer back to this."""
        self.relieve = _nothing
        for half in self.halves:
            half.reader = None

    @property
    def known(self) -> bool:
        """Whether further bytes would tell nothing: it is not RTMP, or TLS past its handshake."""
        if self.variant == "rtmps":
            return any(len(half.first) >= MAX_TLS for half in self.halves)
        return self.variant not in (None, "rtmp")

    def take(self, side: int) -> list[MessageRow]:
        """Return the messages of `side` that ended since the last call."""
        half = self.halves[side]
        rows, half.rows = half.rows, []
        return rows

    @property
    def waiting(self) -> int:
        """Messages of both sides that nobody took yet."""
        return len(self.halves[0].rows) + len(self.halves[1].rows)

    # -- what is this? --------------------------------------------------------------------

    def _advance(self, *, final: bool = False) -> None:
        if self.variant is None and (self._tells_more() or final):
            self._decide(final)
        if self.variant == "rtmp":
            for side, half in enumerate(self.halves):
                if half.reader is None and half.pending:
                    self._pass_handshake(side, final)
        elif self.variant is not None:
            for half in self.halves:
                if (
                    self.variant == "rtmpe" and half.pending
                ):  # its handshake is in the clear, nothing after it is
                    half.first = bytes(half.pending[half.skip :][: spec.HANDSHAKE_END])
                elif self.variant == "rtmps" and half.pending:
                    half.first = bytes(half.pending[half.skip :][:MAX_TLS])
                half.pending.clear()
        for side, half in enumerate(self.halves):
            if half.waiting and (self.variant is not None or half.reader is not None):
                waiting, half.waiting = half.waiting, []
                for item in waiting:
                    if isinstance(item, int):
                        self.gap(side, item)
                    else:
                        self.feed(side, item)

    def _tells_more(self) -> bool:
        """Whether there is more to judge by than when this was looked at last."""
        more = False
        for half in self.halves:
            held = len(half.pending)
            judged = (held if held < TELLING_BYTES else TELLING_BYTES, len(half.holes))
            more = more or judged != half.judged or held >= PROBE_LIMIT
            half.judged = judged
        return more

    def _decide(self, final: bool) -> None:
        kinds = [
            handshake.Prefix("more")
            if half.damaged and not any(half.pending[:1])
            else handshake.classify(bytes(half.pending[:2048]))
            for half in self.halves
        ]
        for half, prefix in zip(self.halves, kinds, strict=True):
            half.skip = prefix.skip
            self.real_client = prefix.real_client or self.real_client
        names = [prefix.kind for prefix in kinds]
        self.foreign = next((FOREIGN[name] for name in names if name in FOREIGN), None)
        starts = [
            probe.Start(half.pending, half.skip, half.from_start, name)
            for half, name in zip(self.halves, names, strict=True)
        ]
        self.variant = probe.recognise(starts, self.likely, final)
        if self.variant is not None:
            self.handshake_seen = self.variant == "rtmp"
        elif final or any(len(half.pending) >= PROBE_LIMIT for half in self.halves):
            self._give_up_or_search(names)
        else:
            self._early_other(names)

    def _early_other(self, names: list[str]) -> None:
        """Drop foreign protocols at once, so that nothing is held for them."""
        if self.likely:
            return
        for half, name in zip(self.halves, names, strict=True):
            if half.from_start and name in ("other", "rtmps"):
                self.variant = "other"

    def _give_up_or_search(self, names: list[str]) -> None:
        for side, half in enumerate(self.halves):
            unseen = half.waiting and names[side] == "more"  # what it begins with is in a hole
            foreign = half.from_start and names[side] != "rtmp" and not (self.likely or unseen)
            if (half.pending or unseen) and not foreign and half.reader is None:
                pending = bytes(half.pending)
                half.pending.clear()
                self._search(side, 0)
                assert half.reader is not None
                position = 0
                for start, end in half.holes:
                    half.reader.feed(pending[position:start])
                    half.reader.gap(end - start)
                    position = end
                half.reader.feed(pending[position:])
                self._drain(side)
        if all(half.reader is None and not half.pending for half in self.halves):
            return
        if all(half.reader is None for half in self.halves):
            self.variant = "other"

    def _search(self, side: int, offset: int) -> None:
        reader = ChunkReader(
            offset,
            synchronised=False,
            rtmp_likely=self.likely or self.handshake_seen,
            segment_starts=partial(self._segment_starts, side),
        )
        self._adopt(side, reader)

    def _adopt(self, side: int, reader: ChunkReader) -> None:
        reader.share(self.budget)
        reader.relieve = partial(self._relieve, side)
        self.halves[side].reader = reader

    def _relieve(self, side: int) -> None:
        self._drain(side)
        self.relieve()

    def _pass_handshake(self, side: int, final: bool) -> None:
        half = self.halves[side]
        if not half.skip:  # the other side alone may have told what this is
            prefix = handshake.classify(bytes(half.pending[:2048]))
            half.skip = prefix.skip
            self.real_client = prefix.real_client or self.real_client
            if prefix.kind == "more" and not final:
                return
        end = half.skip + spec.HANDSHAKE_END
        if not self.handshake_seen or not (half.from_start or half.pending[half.skip] == 3):
            if final or len(half.pending) >= PROBE_LIMIT:
                self._give_up_or_search(["rtmp", "rtmp"])
            return
        half.first = bytes(half.pending[half.skip : end])
        if len(half.pending) < end:
            return
        rest = bytes(half.pending[end:])
        half.pending.clear()
        reader = ChunkReader(end, segment_starts=partial(self._segment_starts, side))
        self._adopt(side, reader)
        reader.feed(rest)
        self._drain(side)

    # -- rows out -------------------------------------------------------------------------

    def _drain(self, side: int) -> None:
        half = self.halves[side]
        assert half.reader is not None
        rows = half.reader.take()
        if not rows:
            return
        for row in rows:
            type_id = row.type_id
            if type_id in _MEDIA:
                head = row.head
                if (
                    head
                    and (head[1:2] == b"\0" or head[0] in _EXTENDED[type_id])
                    and row.flags & Flag.COMPLETE  # else a byte may be missing, read as zero
                    and is_config(row)
                ):
                    self._config(half, row, _MEDIA[type_id])
            elif type_id == spec.AGGREGATE and row.body:
                self.client_votes[side] += sides.message_votes(type_id, row.head)
                for each, kind in _MEDIA.items():
                    if media_config.records(each, type_id, row.body):
                        self._config(half, row, kind)
            elif type_id in _COMMANDS and row.body:
                self._command(side, row)
            elif type_id in sides.TELLING and row.head:
                self.client_votes[side] += sides.message_votes(type_id, row.head)
            half.taken += 1
        half.rows += rows
        if self.variant is None:
            self.variant = "rtmp"

    def _config(self, half: Half, row: MessageRow, kind: str) -> None:
        configs = half.configs[kind]
        if len(configs) >= MAX_CONFIGS:
            self.limits.add("codec_configurations")
            return
        configs.append(half.taken)
        half.config_offsets[kind].append(row.header_offset)

    def _command(self, side: int, row: MessageRow) -> None:
        if len(self.commands) >= MAX_COMMANDS or not self.budget.may_decode():
            self.limits.add("commands")
            return
        assert row.body is not None
        body = dissect_body(row.type_id, row.body, Context(row.type_id)).body
        self.budget.decoded(self._faults(side, row, body))
        value = body.value
        if not isinstance(value, dict) or not isinstance(value.get("name"), str):
            return
        self.client_votes[side] += sides.command_votes(value["name"])
        self.commands.append(
            Command(
                side,
                row.number,
                row.end_offset,
                row.msid,
                value["name"],
                value.get("transaction_id"),
                value.get("object"),
                value.get("arguments") or [],
            )
        )

    def _faults(self, side: int, row: MessageRow, body: Field) -> int:
        """Note what is malformed; return the number of fields."""
        count = 0
        for node in body.walk():
            count += 1
            if node.name == "truncated":  # the trace of an AMF limit; its value is the name
                self.limits.add(str(node.value))
            for expert in node.experts:
                if expert.severity is not Severity.ERROR:
                    continue
                if len(self.faults) >= MAX_FAULTS:
                    self.limits.add("malformed_commands")
                    continue
                fault = Fault(side, row.number, row.end_offset, expert.code, expert.text)
                self.faults.append(fault)
        return count

    # -- state by position ----------------------------------------------------------------

    def configs_before(self, side: int, kind: str, header_offset: int) -> int:
        """Return how many configurations `side` had sent before `header_offset`."""
        return bisect_left(self.halves[side].config_offsets[kind], header_offset)

    def facts(self) -> Facts:
        """Gather what the commands say; cheap enough to ask again while bytes come."""
        known, facts = self._facts
        if known != len(self.commands):
            facts = gather(self.commands)
            self._facts = len(self.commands), facts
        return facts
