"""The codec configurations in force at a place of a stream (FLV 10.1 §E.4.3, E-RTMP v2)."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from dissectors import spec
from dissectors.context import CodecConfig
from dissectors.messages.media_config import records

if TYPE_CHECKING:
    from analyzer.lookup import Lookup
    from analyzer.model import Connection

MAX_TRACKS: Final = 256
"""Track ids are one byte."""
KEPT: Final = 256
"""Places remembered."""
_NONE: Final[dict[int, CodecConfig]] = {}


class Configurations:
    """Finds configurations by position and remembers the last ones asked for."""

    def __init__(self, session: Lookup) -> None:
        self._session = session
        self._known: OrderedDict[tuple[int, int, str, int], dict[int, CodecConfig]] = OrderedDict()

    def clear(self) -> None:
        """Forget what was read."""
        self._known.clear()

    def before(
        self, connection: Connection, direction: int, kind: str, offset: int
    ) -> dict[int, CodecConfig]:
        """Return the configurations in force at a stream offset, by track."""
        side = connection.sides[direction]
        count = connection.rtmp.configs_before(side, kind, offset)
        if not count:
            return _NONE
        key = (connection.index, direction, kind, count)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._read(connection, direction, kind, count)
            while len(self._known) > KEPT:
                self._known.popitem(last=False)
        return found

    def _read(
        self, connection: Connection, direction: int, kind: str, count: int
    ) -> dict[int, CodecConfig]:
        """Read the first `count` configurations: the last one of each track counts."""
        session = self._session
        before = connection.rtmp.halves[connection.sides[direction]].configs[kind][:count]
        # Readers go forward: most is known already.
        earlier = self._known.get((connection.index, direction, kind, count - 1))
        found = dict(earlier or {})
        wanted = spec.VIDEO if kind == "video" else spec.AUDIO
        for ordinal in before[-1 if earlier is not None else -MAX_TRACKS :]:
            row = session.row_of(connection, direction, ordinal)
            if row < 0 or (row < session.messages.first and row not in session.pinned):
                continue
            type_id = session.value(row, "type_id")
            for track, codec, data in records(wanted, type_id, session.body(row).data):
                found[track] = CodecConfig(codec, data, session.message_id(row))
        return found
