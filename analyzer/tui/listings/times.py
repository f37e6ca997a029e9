"""Composition times of video messages, read from the index for all rows at once."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from dissectors import spec
from dissectors.messages import media_names

WITH_TIME: Final = tuple(int.from_bytes(name, "big") for name in (b"avc1", b"hvc1", b"vvc1"))
"""FourCCs whose coded frames carry a composition time (E-RTMP v2, ExVideoTagBody)."""


def composition(types: NDArray[np.generic], heads: NDArray[np.generic]) -> NDArray[np.int64]:
    """Return PTS - DTS in ms of each message, 0 where none is written.

    `heads` are the first body bytes (V16). FLV 10.1 §E.4.3.2: SI24 behind the packet type 1;
    E-RTMP v2: behind the FourCC of packet type 1 (CodedFrames).
    """
    raw = np.ascontiguousarray(heads).view(np.uint8).reshape(len(heads), -1)
    out = np.zeros(len(raw), dtype=np.int64)
    video = types == spec.VIDEO
    first, second = raw[:, 0], raw[:, 1]
    plain = video & (first < 0x80) & (second == 1)
    plain &= np.isin(first & 0x0F, tuple(media_names.AVC_LIKE_IDS))
    coded = np.flatnonzero(video & (first >= 0x80) & (first & 0x0F == 1))
    coded = coded[np.isin(_number(raw, coded, 1, 4), WITH_TIME)]
    for rows, at in ((np.flatnonzero(plain), 2), (coded, 5)):
        value = _number(raw, rows, at, 3)
        out[rows] = value - (value >> 23 << 24)
    return out


def _number(
    raw: NDArray[np.uint8], rows: NDArray[np.int64], at: int, size: int
) -> NDArray[np.int64]:
    """Return the big-endian number that stands in `size` bytes from `at` on."""
    out = np.zeros(len(rows), dtype=np.int64)
    for place in range(at, at + size):
        out = out << 8 | raw[rows, place]
    return out
