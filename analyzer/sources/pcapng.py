"""pcapng: sections, interfaces and the three packet blocks; the rest is skipped by its length."""

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from analyzer.sources.clock import Clock
from analyzer.sources.model import (
    MAX_BLOCK,
    NO_LINK,
    FrameBatch,
    Problems,
    Scan,
    Secret,
    SourceError,
    link_name,
    windows,
)

SECTION_HEADER: Final = 0x0A0D0D0A
INTERFACE: Final = 1
PACKET: Final = 2
SIMPLE_PACKET: Final = 3
ENHANCED_PACKET: Final = 6
DECRYPTION_SECRETS: Final = 10

MAGIC: Final = b"\x0a\x0d\x0d\x0a"
MIN_BLOCK: Final = 12
MIN_SIMPLE: Final = 16
MIN_SECTION: Final = 28
MIN_PACKET: Final = 32

IF_TSRESOL: Final = 9
IF_TSOFFSET: Final = 14

MAX_INTERFACES: Final = 65_536
"""Interfaces kept per section: an Interface Description flood costs no more than this."""
MAX_NOTED: Final = 64
"""Interfaces of a section with each place from which packets can be found again."""
MAX_SECRETS: Final = 16 << 20
"""Bytes of Decryption Secrets kept."""

Ints: TypeAlias = NDArray[np.int64]

_ORDERS: Final = {b"\x4d\x3c\x2b\x1a": "<", b"\x1a\x2b\x3c\x4d": ">"}


class Interface(NamedTuple):
    link: int
    snaplen: int
    clock: Clock


class Section(NamedTuple):
    start: int
    """Offset in the block of data where it begins to hold."""
    first: int
    """Index of its interface 0 in the scanner's table."""
    order: str


class PcapngScanner:
    """Finds the packets of a pcapng file, block by block."""

    format = "pcapng"

    def __init__(self) -> None:
        self.links: list[str] = []
        self.secrets: list[Secret] = []
        self.problems = Problems()
        self.frames = 0
        self._secret_bytes = 0
        self._time = 0
        self._table: list[Interface] = []
        self._sections = [Section(0, 0, "<")]
        # Where the walk over the present block of data stands, and why it ended.
        self._base = 0
        self._at = 0
        self._need = MIN_BLOCK
        self._stopped = False

    @classmethod
    def open(cls, head: bytes) -> tuple[Self, int]:
        """Check the first Section Header Block; scanning starts with it, at 0."""
        if len(head) < MIN_SECTION:
            raise SourceError(f"cut short: {len(head)} bytes, a pcapng section header has 28")
        if head[8:12] not in _ORDERS:
            raise SourceError("not a capture: a pcapng section header without its magic")
        return cls(), 0

    def again(self) -> Self | None:
        """Return a scanner that goes on from here, with problems of its own."""
        last = self._sections[-1]
        if len(self._table) - last.first > MAX_NOTED:
            return None
        other = type(self)()
        other.frames, other._time = self.frames, self._time
        other._table = self._table[last.first :]
        other._sections = [Section(0, 0, last.order)]
        return other

    def scan(self, data: bytes, base: int, at_end: bool) -> Scan:
        """Return the packets of the whole blocks at the start of `data`."""
        last = self._sections[-1]
        self._table = self._table[last.first :]
        self._sections = [Section(0, 0, last.order)]
        self._base, self._at, self._need, self._stopped = base, 0, MIN_BLOCK, False
        batch = self._columns(data, np.fromiter(self._packets(data), dtype=np.int64))
        self.frames += len(batch)
        left = len(data) - self._at
        if at_end and left and not self._stopped:
            text = f"cut short in a block of {self._need} bytes, {left} are there"
            self._stop("torn", text, self._at, self.frames)
        return Scan(batch, self._at, self._need, self._stopped)

    def _packets(self, data: bytes) -> Iterator[int]:
        """Yield where packet blocks start, as ~offset when they cannot be read.

        Ends at an error or where `data` ends. Sections and interfaces are taken in on the way,
        for they hold from there on only.
        """
        at, frame, size = 0, self.frames, len(data)
        while True:
            order = self._sections[-1].order
            head = struct.Struct(order + "III").unpack_from
            tail = struct.Struct(order + "I").unpack_from
            count = len(self._table) - self._sections[-1].first
            while at <= size - MIN_BLOCK:
                kind, length, first = head(data, at)
                end = at + length
                if (
                    kind == SECTION_HEADER
                    or length & 3
                    or not MIN_BLOCK <= length <= MAX_BLOCK
                    or end > size
                    or tail(data, end - 4)[0] != length
                ):
                    break
                if kind == ENHANCED_PACKET and first < count and length >= MIN_PACKET:
                    frame += 1
                    yield at
                elif kind in (ENHANCED_PACKET, SIMPLE_PACKET, PACKET):
                    frame += 1
                    yield at if self._readable(data, at, frame, count) else ~at
                elif kind == INTERFACE:
                    self._interface(data, at, length, frame)
                    count = len(self._table) - self._sections[-1].first
                elif kind == DECRYPTION_SECRETS:
                    self._secret(data, at, length, frame)
                at = end
            following = self._section(data, at, frame)
            if following is None:
                self._at = at
                return
            at = following

    def _section(self, data: bytes, at: int, frame: int) -> int | None:
        """Start the section at `at` and return its end; else say why the walk ends here."""
        left = len(data) - at
        if left < MIN_BLOCK:
            return None
        order: str | None = self._sections[-1].order
        least = MIN_BLOCK
        if data[at : at + 4] == MAGIC:
            least = MIN_SECTION
            if left < least:
                self._need = least
                return None
            order = _ORDERS.get(data[at + 8 : at + 12])
            if order is None:
                return self._stop("bad_section", "section header without its magic", at, frame)
        (length,) = struct.unpack_from(f"{order}I", data, at + 4)
        if not any(data[at : at + MIN_BLOCK]):
            return self._stop("zero_filled", "zero bytes where a block should start", at, frame)
        if length & 3 or not least <= length <= MAX_BLOCK:
            return self._stop("bad_block_length", f"block of {length} bytes", at, frame)
        if length > left:
            self._need = length
            return None
        if struct.unpack_from(f"{order}I", data, at + length - 4)[0] != length:
            text = "block whose lengths at start and end differ"
            return self._stop("bad_trailer", text, at, frame)
        self._sections.append(Section(at, len(self._table), str(order)))
        return at + int(length)

    def _stop(self, code: str, text: str, at: int, frame: int) -> int | None:
        """End the walk here, for good; None, which is no place to go on at."""
        self.problems.add(code, text, self._base + at, frame)
        self._stopped = True
        return None

    def _readable(self, data: bytes, at: int, frame: int, count: int) -> bool:
        """Judge a packet block the fast test did not pass: too short, or its interface absent."""
        order = self._sections[-1].order
        kind, length, interface = struct.unpack_from(order + "III", data, at)
        least = MIN_PACKET
        if kind == SIMPLE_PACKET:
            least, interface = MIN_SIMPLE, 0
        elif kind == PACKET:
            (interface,) = struct.unpack_from(order + "H", data, at + 8)
        if length < least:
            text = f"packet block of {length} bytes, at least {least} are needed"
            self.problems.add("short_packet_block", text, self._base + at, frame - 1)
        elif interface >= count:
            text = f"packet of interface {interface}, {count} are described"
            self.problems.add("absent_interface", text, self._base + at, frame - 1)
        else:
            return True
        return False

    def _interface(self, data: bytes, at: int, length: int, frame: int) -> None:
        """Interface Description Block: link type, snaplen, and the clock from its options."""
        order = self._sections[-1].order
        if length < 20:
            text = f"interface description of {length} bytes not taken in"
            self.problems.add("bad_interface", text, self._base + at, frame)
            return
        if len(self._table) - self._sections[-1].first >= MAX_INTERFACES:
            text = f"more than {MAX_INTERFACES} interfaces in a section, the rest is left out"
            self.problems.add("too_many_interfaces", text, self._base + at, frame)
            return
        link, _, snaplen = struct.unpack_from(order + "HHI", data, at + 8)
        resolution, offset = 6, 0
        for code, value in options(data, at + 16, at + length - 4, order):
            if code == IF_TSRESOL and value:
                resolution = value[0]
            elif code == IF_TSOFFSET and len(value) >= 8:
                (offset,) = struct.unpack_from(order + "q", value)
        clock = Clock.of(resolution, offset)
        if clock is None:
            text = f"if_tsresol 0x{resolution:02x} cannot be meant, microseconds taken"
            self.problems.add("bad_tsresol", text, self._base + at, frame)
            clock = Clock(offset=offset * 1_000_000_000)
        self._table.append(Interface(link, snaplen, clock))
        if link_name(link) not in self.links:
            self.links.append(link_name(link))

    def _secret(self, data: bytes, at: int, length: int, frame: int) -> None:
        """Decryption Secrets Block: type, length, data."""
        if length < 20:
            return
        kind, size = struct.unpack_from(self._sections[-1].order + "II", data, at + 8)
        size = min(size, length - 20)
        if self._secret_bytes + size > MAX_SECRETS:
            text = f"more than {MAX_SECRETS} bytes of decryption secrets, the rest is left out"
            self.problems.add("too_many_secrets", text, self._base + at, frame)
            return
        self._secret_bytes += size
        self.secrets.append(Secret(kind, data[at + 16 : at + 16 + size]))

    def _columns(self, data: bytes, found: Ints) -> FrameBatch:
        """Read the headers of the packet blocks at `found` as columns."""
        at = np.where(found < 0, ~found, found)
        batch = FrameBatch(
            data=data,
            base=self._base,
            first_frame=self.frames + 1,
            offset=at,
            caplen=np.zeros(len(at), dtype=np.int64),
            wirelen=np.zeros(len(at), dtype=np.int64),
            time_ns=np.zeros(len(at), dtype=np.int64),
            link=np.full(len(at), NO_LINK, dtype=np.int32),
        )
        good = np.flatnonzero(found >= 0)
        section = np.zeros(len(good), dtype=np.int64)
        if len(self._sections) > 1:
            starts = np.array([each.start for each in self._sections])
            # The block's first section stands at 0 even where a second one starts there.
            section = np.searchsorted(starts, at[good], side="right") - 1
        big = np.array([each.order == ">" for each in self._sections])[section]
        head = _heads(data, at[good], big)
        interface = _interfaces(head, big)
        interface += np.array([each.first for each in self._sections])[section]
        chosen = head[:, 0] != SIMPLE_PACKET
        timed = good[chosen]
        time = self._times(head[chosen], interface[chosen], at[timed], timed)
        batch.time_ns = self._filled(len(at), timed, time)
        links = np.array([each.link for each in self._table] or [NO_LINK], dtype=np.int32)
        start, caplen, wirelen = self._lengths(head, at[good], interface)
        over = start + caplen > at[good] + head[:, 1] - 4
        if over.any():
            first = int(good[over][0])
            text = f"packet of {caplen[over][0]} captured bytes in a block too short for them"
            where, frame = self._base + int(at[first]), self.frames + first
            self.problems.add("bad_caplen", text, where, frame, int(over.sum()))
            good, start, interface = good[~over], start[~over], interface[~over]
            caplen, wirelen = caplen[~over], wirelen[~over]
        batch.offset[good], batch.caplen[good], batch.wirelen[good] = start, caplen, wirelen
        batch.link[good] = links[interface]
        return batch

    def _lengths(self, head: Ints, at: Ints, interface: Ints) -> tuple[Ints, Ints, Ints]:
        """Return where the packets' bytes start, how many were captured and were on the wire."""
        simple = head[:, 0] == SIMPLE_PACKET
        if not simple.any():
            return at + 28, head[:, 5], head[:, 6]
        snaplen = np.array([each.snaplen or MAX_BLOCK for each in self._table])[interface]
        wirelen = np.where(simple, head[:, 2], head[:, 6])
        # A Simple Packet Block does not say how much was captured.
        room = np.minimum(np.minimum(snaplen, wirelen), head[:, 1] - MIN_SIMPLE)
        return at + np.where(simple, 12, 28), np.where(simple, room, head[:, 5]), wirelen

    def _times(
        self,
        head: Ints,
        interface: Ints,
        at: Ints,
        index: Ints,
    ) -> Ints:
        """Turn the clock ticks of Enhanced Packet Blocks into nanoseconds, clock by clock."""
        time = np.zeros(len(head), dtype=np.int64)
        ticks = head[:, 3].astype(np.uint64) << np.uint64(32) | head[:, 4].astype(np.uint64)
        clocks: dict[Clock, int] = {}
        ids = np.array([clocks.setdefault(each.clock, len(clocks)) for each in self._table])
        which = ids[interface] if len(head) else interface
        order = np.argsort(which, kind="stable") if len(clocks) > 1 else np.arange(len(head))
        bounds = np.searchsorted(which[order], np.arange(len(clocks) + 1)).tolist()
        for number, clock in enumerate(clocks):
            chosen = order[bounds[number] : bounds[number + 1]]
            if not len(chosen):
                continue
            time[chosen], clamped = clock.nanoseconds(ticks[chosen])
            if clamped:
                text = "time beyond what 64 bits of nanoseconds hold"
                where, frame = self._base + int(at[chosen[0]]), self.frames + int(index[chosen[0]])
                self.problems.add("absurd_time", text, where, frame, clamped)
        return time

    def _filled(self, count: int, timed: Ints, time: Ints) -> Ints:
        """Spread times over all frames: one without has that of the frame before it."""
        known = np.zeros(count + 1, dtype=np.int64)
        known[timed + 1] = timed + 1
        value = np.zeros(count + 1, dtype=np.int64)
        value[0] = self._time
        value[timed + 1] = time
        filled = value[np.maximum.accumulate(known)]
        self._time = int(filled[-1])
        return filled[1:]


def _interfaces(head: Ints, big: NDArray[np.bool]) -> Ints:
    """Return the interface numbers: 16 bits in the obsolete Packet Block, 0 in a Simple one."""
    kind, interface = head[:, 0], head[:, 2]
    if (kind == ENHANCED_PACKET).all():
        return interface.copy()
    old = interface >> np.where(big, 16, 0) & 0xFFFF
    return np.where(kind == SIMPLE_PACKET, 0, np.where(kind == PACKET, old, interface))


def _heads(data: bytes, at: Ints, big: NDArray[np.bool]) -> Ints:
    """Return the first seven words of the packet blocks at `at`; a Simple one has only four."""
    kind = _words(data, at, 1, big)[:, 0]
    simple = kind == SIMPLE_PACKET
    if not simple.any():
        return _words(data, at, 7, big)
    head = np.zeros((len(at), 7), dtype=np.int64)
    head[~simple] = _words(data, at[~simple], 7, big[~simple])
    head[simple, :4] = _words(data, at[simple], 4, big[simple])
    return head


def _words(data: bytes, at: Ints, count: int, big: NDArray[np.bool]) -> Ints:
    words = windows(data, 4 * count)[at].view("<u4").reshape(-1, count)
    if big.any():
        words[big] = words[big].byteswap()
    return words.astype(np.int64)


def options(data: bytes, at: int, end: int, order: str) -> Iterator[tuple[int, bytes]]:
    """Yield (code, value) of an option list, within its block."""
    while at + 4 <= end:
        code, length = struct.unpack_from(order + "HH", data, at)
        if code == 0 or at + 4 + length > end:
            return
        yield code, data[at + 4 : at + 4 + length]
        at += 4 + (length + 3 & ~3)
