"""Find chunk headers again after a capture gap or a mid-stream start (RTMP 1.0 §5.3)."""

from dissectors.resync.bridge import Bridge, bridge
from dissectors.resync.chain import State
from dissectors.resync.control import MAX_STARTS
from dissectors.resync.effort import Effort
from dissectors.resync.interrupted import Verdict, goes_on
from dissectors.resync.islands import MAX_ISLAND, Island, Islands
from dissectors.resync.search import MAX_SEARCH, Hints, Lock, may_begin, search, search_islands
from dissectors.resync.sizes import UNSPLIT
from dissectors.resync.split import is_whole, may_hold, split_size

__all__ = [
    "MAX_ISLAND",
    "MAX_SEARCH",
    "MAX_STARTS",
    "UNSPLIT",
    "Bridge",
    "Effort",
    "Hints",
    "Island",
    "Islands",
    "Lock",
    "State",
    "Verdict",
    "bridge",
    "goes_on",
    "is_whole",
    "may_begin",
    "may_hold",
    "search",
    "search_islands",
    "split_size",
]
