"""The codec configurations of a track, and what the metadata says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from analyzer.index import Array
from dissectors import spec
from dissectors.messages.media_config import records

if TYPE_CHECKING:
    from analyzer.lookup import Lookup

MAX_READ: Final = 1000
"""Configurations of a track, and metadata of a connection, whose bytes are read. A stream with
one per keyframe has 1,800 in an hour; rules about them need the first."""
_KINDS: Final = {"audio": spec.AUDIO, "video": spec.VIDEO}
_WRAPPED, _PLAIN = b"\x02\x00\x0d@setDataFrame", b"\x02\x00\x0aonMetaData"


class Configuration(NamedTuple):
    """A codec configuration that a message carries."""

    row: int
    time_ns: int
    codec: str | None
    record: bytes
    """avcC, hvcC, AudioSpecificConfig …, b"" where the message holds none."""
    values: dict[str, Any]
    """The decoded record, as `config` in the message's summary; {} where it is malformed."""


class Metadata(NamedTuple):
    """An onMetaData message."""

    row: int
    time_ns: int
    values: dict[str, Any]
    decoded: bool = True
    """False beyond the limit: there are values, but they were not looked at."""


def configurations(session: Lookup, kind: str, track_id: int, rows: Array) -> list[Configuration]:
    """Read the configurations of a track from the messages that carry them."""
    found: list[Configuration] = []
    decoded: dict[bytes, dict[str, Any]] = {}
    for row in dict.fromkeys(rows.tolist()):
        type_id = session.value(row, "type_id")
        own: list[tuple[str | None, bytes]] = [
            (codec, record)
            for track, codec, record in records(_KINDS[kind], type_id, session.body(row).data)
            if track == track_id
        ]
        time = session.value(row, "time_ns")
        for codec, record in own or [(None, b"")]:
            if record and record not in decoded:
                decoded[record] = _values(session, row, kind, track_id)
            found.append(Configuration(row, time, codec, record, decoded.get(record, {})))
    return found


def _values(session: Lookup, row: int, kind: str, track_id: int) -> dict[str, Any]:
    """Return the decoded configuration of one track from the message's summary."""
    summary = session.decoded_summary(row)
    if summary is None:
        return {}
    name, value = summary
    parts = [value]
    if name == "aggregate":
        parts = [part[kind] for part in value["messages"] if isinstance(part.get(kind), dict)]
    for part in parts:
        tracks = part.get("tracks")
        if tracks:
            part = next((item for item in tracks if item["track_id"] == track_id), {})
        config = part.get("config")
        if isinstance(config, dict):
            return dict(config)
    return {}


def metadata_rows(session: Lookup) -> Array:
    """Return the rows of all onMetaData messages."""
    table = session.messages
    rows = table.of_types(spec.DATA_AMF0, spec.DATA_AMF3)
    heads = table.column("head")[rows]
    mine = [
        row
        for row, head in zip(rows.tolist(), heads.tolist(), strict=True)
        if _is_metadata(bytes(head))
    ]
    return np.array(mine, np.int64)


def _is_metadata(head: bytes) -> bool:
    head = head.lstrip(b"\0")  # the format selector of type 15
    return head.startswith((_PLAIN, _WRAPPED[: len(head)]))


def metadata(session: Lookup, rows: Array, decoded: Array) -> list[Metadata]:
    """Decode onMetaData messages; a message without an object has no values."""
    found = []
    for row, wanted in zip(rows[:MAX_READ].tolist(), decoded.tolist(), strict=False):
        if not wanted:
            found.append(Metadata(row, session.value(row, "time_ns"), {}, False))
            continue
        summary = session.summary(row)
        if summary is None or summary[0] != "data":
            continue
        name, values = summary[1].get("name"), list(summary[1].get("values") or ())
        if name == "@setDataFrame" and values:
            name = values.pop(0)
        if name == "onMetaData":
            own = next((value for value in values if isinstance(value, dict)), {})
            found.append(Metadata(row, session.value(row, "time_ns"), own))
    return found
