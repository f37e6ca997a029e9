"""Media fields that the first bytes of a message decide: looked up once per kind of header.

A million frames have a handful of headers; `summaries.path` gives the same values row by row.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from analyzer.filters.summaries import ROOTS, path
from analyzer.filters.values import Array, Coded, PerRow, View
from dissectors import spec
from dissectors.chunk_state import Flag
from dissectors.messages.media_names import EX_AUDIO

if TYPE_CHECKING:
    from analyzer.session import Session

FIELDS: Final = frozenset(
    "audio audio.codec audio.enhanced audio.fourcc audio.packet_type "
    "audio.sound_rate audio.sound_size audio.sound_type "
    "video video.codec video.enhanced video.fourcc video.frame_type video.packet_type".split()
)
_SIMPLE: Final = 5
"""Packet types of Enhanced RTMP below this one, sequence start to metadata, stand right in front
of the FourCC. Multitrack, ModEx and what only looks enhanced are decoded row by row."""
_LONG: Final = 7
"""A header shorter than this may be cut: its length belongs to its kind."""
_MOST_CONFIGS: Final = 62
"""More configurations than fit into a code: decoded row by row."""


def source(name: str) -> Coded | PerRow:
    """Return where the values of a field below `audio` or `video` come from."""
    slow = path(name)
    if name not in FIELDS:
        return slow
    (type_id,) = ROOTS[name.split(".")[0]]
    by_config = name == "video.codec"

    def values(session: Session, code: int, row: int) -> Iterable[Any]:
        return slow.values(session, row) if session.value(row, "type_id") == type_id else ()

    return Coded(lambda view: header_codes(view, type_id, by_config), values)


def header_codes(view: View, type_id: int, by_config: bool) -> Array:
    """Return a number per row, equal for rows of one connection with the same kind of header."""
    types = view.column("type_id")
    codes = np.zeros(len(view), np.int64)
    mine = np.flatnonzero(types == type_id)
    if not len(mine):
        return codes
    head = np.ascontiguousarray(view.column("head")[mine]).view(np.uint8).reshape(len(mine), -1)
    first = head[:, 0].astype(np.int64)
    enhanced = first >= 0x80 if type_id == spec.VIDEO else first >> 4 == EX_AUDIO
    fourcc = np.ascontiguousarray(head[:, 1:5]).view(">u4")[:, 0].astype(np.int64)
    second = np.where(enhanced, fourcc, fourcc & 0xFF000000)
    short = np.minimum(view.column("length")[mine], _LONG).astype(np.int64)
    whole = (view.column("flags")[mine] & Flag.COMPLETE != 0).astype(np.int64)
    groups = view.column("connection")[mine].astype(np.int64) * 2 + view.column("direction")[mine]
    ordinal = _ordinals(view, mine, groups) if by_config else np.zeros(len(mine), np.int64)
    code = first | second << 8 | short << 40 | whole << 43 | groups << 44
    slow = (enhanced & (first & 0x0F >= _SIMPLE)) | (ordinal > _MOST_CONFIGS) | (whole == 0)
    slow |= groups >= 1 << 12
    # One more than 0, which stands for rows of other types; and each slow row is its own kind.
    codes[mine] = np.where(slow, -1 - np.arange(len(mine)), (code | ordinal << 56) + 1)
    return codes


def _ordinals(view: View, mine: Array, groups: Array) -> Array:
    """Return how many video configurations came before each row: they tell ambiguous codec ids."""
    offsets = view.column("stream_offset")[mine]
    found = np.zeros(len(mine), np.int64)
    for group in np.unique(groups).tolist():
        connection = view.session.connections[group >> 1]
        half = connection.rtmp.halves[connection.sides[group & 1]]
        rows = np.flatnonzero(groups == group)
        known = np.array(half.config_offsets["video"], np.int64)
        found[rows] = np.searchsorted(known, offsets[rows], side="left")
    return found
