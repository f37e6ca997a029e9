"""The common case as columns: IP and TCP headers of a whole batch at once.

Whatever is not plain (fragments, extension headers, tunnels, nonsense) is left to
`careful.py`, which knows everything this file knows; a test proves that both agree.
"""

from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from analyzer.link import names
from analyzer.link.model import Counters
from analyzer.sources.model import NO_LINK, FrameBatch, windows

Ints: TypeAlias = NDArray[np.int64]
Rows: TypeAlias = dict[str, NDArray[Any]]

# Link type → (offset of the Ethernet type, bytes of the header).
_TYPED: Final = {
    names.ETHERNET: (12, 14),
    names.LINUX_SLL: (14, 16),
    names.LINUX_SLL2: (0, 20),
}
# Link type → bytes before an IP header whose version tells what it is.
_PLAIN: Final = {
    names.NULL: 4,
    names.LOOP: 4,
    names.RAW: 0,
    names.RAW_BSD: 0,
    names.RAW_OPENBSD: 0,
    names.IPV4_LINK: 0,
    names.IPV6_LINK: 0,
}

TYPES: Final = {
    "frame": np.int64,
    "time_ns": np.int64,
    "reverse": np.bool,
    "seq": np.int64,
    "ack": np.int64,
    "flags": np.uint8,
    "window": np.int64,
    "ident": np.int32,
    "header": np.int64,
    "payload": np.int64,
    "captured": np.int64,
    "length": np.int64,
    "position": np.int64,
}
"""The columns of a group: those of `SegmentBatch` but for `flow`."""

MAX_TAGS: Final = 2
"""VLAN tags read as columns: QinQ. More are read carefully."""

_SLOW: Final = 0
_DONE: Final = -1

_IP4: Final = np.dtype(
    {
        "names": ["version", "length", "ident", "fragment", "protocol", "source", "target"],
        "formats": ["u1", ">u2", ">u2", ">u2", "u1", ">u4", ">u4"],
        "offsets": [0, 2, 4, 6, 9, 12, 16],
        "itemsize": 20,
    }
)
_IP6: Final = np.dtype(
    {
        "names": ["version", "length", "protocol", "source", "target"],
        "formats": ["u1", ">u2", "u1", "(2,)>u8", "(2,)>u8"],
        "offsets": [0, 4, 6, 8, 24],
        "itemsize": 40,
    }
)
_TCP: Final = np.dtype(
    {
        "names": ["source", "target", "seq", "ack", "offset", "flags", "window"],
        "formats": [">u2", ">u2", ">u4", ">u4", "u1", "u1", ">u2"],
        "offsets": [0, 2, 4, 8, 12, 13, 14],
        "itemsize": 20,
    }
)
# Protocols that careful.py looks into.
_INNER: Final = np.zeros(256, dtype=np.bool)
_INNER[list(names.INNER_PROTOCOLS)] = True
_TYPES: Final = np.array(sorted(names.INNER_TYPES))
_PORTS: Final = np.array(sorted(names.TUNNEL_PORTS))
_MIX: Final = np.uint64(0x9E3779B97F4A7C15)


class Conversation(NamedTuple):
    """A flow as seen in one batch."""

    frame: int
    """Its first frame here, by which flows are numbered."""
    key: bytes
    payload: bool
    """Whether any of its segments here has payload."""


class Group(NamedTuple):
    """Segments of one kind: columns without `flow`, and their conversations."""

    rows: Rows
    conversations: list[Conversation]
    which: Ints
    """Index into `conversations` for each row."""


@dataclass(slots=True)
class Fast:
    """Segments found as columns, and the frames that need a closer look."""

    groups: list[Group] = field(default_factory=list)
    slow: list[Ints] = field(default_factory=list)


def decode(batch: FrameBatch, counters: Counters) -> Fast:
    """Find TCP segments in frames with plain headers."""
    fast = Fast()
    start = batch.offset.copy()
    family = np.zeros(len(batch), dtype=np.int8)
    # Not np.unique, which loads numpy.ma: a tenth of the time a small capture takes.
    for link in sorted(set(batch.link.tolist())):
        index = np.flatnonzero(batch.link == link)
        if link in _TYPED:
            _typed(batch, index, link, start, family, counters)
        elif link in _PLAIN:
            _plain(batch, index, link, start, family)
        elif link == NO_LINK:
            family[index] = _DONE
            counters.unreadable += len(index)
        elif link not in names.CAREFUL_LINKS:
            family[index] = _DONE
            counters.unsupported_link[link] = counters.unsupported_link.get(link, 0) + len(index)
    fast.slow.append(np.flatnonzero(family == _SLOW))
    for version, read in ((4, _ip4), (6, _ip6)):
        index = np.flatnonzero(family == version)
        if len(index):
            read(batch, index, start[index], fast, counters)
    return fast


def _typed(
    batch: FrameBatch,
    index: Ints,
    link: int,
    start: Ints,
    family: NDArray[np.int8],
    counters: Counters,
) -> None:
    """Find IP by the Ethernet type, past any VLAN tags."""
    at, size = _TYPED[link]
    index = index[batch.caplen[index] >= size]
    here = batch.offset[index]
    kind = _u16(batch.data, here + at)
    past = here + size
    for _ in range(MAX_TAGS):
        tagged = np.isin(kind, names.VLAN_TYPES)
        if not tagged.any():
            break
        past = np.where(tagged, past + 4, past)
        whole = past <= here + batch.caplen[index]
        index, here, past = index[whole], here[whole], past[whole]
        kind, tagged = kind[whole], tagged[whole]
        kind[tagged] = _u16(batch.data, past[tagged] - 2)
    _pppoe(batch, index, kind, past)
    start[index] = past
    family[index[kind == names.IPV4]] = 4
    family[index[kind == names.IPV6]] = 6
    # A value below 1536 is a length, and LLC follows.
    other = (kind >= names.MIN_TYPE) & ~np.isin(kind, _TYPES)
    family[index[other]] = _DONE
    counters.not_ip += int(other.sum())


def _pppoe(batch: FrameBatch, index: Ints, kind: NDArray[np.uint16], past: Ints) -> None:
    """RFC 2516 §4: see through session data whose PPP protocol is IP and takes two bytes."""
    session = np.flatnonzero(kind == names.PPPOE_SESSION)
    session = session[past[session] + 8 <= (batch.offset + batch.caplen)[index[session]]]
    at = past[session]
    data = _u16(batch.data, at) == 0x1100
    protocol = _u16(batch.data, at + 6)
    for number, known in ((0x0021, names.IPV4), (0x0057, names.IPV6)):
        chosen = session[data & (protocol == number)]
        kind[chosen] = known
        past[chosen] += 8


def _plain(
    batch: FrameBatch, index: Ints, link: int, start: Ints, family: NDArray[np.int8]
) -> None:
    """Take IP right after a header of known size; its version must fit what that says."""
    size = _PLAIN[link]
    index = index[batch.caplen[index] > size]
    here = batch.offset[index]
    version = windows(batch.data, 1)[here + size].view(np.uint8) >> 4
    allowed4, allowed6 = link != names.IPV6_LINK, link != names.IPV4_LINK
    fits4, fits6 = (version == 4) & allowed4, (version == 6) & allowed6
    if size:
        word = windows(batch.data, 4)[here].view(">u4")
        fits4 &= np.isin(word, names.FAMILY_INET)
        fits6 &= np.isin(word, names.FAMILY_INET6)
    start[index] += size
    family[index[fits4]] = 4
    family[index[fits6]] = 6


def _ip4(batch: FrameBatch, index: Ints, at: Ints, fast: Fast, counters: Counters) -> None:
    """RFC 791 §3.1, unfragmented."""
    end = batch.offset[index] + batch.caplen[index]
    index, at, end = _split(at + 20 <= end, fast, index, at, end)
    ip = windows(batch.data, 20)[at].view(_IP4)
    header = (ip["version"] & 15).astype(np.int64) * 4
    length = ip["length"].astype(np.int64)
    sane = (ip["version"] >> 4 == 4) & (header >= 20) & (ip["fragment"] & 0x3FFF == 0)
    sane &= (length >= header) | (length == 0)
    plain = sane & (ip["protocol"] == names.TCP)
    plain &= at + header + 20 <= end
    if not plain.all():
        other = sane & (ip["protocol"] != names.TCP)
        other &= ~_inner(batch.data, ip["protocol"], at + header, end)
        counters.not_tcp += int(other.sum())
        fast.slow.append(index[~plain & ~other])
        index, at, end, ip = index[plain], at[plain], end[plain], ip[plain]
        header, length = header[plain], length[plain]
    if not length.all():
        length = np.where(length == 0, _offloaded(batch, index, at), length)
    ident = ip["ident"].astype(np.int32)
    rows, good = _tcp(batch, index, at + header, at + length, end, ident, fast)
    source = ip["source"][good].astype(np.uint64) << np.uint64(16) | rows.pop("source")
    target = ip["target"][good].astype(np.uint64) << np.uint64(16) | rows.pop("target")
    small, large = np.minimum(source, target), np.maximum(source, target)
    rows["reverse"] = source > target
    first, which = _distinct([small, large])
    keys = [
        a.to_bytes(6, "big") + b.to_bytes(6, "big")
        for a, b in zip(small[first].tolist(), large[first].tolist(), strict=True)
    ]
    fast.groups.append(_group(rows, keys, first, which))


def _ip6(batch: FrameBatch, index: Ints, at: Ints, fast: Fast, counters: Counters) -> None:
    """RFC 8200 §3, without extension headers."""
    end = batch.offset[index] + batch.caplen[index]
    index, at, end = _split(at + 40 <= end, fast, index, at, end)
    ip = windows(batch.data, 40)[at].view(_IP6)
    length = ip["length"].astype(np.int64)
    sane = ip["version"] >> 4 == 6
    plain = sane & (ip["protocol"] == names.TCP) & (at + 60 <= end)
    if not plain.all():
        other = sane & (ip["protocol"] != names.TCP)
        other &= ~_inner(batch.data, ip["protocol"], at + 40, end)
        counters.not_tcp += int(other.sum())
        fast.slow.append(index[~plain & ~other])
        index, at, end = index[plain], at[plain], end[plain]
        ip, length = ip[plain], length[plain]
    if not length.all():
        length = np.where(length == 0, _offloaded(batch, index, at) - 40, length)
    ident = np.full(len(index), -1, dtype=np.int32)
    rows, good = _tcp(batch, index, at + 40, at + 40 + length, end, ident, fast)
    source = np.column_stack([ip["source"][good], rows.pop("source")])
    target = np.column_stack([ip["target"][good], rows.pop("target")])
    reverse = _greater(source, target)
    rows["reverse"] = reverse
    small = np.where(reverse[:, None], target, source)
    large = np.where(reverse[:, None], source, target)
    first, which = _distinct([*small.T, *large.T])
    keys = [
        _endpoint(a) + _endpoint(b)
        for a, b in zip(small[first].tolist(), large[first].tolist(), strict=True)
    ]
    fast.groups.append(_group(rows, keys, first, which))


def _tcp(
    batch: FrameBatch,
    index: Ints,
    at: Ints,
    stop: Ints,
    end: Ints,
    ident: NDArray[np.int32],
    fast: Fast,
) -> tuple[Rows, Ints]:
    """RFC 9293 §3.1. `stop` is where IP says the packet ends, `end` where the capture does.

    Returns the rows (still with both ports) and which of `index` they are.
    """
    tcp = windows(batch.data, 20)[at].view(_TCP)
    header = (tcp["offset"] >> 4).astype(np.int64) * 4
    sane = (header >= 20) & (at + header <= stop)
    good = np.flatnonzero(sane)
    if len(good) < len(index):
        fast.slow.append(index[~sane])
        index, at, stop, end = index[good], at[good], stop[good], end[good]
        tcp, header, ident = tcp[good], header[good], ident[good]
    payload = np.minimum(at + header, end)
    rows: Rows = {
        "source": tcp["source"].astype(np.uint64),
        "target": tcp["target"].astype(np.uint64),
        "frame": batch.first_frame + index,
        "time_ns": batch.time_ns[index],
        "seq": tcp["seq"].astype(np.int64),
        "ack": tcp["ack"].astype(np.int64),
        "flags": np.ascontiguousarray(tcp["flags"]),
        "window": tcp["window"].astype(np.int64),
        "ident": ident,
        "header": at,
        "payload": payload,
        "captured": np.minimum(stop, end) - payload,
        "length": stop - at - header,
        "position": batch.base + payload,
    }
    return rows, good


def _group(rows: Rows, keys: list[bytes], first: Ints, which: Ints) -> Group:
    frames = rows["frame"][first].tolist()
    payload = (np.bincount(which, rows["length"] > 0, len(keys)) > 0).tolist()
    return Group(rows, list(map(Conversation, frames, keys, payload)), which)


def _split(keep: NDArray[np.bool], fast: Fast, index: Ints, *others: Ints) -> tuple[Ints, ...]:
    """Send the frames that are too short for columns the careful way."""
    if keep.all():
        return index, *others
    fast.slow.append(index[~keep])
    return tuple(each[keep] for each in (index, *others))


def _inner(data: bytes, protocol: NDArray[np.uint8], at: Ints, end: Ints) -> NDArray[np.bool]:
    """Tell packets that may carry TCP further inside: tunnels, and UDP to a tunnel's port."""
    inner = _INNER[protocol]
    udp = np.flatnonzero((protocol == names.UDP) & (at + 8 <= end))
    inner[udp[np.isin(_u16(data, at[udp] + 2), _PORTS)]] = True
    return inner


def _offloaded(batch: FrameBatch, index: Ints, at: Ints) -> Ints:
    """IP length of packets that have 0 there: segmentation is left to the network card."""
    return names.offloaded_length(
        batch.wirelen[index], batch.caplen[index], at - batch.offset[index]
    )


def _distinct(words: list[NDArray[np.uint64]]) -> tuple[Ints, Ints]:
    """Find distinct tuples of `words`: the index of the first of each, and which one each
    row is.
    """
    mixed = words[0].copy()
    for word in words[1:]:
        mixed = (mixed ^ mixed >> np.uint64(29)) * _MIX + word
    _, first, which = np.unique(mixed, return_index=True, return_inverse=True)
    if any((word[first][which] != word).any() for word in words):
        # Two tuples mixed to the same number, by chance or by someone's intention.
        _, first, which = np.unique(
            np.column_stack(words), axis=0, return_index=True, return_inverse=True
        )
    return first, which


def _greater(one: NDArray[np.uint64], two: NDArray[np.uint64]) -> NDArray[np.bool]:
    """Compare rows of words as one long number each."""
    greater = np.zeros(len(one), dtype=np.bool)
    for column in range(one.shape[1] - 1, -1, -1):
        a, b = one[:, column], two[:, column]
        greater = (a > b) | (a == b) & greater
    return greater


def _endpoint(words: list[int]) -> bytes:
    high, low, port = words
    return high.to_bytes(8, "big") + low.to_bytes(8, "big") + port.to_bytes(2, "big")


def _u16(data: bytes, at: Ints) -> NDArray[np.uint16]:
    return windows(data, 2)[at].view(">u2").astype(np.uint16)
