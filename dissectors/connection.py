"""One RTMP connection: two directions, what the commands say, configurations by position."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from dissectors import handshake, spec
from dissectors.chunk_state import MessageRow
from dissectors.chunking import KNOWN_TYPES
from dissectors.context import Context
from dissectors.dissect import dissect_body
from dissectors.fields import Field, Severity
from dissectors.messages import audio, video
from dissectors.reader import ChunkReader

MAX_COMMANDS: Final = 20_000
"""Commands kept per connection; a real one has some dozens."""
MAX_CONFIGS: Final = 20_000
FOREIGN: Final = {"rtmps": "tls", "rtmpt": "http"}
PROBE_LIMIT: Final = 64 << 10
"""Bytes of one direction after which an undecided stream is taken for something else."""

_MEDIA: Final = {spec.AUDIO: "audio", spec.VIDEO: "video"}
_COMMANDS: Final = frozenset({spec.COMMAND_AMF0, spec.COMMAND_AMF3})
_CLIENT_CALLS: Final = frozenset({"connect", "createStream", "publish", "play", "releaseStream"})


class Command(NamedTuple):
    """A command message, as far as state depends on it."""

    side: int
    number: int
    end_offset: int
    msid: int
    name: str
    transaction_id: Any
    object: Any
    arguments: list[Any]


class Fault(NamedTuple):
    """Something malformed in a command, found while state was read from it."""

    side: int
    number: int
    end_offset: int
    code: str
    text: str


class StreamInfo(NamedTuple):
    """A message stream and what it is used for."""

    msid: int
    name: str
    role: str
    """`publish` or `play`."""


@dataclass(slots=True)
class Facts:
    """What the commands of a connection say about it."""

    app: str | None = None
    tc_url: str | None = None
    flash_ver: str | None = None
    object_encoding: int | None = None
    streams: list[StreamInfo] = field(default_factory=list)

    @property
    def role(self) -> str | None:
        """`publish`, `play`, `both`, or None while neither was asked for."""
        roles = {stream.role for stream in self.streams}
        return "both" if len(roles) > 1 else next(iter(roles), None)


class Half:
    """One direction: first bytes, handshake, then the chunk reader."""

    def __init__(self) -> None:
        self.from_start = False
        self.pending = bytearray()
        """Bytes not yet given to the chunk reader."""
        self.first = b""
        """C0 C1 C2 or S0 S1 S2, as far as captured; zeros where bytes are missing."""
        self.damaged = False
        """Handshake bytes are missing."""
        self.skip = 0
        self.has_data = False
        self.reader: ChunkReader | None = None
        self.rows: list[MessageRow] = []
        self.taken = 0
        self.configs: dict[str, list[int]] = {"audio": [], "video": []}
        """Messages with a codec configuration: their place in the order the messages ended."""
        self.config_offsets: dict[str, list[int]] = {"audio": [], "video": []}
        """Where the first chunk headers of these stand in the stream."""

    @property
    def handshake_complete(self) -> bool:
        return len(self.first) == spec.HANDSHAKE_END and not self.damaged


class RtmpConnection:
    """Sans-IO: bytes and gaps of two sides in, message rows out. Side 0 is the presumed client.

    `variant` is None while undecided, then `rtmp`, `rtmpe`, `rtmps`, `rtmpt` or `other`.
    """

    def __init__(self, *, likely: bool, from_start: tuple[bool, bool]) -> None:
        self.variant: str | None = None
        self.likely = likely
        """The port or the user says RTMP: a weaker proof will do."""
        self.halves = (Half(), Half())
        for half, start in zip(self.halves, from_start, strict=True):
            half.from_start = start
        self.foreign: str | None = None
        """What it is instead, as far as the first bytes tell: `tls`, `http`."""
        self.handshake_seen = False
        self.real_client: str | None = None
        self.commands: list[Command] = []
        self.faults: list[Fault] = []
        self.swapped = False
        """Side 0 turned out to be the server."""
        self.limits: set[str] = set()

    # -- bytes in -------------------------------------------------------------------------

    def feed(self, side: int, data: bytes) -> None:
        """Take stream bytes of one side."""
        half = self.halves[side]
        half.has_data = True
        if half.reader is not None:
            half.reader.feed(data)
            self._drain(side)
        elif self.variant is None or self.variant == "rtmp":
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
        if held + length <= spec.HANDSHAKE_END and half.from_start:
            half.pending += bytes(length)
            half.damaged = True
            self._advance()
            return
        self._advance(final=True)
        if half.reader is not None:
            half.reader.gap(length)
            self._drain(side)
        elif self.variant in (None, "rtmp"):
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
        self._settle_sides()

    def take(self, side: int) -> list[MessageRow]:
        """Return the messages of `side` that ended since the last call."""
        half = self.halves[side]
        rows, half.rows = half.rows, []
        return rows

    # -- what is this? --------------------------------------------------------------------

    def _advance(self, *, final: bool = False) -> None:
        if self.variant is None:
            self._decide(final)
        if self.variant == "rtmp":
            for side, half in enumerate(self.halves):
                if half.reader is None and half.pending:
                    self._pass_handshake(side, final)
        elif self.variant is not None:
            for half in self.halves:
                half.pending.clear()

    def _decide(self, final: bool) -> None:
        kinds = [handshake.classify(bytes(half.pending[:2048])) for half in self.halves]
        for half, prefix in zip(self.halves, kinds, strict=True):
            half.skip = prefix.skip
            self.real_client = prefix.real_client or self.real_client
        names = [prefix.kind for prefix in kinds]
        self.foreign = next((FOREIGN[name] for name in names if name in FOREIGN), None)
        if self._handshake_shown(names, final):
            self.variant, self.handshake_seen = "rtmp", True
        elif self._encrypted(names):
            self.variant = "rtmpe"
        elif self.likely and "rtmps" in names and all(n in ("rtmps", "more") for n in names):
            self.variant = "rtmps"
        elif "rtmpt" in names:
            self.variant = "rtmpt" if self._tunnel() else "other"
        elif final or any(len(half.pending) >= PROBE_LIMIT for half in self.halves):
            self._give_up_or_search(names)
        else:
            self._early_other(names)

    def _handshake_shown(self, names: list[str], final: bool) -> bool:
        """Whether both sides greet with version 3, or one does and a chunk follows C2 or S2."""
        sizes = [len(half.pending) - half.skip for half in self.halves]
        greets = [
            name == "rtmp" and size > 0 and not self._starts_with_chunk(side)
            for side, (name, size) in enumerate(zip(names, sizes, strict=True))
        ]
        if all(greets) and (max(sizes) > spec.HANDSHAKE_SIZE or (final and self.likely)):
            return True
        for side in (0, 1):
            if greets[side] and not sizes[1 - side]:
                if sizes[side] >= spec.HANDSHAKE_END + 12:
                    return self._chunk_at(side, spec.HANDSHAKE_END + self.halves[side].skip)
                if final and self.halves[side].from_start and self.likely:
                    return sizes[side] > spec.HANDSHAKE_SIZE or sizes[side] == 1
        return False

    def _starts_with_chunk(self, side: int) -> bool:
        """A capture that begins at a chunk header of csid 3 also begins with byte 3."""
        return not self.halves[side].from_start and self._chunk_at(side, 0)

    def _chunk_at(self, side: int, offset: int) -> bool:
        """Whether a plausible first chunk header stands at `offset` of the pending bytes."""
        raw = bytes(self.halves[side].pending[offset : offset + 12])
        if len(raw) < 12 or raw[0] >> 6 > 1 or not 2 <= raw[0] & 0x3F < 64:
            return False
        msid = int.from_bytes(raw[8:12], "little") if raw[0] >> 6 == 0 else 0
        length = int.from_bytes(raw[4:7], "big")
        return raw[7] in KNOWN_TYPES and msid < 0x10000 and 0 < length < 1 << 20

    def _encrypted(self, names: list[str]) -> bool:
        """RTMPE: both sides greet with version 6, 8 or 9 and send a whole packet."""
        if "rtmpe" not in names or not all(name in ("rtmpe", "rtmp") for name in names):
            return False
        return all(len(half.pending) > spec.HANDSHAKE_SIZE for half in self.halves)

    def _tunnel(self) -> bool:
        """RTMPT: POST to /open, /send, /idle, /close or /fcs (§1.7 of Red5's description)."""
        head = bytes(self.halves[0].pending[:64]) + bytes(self.halves[1].pending[:64])
        paths = (b"POST /open/", b"POST /send/", b"POST /idle/", b"POST /fcs/", b"POST /close/")
        return any(path in head for path in paths)

    def _early_other(self, names: list[str]) -> None:
        """Drop foreign protocols at once, so that nothing is held for them."""
        if self.likely:
            return
        for half, name in zip(self.halves, names, strict=True):
            if half.from_start and name in ("other", "rtmps", "rtmpt"):
                self.variant = "other"

    def _give_up_or_search(self, names: list[str]) -> None:
        for side, half in enumerate(self.halves):
            foreign = half.from_start and names[side] != "rtmp" and not self.likely
            if half.pending and not foreign and half.reader is None:
                pending = bytes(half.pending)
                half.pending.clear()
                self._search(side, 0)
                assert half.reader is not None
                half.reader.feed(pending)
                self._drain(side)
        if all(half.reader is None and not half.pending for half in self.halves):
            return
        if all(half.reader is None for half in self.halves):
            self.variant = "other"

    def _search(self, side: int, offset: int) -> None:
        self.halves[side].reader = ChunkReader(
            offset, synchronised=False, rtmp_likely=self.likely or self.handshake_seen
        )

    def _pass_handshake(self, side: int, final: bool) -> None:
        half = self.halves[side]
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
        half.reader = ChunkReader(end)
        half.reader.feed(rest)
        self._drain(side)

    # -- rows out -------------------------------------------------------------------------

    def _drain(self, side: int) -> None:
        half = self.halves[side]
        assert half.reader is not None
        rows = half.reader.take()
        if not rows:
            return
        for row in rows:
            if row.type_id in _MEDIA:
                if row.head and is_config(row):
                    self._config(half, row)
            elif row.type_id in _COMMANDS and row.body:
                self._command(side, row)
            half.taken += 1
        half.rows += rows
        if self.variant is None:
            self.variant = "rtmp"

    def _config(self, half: Half, row: MessageRow) -> None:
        configs = half.configs[_MEDIA[row.type_id]]
        if len(configs) >= MAX_CONFIGS:
            self.limits.add("codec_configurations")
            return
        configs.append(half.taken)
        half.config_offsets[_MEDIA[row.type_id]].append(row.header_offset)

    def _command(self, side: int, row: MessageRow) -> None:
        if len(self.commands) >= MAX_COMMANDS:
            self.limits.add("commands")
            return
        assert row.body is not None
        body = dissect_body(row.type_id, row.body, Context(row.type_id)).body
        self._faults(side, row, body)
        value = body.value
        if not isinstance(value, dict) or not isinstance(value.get("name"), str):
            return
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

    def _faults(self, side: int, row: MessageRow, body: Field) -> None:
        for node in body.walk():
            for expert in node.experts:
                if expert.severity is Severity.ERROR and len(self.faults) < MAX_COMMANDS:
                    fault = Fault(side, row.number, row.end_offset, expert.code, expert.text)
                    self.faults.append(fault)

    def _settle_sides(self) -> None:
        """Find the client by its commands where the TCP opening was not captured."""
        calls = [0, 0]
        for command in self.commands:
            if command.name in _CLIENT_CALLS:
                calls[command.side] += 1
            elif command.name in ("_result", "_error", "onStatus"):
                calls[1 - command.side] += 1
        self.swapped = not any(half.from_start for half in self.halves) and calls[1] > calls[0]

    # -- state by position ----------------------------------------------------------------

    def configs_before(self, side: int, kind: str, header_offset: int) -> int:
        """Return how many configurations `side` had sent before `header_offset`."""
        return bisect_left(self.halves[side].config_offsets[kind], header_offset)

    def facts(self) -> Facts:
        """Gather what the commands say; cheap enough to ask again while bytes come."""
        facts = Facts()
        for command in self.commands:
            if command.name == "connect" and isinstance(command.object, dict):
                _take_connect(facts, command.object)
            elif command.name in ("publish", "play"):
                name = command.arguments[0] if command.arguments else None
                if isinstance(name, str):
                    info = StreamInfo(command.msid, name, command.name)
                    if info not in facts.streams:
                        facts.streams.append(info)
        return facts


def _take_connect(facts: Facts, properties: dict[str, Any]) -> None:
    def text(*names: str) -> str | None:
        for name in names:
            if isinstance(properties.get(name), str):
                return str(properties[name])
        return None

    facts.app = text("app")
    facts.tc_url = text("tcUrl", "tcurl")
    facts.flash_ver = text("flashVer", "flashver")
    encoding = properties.get("objectEncoding")
    facts.object_encoding = encoding if isinstance(encoding, int) else 0


def is_config(row: MessageRow) -> bool:
    """Whether a media message carries a codec configuration, by its first bytes alone."""
    head = row.head
    if row.type_id == spec.VIDEO:
        if head[0] & 0x80:
            return head[0] & 0x0F in (0, 5, 6, 7) and video.peek(head, row.length).is_config
        return head[0] & 0x0F in (7, 12, 13, 14) and head[1:2] == b"\0"
    if head[0] >> 4 == 9:
        return head[0] & 0x0F in (0, 5, 7) and audio.peek(head, row.length).is_config
    return head[0] >> 4 == 10 and head[1:2] == b"\0"
