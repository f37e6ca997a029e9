"""RTMP 1.0 §5.3: follow chunk headers from a candidate on and add up the evidence."""

from dataclasses import dataclass, replace
from typing import Final

from dissectors import spec
from dissectors.resync import sizes
from dissectors.resync.anchor import Known, opening_bits
from dissectors.resync.evidence import (
    IMPOSSIBLE,
    MEDIA_TYPES,
    Noise,
    header_bits,
    same_stream_bits,
)
from dissectors.resync.header import (
    Header,
    continuation_header,
    read_header,
    repeats,
)
from dissectors.resync.islands import NO_HOLES, Holes

LOOK_AHEAD: Final = 160
"""Chunk headers walked per candidate: enough to tell chunk sizes apart, about 1 ms."""
MAX_WALKED: Final = 20_000
"""Headers read for one candidate, hypotheses included: about 0.15 s at worst."""
_LEANABLE: Final = MEDIA_TYPES | {spec.DATA_AMF0, spec.DATA_AMF3}
_STALE_BODY: Final = 10.0
"""Asked of a body whose length is from before the gap; constant-size audio shows nothing."""
_PROOF: Final = 15.0
_NONSENSE: Final = -10.0
"""A header that speaks this much against itself is not one."""


@dataclass(slots=True)
class State:
    """What the chain knows of one chunk stream."""

    type: int
    length: int
    msid: int
    extended: bytes = b""
    left: int = 0
    """Payload bytes of the open message still to come."""
    opening: int = -1
    """First payload byte of the last message: the same again is evidence."""
    stale: bool = False
    """From before the gap, not yet confirmed."""

    def repeated_by(self, header: Header) -> bool:
        """Whether a fmt 1 or 2 header may stand for fmt 3 inside the message, as FFmpeg reads."""
        same = header.fmt == 1 and (header.type, header.length) == (self.type, self.length)
        return same or header.fmt == 2


class Chain:
    """A walk from `start`; `chunk_size` None means open, at least `minimum`."""

    def __init__(
        self,
        data: bytes,
        noise: Noise,
        start: int,
        chunk_size: int | None,
        minimum: int,
        known: Known,
        holes: Holes = NO_HOLES,
    ) -> None:
        self.data, self.noise, self.holes = data, noise, holes
        self.start = self.pos = start
        self.chunk_size, self.minimum = chunk_size, minimum
        self.first_chunk_size, self.first_minimum = chunk_size, minimum
        self.known = known
        self.states: dict[int, State] = {}
        self.bits = self.first_bits = 0.0
        self.headers = self.messages = self.media = 0
        self.limit = LOOK_AHEAD
        self.steps = 0
        """Headers read on the way, a row of continuations as one; at most `limit`."""
        self.walked = 0
        """Headers read, those of forks included: the cost."""
        self.trail: list[tuple[int, float]] = []
        """(position, bits before it) of every header that opens a message."""
        self.leaned: set[int] = set()
        """Chunk streams whose state from `known` was used and proven."""
        self._unproven: int | None = None
        self.long: int | None = None
        """Chunk stream of a message that may be split, where an open walk had to stop."""
        self.orphan = False
        """Broken by a fmt 2 or 3 header on an unknown chunk stream."""
        self._last: int | None = None
        """Chunk stream of the last header: the one that goes on where headers are not seen."""
        self.broken = False
        self.complete = False
        """The data ended where a message ended."""
        self.may_split = True
        self._changed = False

    @property
    def later_bits(self) -> float:
        """Evidence apart from the first header's: it says where, not which chunk size."""
        return self.bits - self.first_bits

    def bits_before(self, horizon: int) -> float:
        """Return the evidence from messages that open before `horizon`."""
        return next((bits for pos, bits in self.trail if pos >= horizon), self.bits)

    def walk(self) -> "Chain":
        """Follow headers until the data, the look-ahead or the plausibility ends."""
        while self.steps < self.limit and self.walked < MAX_WALKED and self._step():
            self.steps += 1
        return self

    def _break(self) -> bool:
        self.broken = True
        return False

    def _step(self) -> bool:
        if self.pos == len(self.data):
            self.complete = not any(state.left for state in self.states.values())
            return False
        seen = self.holes.seen_until(self.pos, len(self.data))
        if seen == self.pos:
            return self._go_on_unseen()
        header = read_header(self.data, self.pos)
        self.walked += 1
        if header is None or header.end > seen:
            return False
        self._last = header.csid
        state = self.states.get(header.csid)
        if state is not None and state.left:
            if header.fmt != 3 and not state.repeated_by(header):
                return self._break()
            self._continue(header, state)
            return self.payload(state)
        return self._open(header, state)

    def _go_on_unseen(self) -> bool:
        """Suppose a chunk of the message under way in a hole: where it ends will tell."""
        self.walked += 1
        state = None if self._last is None else self.states.get(self._last)
        if self._last is None or state is None or not state.left:
            return False
        self.pos += len(continuation_header(self._last)) + len(state.extended)
        return self.payload(state)

    def _continue(self, header: Header, state: State) -> None:
        """A fmt 3 header inside a message: one exact byte among the few that may stand here."""
        self.headers += 1
        if header.fmt != 3:  # so rare that it proves nothing
            state.extended, self.pos = header.extended, header.end
            return
        worth = max(self.noise.bits(self.data[self.pos], self.pos) - 1.5, 0.0)
        self.bits += worth
        self.pos = header.end + self._repeated(header.end, state)
        if self.chunk_size is not None and state.left > self.chunk_size and not state.extended:
            self._continue_in_row(header, state, self.chunk_size, worth)

    def _continue_in_row(self, header: Header, state: State, size: int, worth: float) -> None:
        """Pass over the chunks of a message that stand in a row, up to the last of them."""
        step = size + header.basic_length
        mark = self.data[header.end - header.basic_length : header.end]
        seen = self.holes.seen_until(self.pos, len(self.data))
        most = min((state.left - 1) // size, (seen - self.pos) // step)
        count = repeats(self.data, self.pos + size, mark, step, most)
        self.pos += count * step
        state.left -= count * size
        self.headers += count
        self.bits += count * worth
        self.walked += count >> 8

    def _repeated(self, pos: int, state: State) -> int:
        """Return 4 when the extended timestamp is repeated here; old librtmp and OBS omit it."""
        return 4 if state.extended and self.data.startswith(state.extended, pos) else 0

    def _open(self, header: Header, state: State | None) -> bool:
        if state is None:
            state = self._stale(header)
        fresh = header.fmt < 2
        if state is None:
            if not fresh:
                self.orphan = True
                return self._break()
            state = State(header.type, header.length, 0)
            seen = 0.0
        else:
            seen = same_stream_bits(header, state.type, state.msid)
            if state.stale and not fresh:
                seen = -4.0
            elif state.stale:
                seen *= 0.7
        pos = self.pos
        zero = self.noise.bits(0, pos)
        bits = header_bits(header, zero) + seen
        if header.fmt == 3:
            bits = max(self.noise.bits(self.data[pos], pos) - 3.0, 0.0) - 4.0 * state.stale
        if bits == IMPOSSIBLE:
            return self._break()
        if fresh:
            state.type, state.length = header.type, header.length
        if header.fmt == 0:
            state.msid = header.msid
        if header.fmt < 3:
            state.extended = header.extended
        stale, state.stale = state.stale and not fresh, False
        self.states[header.csid] = state
        body = header.end + (self._repeated(header.end, state) if header.fmt == 3 else 0)
        evidence = self._body_bits(header.csid, state, body, zero)
        if stale and state.type != spec.AUDIO and evidence < _STALE_BODY:
            return self._break()
        bits += evidence
        if bits < _NONSENSE:
            return self._break()
        self._prove(header.csid if stale else None, bits)
        self.trail.append((pos, self.bits))
        self.bits += bits
        self.headers += 1
        self.messages += 1
        self.media += state.type in MEDIA_TYPES
        if len(self.trail) == 1:
            self.first_bits = self.bits
        self.pos = body
        state.left = state.length
        if self.chunk_size is None and state.length > self.minimum and not self._settle(header):
            return False
        return self.payload(state)

    def _prove(self, stale: int | None, bits: float) -> None:
        """A length from before the gap is proven by the header found where it ends."""
        if self._unproven is not None and bits >= _PROOF:
            self.leaned.add(self._unproven)
            self._unproven = None
        if stale is not None:
            self._unproven = stale

    def _stale(self, header: Header) -> State | None:
        """State from before the gap; a shortened header may lean on it unless it is control:
        that shows nothing in its body that would prove an old length right."""
        before = self.known.get(header.csid)
        if before is None or (header.fmt > 1 and (before[0] not in _LEANABLE or before[1] < 1)):
            return None
        return State(*before, stale=True)

    def _body_bits(self, csid: int, state: State, body: int, zero: float) -> float:
        seen = self.holes.seen_until(body, len(self.data))
        if body >= min(seen, body + state.length):
            return 0.0
        size = self.chunk_size or self.minimum
        bits = opening_bits(state.type, self.data, body, seen, csid, state.length, size, zero)
        opening = self.data[body]
        if opening == state.opening and bits < 6.0:
            bits += 5.0  # G.711, Speex: nothing else to see in the body
        state.opening = opening
        return bits

    def payload(self, state: State) -> bool:
        """Step over one chunk's payload; apply Set Chunk Size when its message is complete."""
        size = state.left if self.chunk_size is None else min(self.chunk_size, state.left)
        state.left -= size
        self.pos += size
        if self.pos > len(self.data):
            return False
        if state.type == spec.SET_CHUNK_SIZE and size == 4:
            if self.holes.seen_until(self.pos - 4, self.pos) < self.pos:
                return False
            value = int.from_bytes(self.data[self.pos - 4 : self.pos], "big") & spec.MAX_CHUNK_SIZE
            if value:
                self.chunk_size = value
                self._changed = True
        return True

    def _settle(self, header: Header) -> bool:
        """Settle whether the message that stands at `pos` is split. False: not to be told."""
        state = self.states[header.csid]
        if not self.may_split:
            self.long = header.csid
            return False
        size = self.choose_size(header.csid, state)
        if size is None:
            self.broken = self.pos + state.length * 2 < len(self.data)
            return False
        if size == sizes.UNSPLIT:
            self.minimum = state.length
            if not self._changed:
                self.first_minimum = self.minimum
            return True
        self.chunk_size = size
        if not self._changed:
            self.first_chunk_size = size
        return True

    def choose_size(self, csid: int, state: State) -> int | None:
        """Return the size that splits the message at `pos`, `UNSPLIT`, None when undecided.

        Sizes that split this message alike are told apart by the next long one, further on.
        """
        data, pos, mark = self.data, self.pos, continuation_header(csid)
        options = sizes.options(data, pos, mark, state.extended, state.length, self.minimum)
        # Looking for marks costs as much as walking one header per KiB and per few marks.
        span = min(state.length, len(data) - pos, sizes.MARKS_RANGE)
        self.walked += (span >> 10) + (min(data.count(mark, pos, pos + span), sizes.MAX_MARKS) >> 2)
        hypotheses = [*self._narrow(csid, list(options)), sizes.Option(sizes.UNSPLIT, 0.0)]
        for limit in (sizes.FORK_LOOK_AHEAD, sizes.FAR_LOOK_AHEAD):
            forks = [(option, self.fork(csid, option.chunk_size, limit)) for option in hypotheses]
            # Compared as far as all of them came: continuations use up the limit, too.
            horizon = min((fork.pos for _, fork in forks if not fork.broken), default=len(data))
            ranking = sizes.Ranking()
            for option, fork in forks:
                if fork.headers and not (fork.broken and fork.headers < 2):
                    bits = fork.bits_before(horizon)
                    ranking.add(option, bits - option.cost - 24.0 * fork.broken)
            winner = ranking.winner()
            if winner is not None:
                return winner
            hypotheses = ranking.contenders()
            if len(hypotheses) < 2:
                break
        return None

    def _narrow(self, csid: int, options: list[sizes.Option]) -> list[sizes.Option]:
        """Sieve many sizes at the next long message: those that make equally many chunks of
        this one share what follows, so one walk serves them all."""
        length = self.states[csid].length
        groups: dict[int, list[sizes.Option]] = {}
        kept: list[sizes.Option] = []
        for option in options:
            if sizes.is_common(option.chunk_size):
                kept.append(option)
            else:
                groups.setdefault((length - 1) // option.chunk_size, []).append(option)
        for group in groups.values():
            kept += group if len(group) < sizes.FEW_OPTIONS else self._sieve(csid, group)
        return kept[: sizes.MAX_NARROWED]

    def _sieve(self, csid: int, group: list[sizes.Option]) -> list[sizes.Option]:
        least = min(option.chunk_size for option in group)
        fork = self.fork(csid, least, sizes.FAR_LOOK_AHEAD, reopen=True)
        if fork.long is None:
            return [] if fork.broken and fork.headers < 2 else group[: sizes.FEW_OPTIONS]
        state, mark = fork.states[fork.long], continuation_header(fork.long)
        rest = (self.data, fork.pos, mark, state.extended, state.length)
        return [option for option in group if sizes.fits(*rest, option.chunk_size)]

    def fork(self, csid: int, chunk_size: int, limit: int, reopen: bool = False) -> "Chain":
        """Walk a little further under one hypothesis, from the first payload byte at `pos`."""
        size: int | None = chunk_size
        least = chunk_size
        if chunk_size == sizes.UNSPLIT:
            size, least = None, max(self.minimum, self.states[csid].length)
        fork = Chain(self.data, self.noise, self.pos, size, least, self.known, self.holes)
        fork.states = {key: replace(state) for key, state in self.states.items()}
        fork.limit = limit
        fork.may_split = False
        state = fork.states[csid]
        if fork.payload(state):
            while reopen and state.left and fork._step():
                pass
            if reopen and not state.left:
                fork.chunk_size, fork.minimum = None, chunk_size
            fork.walk()
        self.walked += fork.walked + 1
        return fork
