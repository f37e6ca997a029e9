"""Values below a message's decoded summary: ``command.object.app``, ``amf.string`` …"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from analyzer.filters.values import PerRow
from analyzer.media_rows import BEHIND_THE_HEADER
from analyzer.session import Session
from dissectors import spec

ROOTS: Final[Mapping[str, tuple[int, ...]]] = {
    "command": (spec.COMMAND_AMF0, spec.COMMAND_AMF3),
    "data": (spec.DATA_AMF0, spec.DATA_AMF3),
    "audio": (spec.AUDIO,),
    "video": (spec.VIDEO,),
    "control": (
        spec.SET_CHUNK_SIZE,
        spec.ABORT,
        spec.ACKNOWLEDGEMENT,
        spec.WINDOW_ACKNOWLEDGEMENT_SIZE,
        spec.SET_PEER_BANDWIDTH,
    ),
    "user_control": (spec.USER_CONTROL,),
    "shared_object": (spec.SHARED_OBJECT_AMF0, spec.SHARED_OBJECT_AMF3),
    "aggregate": (spec.AGGREGATE,),
}
"""Summary key → the message types that can have it; other rows are never decoded for it."""

AMF_TYPES: Final = ROOTS["command"] + ROOTS["data"] + ROOTS["shared_object"]


def path(name: str) -> PerRow:
    """Return the source of a dotted path whose first part is one of `ROOTS`."""
    root, *parts = name.split(".")
    whole = any(part in BEHIND_THE_HEADER for part in parts)

    def values(session: Session, row: int) -> Iterator[Any]:
        # Lists know frames by their headers; what stands behind them takes the whole body.
        summary = session.decoded_summary(row) if whole else session.summary(row)
        if summary is not None and summary[0] == root:
            yield from _walk(summary[1], parts)

    return PerRow(values, ROOTS[root])


def _walk(value: Any, parts: list[str]) -> Iterator[Any]:
    """Yield what stands at `parts` below `value`; lists are walked through."""
    if isinstance(value, list):
        if parts and parts[0].isdecimal() and len(parts[0]) < 9:
            if int(parts[0]) < len(value):
                yield from _walk(value[int(parts[0])], parts[1:])
            return
        for item in value:
            yield from _walk(item, parts)
    elif isinstance(value, dict):
        plain = _plain(value)
        if not isinstance(plain, dict):
            yield from _walk(plain, parts)
        elif not parts:
            yield plain
        elif parts[0] in plain:
            yield from _walk(plain[parts[0]], parts[1:])
        elif ".".join(parts) in plain:  # AMF names may hold dots
            yield from _walk(plain[".".join(parts)], [])
    elif not parts:
        yield value


def _plain(value: dict[str, Any]) -> Any:
    """Undo the report's escape forms."""
    if "$pairs" in value:
        merged: dict[str, Any] = {}
        for name, item in value["$pairs"]:
            merged.setdefault(name, []).append(item)
        return merged
    if "$class" in value and "value" in value:
        return value["value"]
    if "$array" in value:
        return [*value["$array"], value.get("named", {})]
    if "$dictionary" in value:
        return [{str(key): item} for key, item in value["$dictionary"]]
    if "$hex" in value:
        try:
            return bytes.fromhex(value["$hex"])
        except ValueError:
            return value["$hex"]
    for key in ("$date", "$number", "$amf", "$xml", "$ref"):
        if key in value:
            return value[key]
    return value


def amf(wanted: Callable[[Any], bool], *, names: bool = False) -> PerRow:
    """Return the source of all AMF values of a kind (property names too with `names`)."""

    def values(session: Session, row: int) -> Iterator[Any]:
        summary = session.summary(row)
        if summary is None:
            return
        stack: list[Any] = [summary[1]]
        while stack:
            value = stack.pop()
            if isinstance(value, list):
                stack.extend(reversed(value))
            elif isinstance(value, dict):
                plain = _plain(value)
                if not isinstance(plain, dict):
                    stack.append(plain)
                    continue
                # The summary's own first level has our names, not captured ones.
                if names and value is not summary[1]:
                    yield from plain
                stack.extend(reversed(plain.values()))
            elif wanted(value):
                yield value

    return PerRow(values, AMF_TYPES)
