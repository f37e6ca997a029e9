"""Find the first trustworthy chunk header after a gap or a mid-stream start.

RTMP 1.0 §5.3 has no sync word. Candidates come from `candidates`, each is followed as a chain
of chunks, and a chain is believed when its evidence passes a bar that chance does not reach.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from dissectors import spec
from dissectors.resync import runs
from dissectors.resync.anchor import Known, anchor_bits
from dissectors.resync.candidates import candidates
from dissectors.resync.chain import Chain
from dissectors.resync.constant import constant_streams
from dissectors.resync.control import control_lock
from dissectors.resync.effort import Effort
from dissectors.resync.evidence import Noise
from dissectors.resync.header import read_header
from dissectors.resync.islands import NO_HOLES, Holes, Islands
from dissectors.resync.payload import names_command
from dissectors.resync.sizes import is_common
from dissectors.resync.width import AMBIGUOUS, CUT, true_start

MAX_SEARCH: Final = 4 << 20
"""Bytes looked at: the first header stands within the rest of one message, p95 130 kB."""
MIN_SEARCH: Final = 4 << 10
"""Less decides nothing, except in directions that carry little: those of control messages."""
WIDTH_SEARCH: Final = 64 << 10
"""Bytes in which a chunk stream comes again, where its id can be read in two ways."""
PROOF_SEARCH: Final = 16 << 10
"""Bytes in which a chain shows that it is none inside a body, and a wrong chunk size itself."""
MAX_CANDIDATES: Final = 20_000
"""Chance makes 57 per MB; an adversarial pattern makes one every 9 bytes."""
MAX_WALKED: Final = 60_000
"""Chunk headers for one search, about half a second."""
MAX_RIVALS: Final = 200
MAX_STRONG: Final = 1000
"""Candidates looked at for constant-size streams."""

_ANCHOR: Final = 26.0
_STALE_ANCHOR: Final = 20.0
_ACCEPT: Final = 64.0
_ACCEPT_TWO: Final = 90.0
"""With two headers only, as between two holes."""
_ACCEPT_UNLIKELY: Final = 160.0
_STRONG: Final = 45.0
_LATER: Final = 24.0
"""From headers after the first: the first alone does not prove the chunk size."""
_BROKEN_COST: Final = 20.0
_ENDS_WITH_DATA: Final = 12.0
"""Senders push whole messages out, so a hole or the end follows one more often than not."""
_NAMED: Final = 20.0
"""In a direction that says little: it begins with a command that RTMP has."""
_USUAL_CSIDS: Final = 10
_SCAN_COST: Final = 8
_CHANGED_COST: Final = 24.0
"""For a chunk size other than the one known before the gap."""


class Lock(NamedTuple):
    """Where chunk headers can be trusted again, and under which chunk size."""

    offset: int
    chunk_size: int
    """The size chosen; equal to `chunk_size_min` while it is open."""
    chunk_size_open: bool
    """Nothing was seen split: only `chunk_size_min` is known."""
    chunk_size_min: int
    bits: float
    headers: int
    streams: tuple[tuple[int, int, int, int], ...] = ()
    """(csid, type, length, msid): the only chunk stream state that holds at `offset`, from
    before the gap or inferred. A reader forgets all other; a fmt 2 or 3 header on a forgotten
    chunk stream is a reason to search again."""


@dataclass
class Hints:
    """What the caller knows before the search."""

    chunk_size: int | None = None
    """From before the gap."""
    known: Mapping[int, tuple[int, int, int]] = field(default_factory=dict)
    """csid → (type, length, msid) before the gap; length -1 when a message was open there."""
    seen: Collection[int] = ()
    """Chunk stream ids of the direction, those of which nothing is known any more included."""
    rtmp_likely: bool = True
    """A handshake was seen, or the port or the user says so."""
    segment_starts: Sequence[int] = ()
    """Offsets where TCP segments begin, rising; senders push control messages out one by one."""
    chunk_size_min: int = spec.DEFAULT_CHUNK_SIZE
    """The least it can be while it is not known: a message of this length was seen unsplit."""
    effort: Effort = field(default_factory=lambda: Effort(MAX_WALKED))
    """What this search and later ones may cost."""


def search(data: bytes, hints: Hints, *, final: bool) -> Lock | None:
    """Return the earliest trustworthy header in `data`, None when there is none (yet).

    `final`: no more data will come, so a chain that ends exactly with the data counts as whole.
    """
    data = data[:MAX_SEARCH]
    if len(data) < MIN_SEARCH and not final:
        return _control(data, hints, None, final)
    if hints.effort.refuses():
        return None
    searching = _Search(data, hints, final)
    found = searching.run()
    if searching.waits:
        return None
    if searching.skips(found) and not hints.effort.refuses():
        longer = searching.run_constant()
        if longer is not None and (
            found is None or (longer.start <= found.start and longer.bits > found.bits)
        ):
            found = longer
    if found is not None and found.orphan and not searching.decides():
        return None  # what its last header leans on may show
    run = searching.run_of_equals(found)
    if run is not None:
        return run
    control = _control(data if found is None else data[: found.start], hints, found, final)
    if control is not None:
        return control
    return None if found is None else searching.with_row_before(_lock(found), found)


def may_begin(data: bytes, offset: int) -> bool:
    """Whether the header at `offset` shows what a search asks of a first one."""
    return anchor_bits(data, Noise(data), offset, {}, NO_HOLES) >= _ANCHOR


def search_islands(islands: Islands, hints: Hints) -> tuple[int, Lock] | None:
    """Return the stream offset of the pieces and the first trustworthy header in them.

    Only with a chunk size from before: what would tell it is mostly missing.
    """
    if hints.chunk_size is None or hints.effort.refuses():
        return None
    base, data, holes, noise = islands.spread()
    found = _Search(data, hints, False, holes, noise).run()
    return None if found is None else (base, _lock(found))


def _control(data: bytes, hints: Hints, found: Chain | None, final: bool) -> Lock | None:
    """Look for control messages, which go unseen alone and before what was `found`."""
    if not hints.rtmp_likely:
        return None
    hints.effort.spend(_SCAN_COST)
    control = control_lock(data, hints.segment_starts, hints.known, final, found is not None)
    if control is None:
        return None
    size = hints.chunk_size or hints.chunk_size_min
    is_open = hints.chunk_size is None
    return Lock(control.offset, size, is_open, size, control.bits, control.headers, control.streams)


def _lock(chain: Chain) -> Lock:
    streams = tuple((csid, *chain.known[csid]) for csid in sorted(chain.leaned))
    size = chain.first_chunk_size
    least = chain.first_minimum if size is None else size
    return Lock(chain.start, size or least, size is None, least, chain.bits, chain.headers, streams)


class _Search:
    """One pass over one buffer; counts what it spends."""

    def __init__(
        self,
        data: bytes,
        hints: Hints,
        final: bool,
        holes: Holes = NO_HOLES,
        noise: Noise | None = None,
    ) -> None:
        self.data, self.hints, self.final, self.holes = data, hints, final, holes
        self.noise = noise or Noise(data)
        self.offsets = candidates(data, hints.known, MAX_CANDIDATES)
        self.known = hints.known
        self.effort = hints.effort
        self.waits = False
        """Something was found that more data must prove."""
        if len(self.offsets) >= MAX_CANDIDATES:
            self.effort.leave()
        self.effort.spend(_SCAN_COST + (len(data) >> 10) + (len(self.offsets) >> 3))

    def skips(self, found: Chain | None) -> bool:
        """Whether headers were passed over, or come, that may lean on an unseen length."""
        if found is None or found.orphan:
            return True
        passed = self.offsets[: min(bisect_left(self.offsets, found.start), MAX_STRONG)]
        self.effort.spend(len(passed) >> 1)
        return sum(map(self._is_strong, passed)) > 1

    def run_constant(self) -> Chain | None:
        """Try again with what constant-size streams between strong headers tell of themselves."""
        strong = [offset for offset in self.offsets[:MAX_STRONG] if self._is_strong(offset)]
        self.effort.spend(len(strong) * (24 if self.hints.chunk_size is None else 2))
        inferred = constant_streams(self.data, strong, self.hints.chunk_size)
        usable = {csid: state for csid, state in self.hints.known.items() if state[1] > 0}
        self.known = dict(self.hints.known) | inferred | usable
        return self.run() if self.known != self.hints.known else None

    def run_of_equals(self, found: Chain | None) -> Lock | None:
        """Return a row of equal messages before what was `found`, no header of which is full."""
        data = self.data if found is None else self.data[: found.start]
        if not self.hints.rtmp_likely or len(data) < runs.LEAST_BYTES:
            return None
        size = self.hints.chunk_size
        row = runs.find_run(data, self.noise, self.hints.known, size, self.effort)
        if row is None:
            return None
        size = size or row.chunk_size
        least = size or max(self.hints.chunk_size_min, row.length)
        msid = self.hints.known[row.csid][2] if row.csid in self.hints.known else 0
        stream = (row.csid, spec.AUDIO, row.length, msid)
        return Lock(row.offset, least, size is None, least, row.bits, row.messages, (stream,))

    def with_row_before(self, lock: Lock, found: Chain) -> Lock:
        """Return `lock`, or what begins with equal messages that end where `found` begins."""
        for csid, (type_, length, msid) in sorted(self.known.items()):
            state = found.states.get(csid)
            if state is None or state.opening < 0 or (state.type, state.length) != (type_, length):
                continue
            if type_ != spec.AUDIO or length < 1 or csid > 63:
                continue
            opening = b"\xaf\x01" if state.opening == 0xAF else bytes((state.opening,))
            first = runs.row_before(self.data, lock.offset, csid, length, opening, lock.chunk_size)
            if first < lock.offset:
                streams = {*lock.streams, (csid, type_, length, msid)}
                return lock._replace(offset=first, streams=tuple(sorted(streams)))
        return lock

    def _is_strong(self, offset: int) -> bool:
        return self.data[offset] < 0x80 and self._anchor_bits(offset, {}) >= _STRONG

    def _anchor_bits(self, offset: int, known: Known) -> float:
        return anchor_bits(self.data, self.noise, offset, known, self.holes)

    def run(self) -> Chain | None:
        """Return the first chain that is believed and long enough to be no body's content."""
        doubtful: Chain | None = None
        doubted: set[int] = set()
        behind: dict[int, int] = {}
        for offset in self.offsets:
            if self.effort.refuses():
                return None
            chain = None if offset in doubted else self._believed(offset)
            if chain is None:
                continue
            right = self._right_width(self._rival(chain))
            if right is None:
                self.waits = True
                return None
            if right.pos - right.start >= self._proving_length(right) or self._is_orphan(right):
                return self._outside(right, behind)
            if not right.broken:
                self.waits = not self.decides()
                return None if self.waits else self._outside(right, behind)
            # A message whose body holds chunks itself: they are cut by its own chunk headers.
            doubtful = doubtful or right
            doubted.update(pos for pos, _ in right.trail)
            behind.update((right.pos + width, right.pos) for width in (1, 2, 3))
        self.waits = doubtful is not None and not self.decides(WIDTH_SEARCH)
        return None if self.waits else doubtful

    def _outside(self, chain: Chain, behind: Mapping[int, int]) -> Chain:
        """Return `chain` without what the body around may hold whose chunk header was passed.

        `behind`: where it begins when a doubtful chain goes on in it → where that one ended.
        """
        if chain.start not in behind or chain.first_chunk_size is None:
            return chain
        last = behind[chain.start] + chain.first_chunk_size
        headers = (pos for pos, _ in chain.trail if pos > last and self.data[pos] < 0x80)
        start = next(headers, chain.start)
        return self._walk(start, chain.first_chunk_size, chain.first_minimum)

    def decides(self, enough: int = PROOF_SEARCH) -> bool:
        """Whether more than `enough` data would not change much, or none comes without a hole."""
        return self.final or self.holes is not NO_HOLES or len(self.data) >= enough

    def _proving_length(self, chain: Chain) -> int:
        """Bytes that no chain passes over inside the chunks of a longer message."""
        size = self.hints.chunk_size
        known = size is not None and size == chain.first_chunk_size
        return min(2 * size, PROOF_SEARCH) if size and known else PROOF_SEARCH

    def _is_orphan(self, chain: Chain) -> bool:
        """Whether a chain ends at a header that leans on one from before the data, as many do."""
        size = chain.first_chunk_size
        if not chain.orphan or not (size in (None, self.hints.chunk_size) or is_common(size)):
            return False
        header = read_header(self.data, chain.pos)
        if header is None or (header.csid >= _USUAL_CSIDS and header.csid not in self.known):
            return False
        # One byte further stands a header where a chunk header of the body around is ignored.
        after = chain.pos + 1
        return self.data[after : after + 1] >= b"\x80" or not self._is_strong(after)

    def _believed(self, offset: int) -> Chain | None:
        """Return the chain from `offset` when it passes the bar."""
        fresh = self.data[offset] < 0x80
        self.effort.spend(1)
        anchor = self._anchor_bits(offset, self.known)
        if anchor < (_ANCHOR if fresh else _STALE_ANCHOR):
            return None
        size, least = self.hints.chunk_size, self.hints.chunk_size_min
        chain = self._walk(offset, size, least)
        passes = self._passes(chain, 0.0)
        if not chain.broken or (size is None and least <= spec.DEFAULT_CHUNK_SIZE):
            return chain if passes else None
        # Set Chunk Size may have stood in the hole.
        other = self._walk(offset, None, spec.DEFAULT_CHUNK_SIZE)
        if self._passes(other, _CHANGED_COST) and (
            not passes or (not other.broken and other.bits > chain.bits + _CHANGED_COST)
        ):
            return other
        return chain if passes else None

    def _walk(self, offset: int, size: int | None, least: int) -> Chain:
        chain = Chain(
            self.data, self.noise, offset, size, size or least, self.known, self.holes
        ).walk()
        self.effort.spend(chain.walked)
        return chain

    def _passes(self, chain: Chain, cost: float) -> bool:
        bits = chain.bits - cost - (_BROKEN_COST if chain.broken else 0.0)
        if self.final and chain.complete:
            bits += _ENDS_WITH_DATA + (_NAMED if self._is_command(chain.start) else 0.0)
        if not self.hints.rtmp_likely:
            return bits >= _ACCEPT_UNLIKELY and chain.headers >= 6 and chain.media >= 2
        if bits < _ACCEPT:
            return False
        if self.final and chain.complete:
            return True
        if chain.headers == 2 and bits < _ACCEPT_TWO:
            return False
        return chain.headers >= 2 and chain.later_bits >= _LATER + cost

    def _is_command(self, start: int) -> bool:
        """Whether a short direction has a known command at `start`."""
        if len(self.data) >= MIN_SEARCH:
            return False
        header = read_header(self.data, start)
        if header is None or header.type not in (spec.COMMAND_AMF0, spec.COMMAND_AMF3):
            return False
        return names_command(self.data[header.end :])

    def _rival(self, chain: Chain) -> Chain:
        """Return the better of `chain` and any chain that starts inside its first message.

        A chance header can jump onto the true chain, and a stray 0x40 before a true header reads
        as the two-byte form; what stands in between then belongs to the other reading.
        """
        low = bisect_right(self.offsets, chain.start)
        for offset in self.offsets[low : low + MAX_RIVALS]:
            if (len(chain.trail) > 1 and offset >= chain.trail[1][0]) or self.effort.refuses():
                break
            other = self._believed(offset)
            if other is not None and _beats(other, chain):
                chain = other
        return chain

    def _right_width(self, chain: Chain) -> Chain | None:
        """Return the chain whose first basic header is as wide as others of its chunk stream.

        None: others do not tell it yet, or that header is cut and no other follows.
        """
        start = true_start(self.data, self.holes, chain, self.hints.known, self.hints.seen)
        if start == CUT:
            return None
        if start == AMBIGUOUS:
            waits = not self.final and len(self.data) < WIDTH_SEARCH
            return None if waits else chain
        if start == chain.start:
            return chain
        return self._walk(start, chain.first_chunk_size, chain.first_minimum)


def _beats(other: Chain, chain: Chain) -> bool:
    """Compare two chains up to the first header they share."""
    before = dict(chain.trail)
    for pos, bits in other.trail:
        if pos in before:
            return bits > before[pos]
    return other.bits > chain.bits
