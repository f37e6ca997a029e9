"""Data messages, RTMP 1.0 §7.1.2: types 18 (AMF0) and 15 (AMF3)."""

from collections.abc import Callable
from typing import Any, Final

from dissectors.amf import Budget
from dissectors.amf0 import Amf0Reader
from dissectors.context import Context
from dissectors.cursor import Cursor
from dissectors.fields import Field
from dissectors.messages.metadata import (
    explain_cue_point,
    explain_frame_info,
    explain_metadata,
    explain_sample_access,
)
from dissectors.messages.selector import read_selector
from dissectors.spec import DATA_AMF3
from dissectors.status_codes import explain_status, status_of
from dissectors.text import hexdump, quote, safe

_NOT_VALUES: Final = frozenset({"format_selector", "undecoded", "truncated", "raw_data"})
_NAME_MARKERS: Final = (0x02, 0x0C, 0x11)
"""AMF0 markers a handler name can begin with: String, Long string, AMF3 value."""
_SHORTEST_NUMBER: Final = 9


def read(cur: Cursor, root: Field, ctx: Context) -> None:
    """Handler name, then values up to the end."""
    read_selector(cur, root, ctx)
    if _not_amf(cur):
        _read_raw(cur, root)
        return
    reader = Amf0Reader(Budget(len(cur), sparing=ctx.sparing))
    try:
        name = reader.value(cur, root, "name")
        if not isinstance(name.value, str):
            name.warn("handler_name", "a data message begins with its handler's name, a String")
        while cur:
            reader.value(cur, root, "value")
    finally:  # also for what stands before a malformed value
        _explain(root)


def _not_amf(cur: Cursor) -> bool:
    """Is this too short to be anything but a foreign payload?

    FFmpeg sends the samples of a mapped tmcd (timecode) track as type 18: 4 bytes without AMF, so
    `00 00 00 01` looks like a cut Number. A message without a name and shorter than one Number
    cannot be AMF data.
    """
    head = cur.peek()
    return bool(head) and head[0] not in _NAME_MARKERS and len(cur) < _SHORTEST_NUMBER


def _read_raw(cur: Cursor, root: Field) -> None:
    at = cur.pos
    data = cur.rest()
    value = {"$hex": data.hex(), "length": len(data)}
    node = root.add("raw_data", f"Raw data: {hexdump(data)}", value, at, len(data))
    node.note("not_amf", "not AMF: no handler name")
    if len(data) == 4:
        frames = int.from_bytes(data, "big")
        node.label += f" (timecode {frames}, if it is FFmpeg's tmcd track)"


def _values(root: Field) -> list[Field]:
    return [child for child in root.children if child.name not in _NOT_VALUES]


def _first(explainer: Callable[[Field], None]) -> Callable[[list[Field]], None]:
    def run(values: list[Field]) -> None:
        for node in values[:1]:
            explainer(node)

    return run


_EXPLAIN: Final[dict[str, Callable[[list[Field]], None]]] = {
    "onMetaData": _first(explain_metadata),
    "onStatus": _first(explain_status),
    "onPlayStatus": _first(explain_status),
    "onCuePoint": _first(explain_cue_point),
    "onFI": _first(explain_frame_info),
    "|RtmpSampleAccess": explain_sample_access,
}
_WRAPPERS: Final = frozenset({"@setDataFrame", "@clearDataFrame"})
"""Their first value is the handler name of what the server keeps and hands to players."""


def _handler(values: list[Field]) -> str:
    """Return the name that begins `values`, or "" where there is none."""
    return values[0].value if values and isinstance(values[0].value, str) else ""


def _explain(root: Field) -> None:
    values = _values(root)
    if _handler(values) in _WRAPPERS:
        values = values[1:]
    explain = _EXPLAIN.get(_handler(values))
    if explain:
        explain(values[1:])


def describe(root: Field, ctx: Context) -> tuple[str, str]:
    """Title ``AMF0 Data @setDataFrame('onMetaData')``, info without the type's name."""
    kind = "AMF3 Data" if ctx.type_id == DATA_AMF3 else "AMF0 Data"
    raw = root.find("raw_data")
    values = [node.value for node in _values(root)]
    name = values[0] if values and isinstance(values[0], str) else None
    arguments = values[1:] if values else []
    summary: dict[str, Any] = {"name": name, "values": arguments}
    root.value = summary
    if raw is not None:
        summary["raw"] = raw.value
        return f"{kind} (not AMF)", "raw data"
    if name is None:
        return kind, kind
    status = status_of(arguments[0]) if arguments else {}
    if name in ("onStatus", "onPlayStatus"):
        summary |= status
        shown = status.get("code")
    else:
        shown = arguments[0] if arguments and isinstance(arguments[0], str) else None
    info = f"{safe(name[:256])}({quote(shown, 256) if shown is not None else ''})"
    return f"{kind} {info}", info
