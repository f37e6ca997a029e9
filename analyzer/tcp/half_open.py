"""Flows of which only the handshake was seen: no object, one tuple each, bounded."""

from typing import NamedTuple

from . import limits

_MASK = (1 << 32) - 1


class HalfOpen(NamedTuple):
    """What SYN and SYN/ACK told. Pairs are by the flow's endpoint (a, b)."""

    bases: tuple[int | None, int | None]
    """Sequence numbers of the first stream bytes."""
    syns: tuple[bool, bool]
    client_reverse: bool
    """True when endpoint b is the client."""
    start_ns: int
    start_frame: int


class HalfOpenFlows:
    """The handshakes seen, oldest first."""

    def __init__(self) -> None:
        self._flows: dict[int, HalfOpen] = {}
        self.forgotten = 0

    def __len__(self) -> int:
        return len(self._flows)

    def pop(self, flow: int) -> HalfOpen | None:
        return self._flows.pop(flow, None)

    def note(
        self, flow: int, reverse: bool, first: int, ack: int | None, time_ns: int, frame: int
    ) -> None:
        """Take a SYN whose stream starts at `first`; `ack` is given for a SYN/ACK."""
        own = int(reverse)
        known = self._flows.get(flow)
        if known is None or known.bases[own] not in (None, first):
            if known is None and len(self._flows) >= limits.MAX_HALF_OPEN:
                del self._flows[next(iter(self._flows))]
                self.forgotten += 1
            client = reverse if ack is None else not reverse
            known = HalfOpen((None, None), (False, False), client, time_ns, frame)
            if ack is not None:  # with its SYN not captured, the client's start is known too
                known = known._replace(bases=(ack, ack))
        bases, syns = list(known.bases), list(known.syns)
        bases[own], syns[own] = first, True
        self._flows[flow] = known._replace(bases=(bases[0], bases[1]), syns=(syns[0], syns[1]))
