"""Flows of which only the handshake was seen: no object, one tuple each, bounded."""

from collections.abc import Iterator
from typing import Literal, NamedTuple, TypeVar

from . import limits
from .connection import TcpHandshake
from .options import SynOptions

Fate = Literal["refused", "unanswered", "silent"]
"""What became of a SYN: a RST, nothing, or a connection without a byte of payload."""

_T = TypeVar("_T")

_MASK = (1 << 32) - 1


class Syn(NamedTuple):
    """A SYN or SYN/ACK; the stream of its sender starts at sequence number `first`."""

    reverse: bool
    first: int
    ack: int | None
    """Given for a SYN/ACK."""
    time_ns: int
    frame: int
    options: SynOptions


class HalfOpen(NamedTuple):
    """What SYN and SYN/ACK told. Pairs are by the flow's endpoint (a, b)."""

    bases: tuple[int | None, int | None]
    """Sequence numbers of the first stream bytes."""
    options: tuple[SynOptions | None, SynOptions | None]
    """Of the SYNs that were seen."""
    times: tuple[int | None, int | None]
    """When they were sent, ns; None where one was sent twice: nobody knows which was answered."""
    client_reverse: bool
    """True when endpoint b is the client."""
    start_ns: int
    start_frame: int
    answer_ns: int | None = None
    """When the client answered the SYN/ACK."""
    refused: bool = False

    @property
    def fate(self) -> Fate:
        if self.refused:
            return "refused"
        return "unanswered" if None in self.options else "silent"

    def handshake(self, reverse: bool, time_ns: int) -> TcpHandshake:
        """Return what is known when the first payload comes, at `time_ns` from `reverse`."""
        order = (int(self.client_reverse), int(not self.client_reverse))
        sent, answered = (self.times[index] for index in order)
        replied = self.answer_ns
        if replied is None and reverse == self.client_reverse:
            replied = time_ns
        return TcpHandshake(
            isn=[
                None if base is None or self.options[index] is None else (base - 1) & _MASK
                for index, base in ((index, self.bases[index]) for index in order)
            ],
            options=[self.options[index] for index in order],
            server_ns=None if sent is None or answered is None else answered - sent,
            client_ns=None if answered is None or replied is None else replied - answered,
        )


class HalfOpenFlows:
    """The handshakes seen, oldest first."""

    def __init__(self) -> None:
        self._flows: dict[int, HalfOpen] = {}
        self.forgotten = 0

    def __len__(self) -> int:
        return len(self._flows)

    def pop(self, flow: int) -> HalfOpen | None:
        return self._flows.pop(flow, None)

    def note(self, flow: int, syn: Syn) -> None:
        """Take a SYN."""
        own = int(syn.reverse)
        known = self._flows.get(flow)
        if known is None or known.bases[own] not in (None, syn.first):
            if known is None and len(self._flows) >= limits.MAX_HALF_OPEN:
                del self._flows[next(iter(self._flows))]
                self.forgotten += 1
            # With its SYN not captured, a SYN/ACK tells the client's start, too.
            bases = (None, None) if syn.ack is None else (syn.ack, syn.ack)
            client = syn.reverse if syn.ack is None else not syn.reverse
            known = HalfOpen(bases, (None, None), (None, None), client, syn.time_ns, syn.frame)
        time_ns: int | None = syn.time_ns
        if known.options[own] is not None:
            first = known.times[own]
            copy = first is not None and abs(syn.time_ns - first) <= limits.COPY_NS
            time_ns = first if copy else None  # nobody sends a SYN again so soon: RFC 6298 §2
        self._flows[flow] = known._replace(
            bases=_with(known.bases, own, syn.first),
            options=_with(known.options, own, syn.options),
            times=_with(known.times, own, time_ns),
        )

    def reset(self, flow: int, reverse: bool) -> None:
        """Take a RST: from the server it is the answer to a SYN."""
        known = self._flows.get(flow)
        if known is not None and reverse != known.client_reverse and None in known.options:
            self._flows[flow] = known._replace(refused=True)

    def fates(self) -> Iterator[tuple[int, bool, Fate]]:
        """Yield (flow, whether endpoint b is the client, what became of it)."""
        for flow, known in self._flows.items():
            yield flow, known.client_reverse, known.fate

    def answered(self, flow: int, reverse: bool, time_ns: int, seq: int, ack: int) -> None:
        """Take a frame with ACK and no SYN, of which the client's first one matters."""
        known = self._flows.get(flow)
        if known is None or known.answer_ns is not None or reverse != known.client_reverse:
            return
        server = 1 - int(reverse)
        if known.bases[server] is None:
            # The SYN/ACK was not captured. What follows the SYN acknowledges it, and no data yet.
            if seq == known.bases[1 - server]:
                self._flows[flow] = known._replace(bases=_with(known.bases, server, ack))
        elif None not in known.options:
            self._flows[flow] = known._replace(answer_ns=time_ns)


def _with(pair: tuple[_T, _T], index: int, value: _T) -> tuple[_T, _T]:
    return (value, pair[1]) if index == 0 else (pair[0], value)
