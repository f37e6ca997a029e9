"""Find the first trustworthy chunk header after a gap or a mid-stream start.

RTMP 1.0 §5.3 has no sync word. Candidates come from `candidates`, each is followed as a chain
of chunks, and a chain is believed when its evidence passes a bar that chance does not reach.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from dissectors import spec
from dissectors.resync.candidates import candidates
from dissectors.resync.chain import Chain, anchor_bits
from dissectors.resync.constant import constant_streams
from dissectors.resync.control import control_lock
from dissectors.resync.evidence import Noise

MAX_SEARCH: Final = 4 << 20
"""Bytes looked at: the first header stands within the rest of one message, p95 130 kB."""
MAX_CANDIDATES: Final = 20_000
"""Chance makes 57 per MB; an adversarial pattern makes one every 9 bytes."""
MAX_WALKED: Final = 60_000
"""Chunk headers per search, about a third of a second."""
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
    chunk_size_min: int = spec.DEFAULT_CHUNK_SIZE
    """The least it can be while it is not known: nothing longer was seen unsplit."""
    known: Mapping[int, tuple[int, int, int]] = field(default_factory=dict)
    """csid → (type, length, msid) before the gap; length -1 when a message was open there."""
    rtmp_likely: bool = True
    """A handshake was seen, or the port or the user says so."""
    segment_starts: Sequence[int] = ()
    """Offsets where TCP segments that carry PSH, or follow one, begin."""


def search(data: bytes, hints: Hints, *, final: bool) -> Lock | None:
    """Return the earliest trustworthy header in `data`, None when there is none (yet).

    `final`: no more data will come, so a chain that ends exactly with the data counts as whole.
    """
    data = data[:MAX_SEARCH]
    searching = _Search(data, hints, final)
    found = searching.run()
    if found is None or found.orphan:
        longer = searching.run_constant()
        if longer is not None and (
            found is None or (longer.start <= found.start and longer.bits > found.bits)
        ):
            found = longer
    if found is not None:
        return _lock(found)
    if not hints.rtmp_likely:
        return None
    control = control_lock(data, hints.segment_starts, final)
    if control is None:
        return None
    size = hints.chunk_size or spec.DEFAULT_CHUNK_SIZE
    return Lock(
        control.offset,
        size,
        hints.chunk_size is None,
        size,
        control.bits,
        control.headers,
        control.streams,
    )


def _lock(chain: Chain) -> Lock:
    streams = tuple((csid, *chain.known[csid]) for csid in sorted(chain.leaned))
    size = chain.first_chunk_size
    least = chain.first_minimum if size is None else size
    return Lock(chain.start, size or least, size is None, least, chain.bits, chain.headers, streams)


class _Search:
    """One pass over one buffer; counts what it spends."""

    def __init__(self, data: bytes, hints: Hints, final: bool) -> None:
        self.data, self.hints, self.final = data, hints, final
        self.noise = Noise(data)
        self.offsets = candidates(data, hints.known, MAX_CANDIDATES)
        self.known = hints.known
        self.walked = 0

    def run_constant(self) -> Chain | None:
        """Try again with what constant-size streams between strong headers tell of themselves."""
        strong = [offset for offset in self.offsets[:MAX_STRONG] if self._is_strong(offset)]
        inferred = constant_streams(self.data, strong, self.hints.chunk_size)
        usable = {csid: state for csid, state in self.hints.known.items() if state[1] > 0}
        self.known = dict(self.hints.known) | inferred | usable
        return self.run() if self.known != self.hints.known else None

    def _is_strong(self, offset: int) -> bool:
        fresh = self.data[offset] < 0x80
        return fresh and anchor_bits(self.data, self.noise, offset, {}) >= _STRONG

    def run(self) -> Chain | None:
        for offset in self.offsets:
            if self.walked > MAX_WALKED:
                return None
            chain = self._believed(offset)
            if chain is not None:
                return self._rival(chain)
        return None

    def _believed(self, offset: int) -> Chain | None:
        """Return the chain from `offset` when it passes the bar."""
        fresh = self.data[offset] < 0x80
        anchor = anchor_bits(self.data, self.noise, offset, self.known)
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
        chain = Chain(self.data, self.noise, offset, size, size or least, self.known).walk()
        self.walked += chain.walked
        return chain

    def _passes(self, chain: Chain, cost: float) -> bool:
        bits = chain.bits - cost - (_BROKEN_COST if chain.broken else 0.0)
        if not self.hints.rtmp_likely:
            return bits >= _ACCEPT_UNLIKELY and chain.headers >= 6 and chain.media >= 2
        if bits < _ACCEPT:
            return False
        if self.final and chain.complete:
            return True
        if chain.headers == 2 and bits < _ACCEPT_TWO:
            return False
        return chain.headers >= 2 and chain.later_bits >= _LATER + cost

    def _rival(self, chain: Chain) -> Chain:
        """Return the better of `chain` and any chain that starts inside its first message.

        A chance header can jump onto the true chain, and a stray 0x40 before a true header reads
        as the two-byte form; what stands in between then belongs to the other reading.
        """
        low = bisect_right(self.offsets, chain.start)
        for offset in self.offsets[low : low + MAX_RIVALS]:
            if len(chain.trail) > 1 and offset >= chain.trail[1][0]:
                break
            other = self._believed(offset)
            if other is not None and _beats(other, chain):
                chain = other
        return chain


def _beats(other: Chain, chain: Chain) -> bool:
    """Compare two chains up to the first header they share."""
    before = dict(chain.trail)
    for pos, bits in other.trail:
        if pos in before:
            return bits > before[pos]
    return other.bits > chain.bits
