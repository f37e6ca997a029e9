"""Findings of a capture that goes on: the rules run over what there is so far."""

from __future__ import annotations

import copy
import time
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

from analyzer.exchanges import Exchange, exchanges
from analyzer.index import Table
from analyzer.lookup import Lookup

if TYPE_CHECKING:
    from analyzer.model import Diagnostic
    from analyzer.rules import Judgement
    from analyzer.session import Session

_T = TypeVar("_T", bound=Table)

GRACE_NS: Final = 5_000_000_000
"""What is missing may still come: findings of that kind are held back so long."""
NEVER: Final = frozenset({"CAP-07"})
"""Rules about the end of the capture, which has not come."""
MISSING: Final = frozenset(
    "CAP-02 HS-02 HS-03 CMD-02 CMD-05 CMD-06 CMD-11 CTL-01 CTL-03 META-01 META-02 AUD-01 AUD-05 "
    "ERT-08 ERT-09".split()
)
"""Rules that say that something did not come."""


class Interim(NamedTuple):
    """What the rules said at one moment; later moments may say otherwise."""

    judgement: Judgement
    exchanges: dict[int, Exchange]
    """Calls and replies by row, as `Session.exchange` returns them."""
    messages: int
    """How many there were."""


def still(session: Session) -> Session:
    """Return the session as it is now, as one that is done: nothing is added to it any more.

    Bytes are read from the same capture. The caller holds `session.steady`.
    """
    found = copy.copy(session)
    found.connections = list(session.connections)
    found.messages = _frozen(session.messages)
    found.runs_table = _frozen(session.runs_table)
    Lookup.__init__(found)  # caches and a lock of its own
    found.pinned = dict(session.pinned)
    found.failures = copy.copy(session.failures)
    found.failures.found = list(session.failures.found)
    found.done = True
    return found


def _frozen(table: _T) -> _T:
    """Return a table that shares the rows but does not see later ones."""
    found = copy.copy(table)
    found._columns = dict(table._columns)
    return found


def judge(session: Session, silent_ns: int = 0) -> Interim | None:
    """Run the rules over what was indexed so far; None where what changed meanwhile made that fail.

    `silent_ns` is the time since something came. Takes as long as the rules do: for a worker.
    """
    from analyzer import rules
    from analyzer.rules.scope import Shared
    from analyzer.rules.verdicts import verdicts

    with session.steady:
        if session.done:
            return None
        now = session.capture.duration_ns + silent_ns
        known = still(session)
    try:
        said = rules.run(known)
        if known.failures.of("rule"):
            return None
        kept = [item for item in said.diagnostics if ripe(known, item, now)]
        if len(kept) < len(said.diagnostics):
            said.diagnostics = kept
            said.verdicts = verdicts(Shared(known), kept, said.results)
        if session.past is not None:
            said = session.past.added(known, said)
        pairs = exchanges(known.connections, known.messages)
    except Exception:
        # Connections are shared with the thread that reads on: rules may meet a dict that grows,
        # columns of two lengths, bytes written over. No list of exceptions covers that. The fault
        # of a rule comes again at the end, where nothing catches it.
        return None
    finally:
        known.forget()  # its statistics refer back to it: nothing else would free them soon
    return Interim(said, pairs, len(known.messages))


def ripe(session: Session, item: Diagnostic, now: int) -> bool:
    """Whether a finding may be told already."""
    if item.rule in NEVER:
        return False
    if item.rule not in MISSING:
        return True
    since = item.time_ns
    if since is None and item.connection is not None:
        since = session.connections[int(item.connection[1:])].start_ns
    return since is None or now - since >= GRACE_NS


class Pace:
    """When the next look is due: a look must not eat the time of the capture."""

    EVERY: Final = 2.0
    """Seconds between two looks at least."""
    SHARE: Final = 20
    """The next one waits this many times what the last one cost."""

    def __init__(self) -> None:
        self._next = 0.0

    def due(self) -> bool:
        return time.monotonic() >= self._next

    def took(self, seconds: float) -> None:
        """Note what a look cost, at its end."""
        self._next = time.monotonic() + max(self.EVERY, self.SHARE * seconds)
