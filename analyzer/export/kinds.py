"""Kinds of rows: those of one kind differ in numbers only, so their text is made once.

A million frames have a handful of headers. A kind is what a line shows of a row besides numbers:
columns with few values, and of audio and video the header, or the whole of a short body.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from analyzer.index import Array
from analyzer.lookup import INFERRED
from analyzer.session import Session
from dissectors import spec
from dissectors.chunk_state import Flag
from dissectors.messages import media_names as names

ODD: Final = b""
"""The kind of a row that is like no other: incomplete, inferred, or with an unusual header."""
PLAIN: Final = sum(INFERRED) | Flag.ABORTED | Flag.COMPLETE
"""Flags of which a plain row has `COMPLETE` only."""
SHORT: Final = 8
"""Bytes of a body that is part of its row's kind; a longer one is with its header alone."""
_SIMPLE: Final = 5
"""Packet types of Enhanced RTMP below this one stand right in front of the FourCC."""
_MANY: Final = 256
"""Directions of one block; of more, each audio and video row is looked at by itself."""
_AVC_LIKE: Final = np.array(sorted(names.AVC_LIKE_IDS), np.uint8)
_TIMED: Final = np.array(
    [
        int.from_bytes(fourcc, "big")
        for fourcc, codec in names.VIDEO_FOURCCS.items()
        if codec in names.COMPOSITION_TIME_CODECS
    ],
    np.uint32,
)
_COLUMNS: Final = ("connection", "direction", "fmt", "csid", "msid", "type_id", "flags")
_KIND: Final = np.dtype(
    [(name, np.uint32) for name in (*_COLUMNS, "length", "configs")] + [("head", "V8")]
)


def kinds(session: Session, rows: Array) -> list[bytes]:
    """Return the kind of each row; `ODD` where it has none that others could have."""
    found = np.zeros(len(rows), _KIND)
    for name in _COLUMNS:
        found[name] = session.messages.column(name)[rows]
    odd = found["flags"] & PLAIN != Flag.COMPLETE
    media = np.flatnonzero(np.isin(found["type_id"], (spec.AUDIO, spec.VIDEO)) & ~odd)
    if len(media):
        heads = np.ascontiguousarray(session.messages.column("head")[rows[media]])
        head = heads.view(np.uint8).reshape(len(media), -1)[:, :SHORT].copy()
        length = np.minimum(session.messages.column("length")[rows[media]], SHORT + 1)
        kept, unusual = _header(head, found["type_id"][media] == spec.VIDEO, length)
        head[np.arange(SHORT) >= kept[:, None]] = 0
        found["length"][media] = length
        found["head"][media] = head.view("V8")[:, 0]
        odd[media] = unusual
        if not _count_configs(session, rows, found, media):
            odd[media] = True
    keys: list[bytes] = found.view(f"V{_KIND.itemsize}").tolist()
    for place in np.flatnonzero(odd).tolist():
        keys[place] = ODD
    return keys


def _header(head: Array, video: Array, length: Array) -> tuple[Array, Array]:
    """Return how many bytes decide what a list says of each message, and where that is unknown."""
    first = head[:, 0]
    low, high = first & 15, first >> 4
    enhanced = np.where(video, first >= 0x80, high == names.EX_AUDIO)
    kept = np.where(video, np.where(np.isin(low, _AVC_LIKE), 5, 1), 1 + (high == names.AAC))
    fourcc = np.ascontiguousarray(head[:, 1:5]).view(">u4")[:, 0]
    timed = video & (low == names.CODED_FRAMES) & np.isin(fourcc, _TIMED)
    kept = np.where(enhanced, np.where(timed, SHORT, 5), kept)
    whole = length <= SHORT
    return np.where(whole, length, kept), enhanced & (low >= _SIMPLE) & ~whole


def _count_configs(session: Session, rows: Array, found: Array, media: Array) -> bool:
    """Set how many configurations came before each row; False where that would take long."""
    offsets = session.messages.column("stream_offset")[rows[media]]
    groups = found["connection"][media].astype(np.int64) * 2 + found["direction"][media]
    each = np.unique(groups).tolist()
    if len(each) > _MANY:
        return False
    for group in each:
        connection = session.connections[group >> 1]
        half = connection.rtmp.halves[connection.sides[group & 1]]
        for type_id, kind in ((spec.AUDIO, "audio"), (spec.VIDEO, "video")):
            known = half.config_offsets[kind]
            if known:
                own = (groups == group) & (found["type_id"][media] == type_id)
                found["configs"][media[own]] = np.searchsorted(known, offsets[own], "left")
    return True
