"""Wireshark's names for what stands in a message's tree: AMF values, tags of aggregates, media."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from analyzer.filters import summaries
from analyzer.filters.values import PerRow, Values
from analyzer.media_parts import ex_head
from analyzer.session import Session
from dissectors import spec
from dissectors.fields import Field
from dissectors.messages import media_names
from dissectors.messages.media_head import is_legacy_with_high_bit

Row = tuple[str, str, str, str, Values]
"""Name, kind, description, origin and source, as of `FieldInfo`."""

_AMF: Final = (*summaries.AMF_TYPES, spec.AGGREGATE)


def _nodes(pick: Callable[[Field], Iterable[Any]]) -> PerRow:
    """The values that `pick` yields of each field of a body's tree."""

    def values(session: Session, row: int) -> Iterator[Any]:
        for node in session.dissect(row).body.walk():
            yield from pick(node)

    return PerRow(values, _AMF)


def _markers(version: str) -> PerRow:
    return _nodes(
        lambda node: [node.value] if node.name == "marker" and _version(node) == version else []
    )


def _version(marker: Field) -> str:
    """Return ``AMF0`` or ``AMF3``."""
    return marker.label[:4]


def _typed(*wanted: tuple[str, int]) -> PerRow:
    """The values that begin with one of these markers (AMF0 §2.1, AMF3 §3.1)."""

    def pick(node: Field) -> Iterator[Any]:
        for child in node.children:
            if child.name == "marker" and (_version(child), child.value) in wanted:
                yield _plain(node.value)

    return _nodes(pick)


def _plain(value: Any) -> Any:
    """Return the text of an XML document, other values as they are; never None."""
    if isinstance(value, dict) and "$xml" in value:
        return value["$xml"]
    return {} if value is None else value


def _named(name: str) -> PerRow:
    return _nodes(lambda node: [node.value] if node.name == name else [])


def _byte_arrays(session: Session, row: int) -> Iterator[bytes]:
    data = session.body(row).data
    for node in session.dissect(row).body.walk():
        if node.name == "bytes":
            yield data[node.start : node.end]


def _of_tags(name: str) -> PerRow:
    """A field of the header of each tag in an aggregate."""

    def values(session: Session, row: int) -> Iterator[Any]:
        for tag in session.dissect(row).body.children:
            if tag.name == "message":
                yield from (node.value for node in tag.children if node.name == name)

    return PerRow(values, (spec.AGGREGATE,))


def _behind_header(session: Session, row: int) -> Iterator[bytes]:
    """The body behind its first byte, or behind the header of Enhanced RTMP."""
    body = session.body(row)
    data, video = body.data, session.value(row, "type_id") == spec.VIDEO
    if body.missing or len(data) < 2:
        return  # zeros stand in holes
    if video:
        enhanced = bool(data[0] & 0x80) and not is_legacy_with_high_bit(data)
    else:
        enhanced = data[0] >> 4 == media_names.EX_AUDIO
    end = ex_head(data, video).end if enhanced else 1
    if end:
        yield data[end:]


MEDIA: Final[tuple[Row, ...]] = (
    ("rtmpt.audio.data", "bytes", "the body behind its header", "body",
     PerRow(_behind_header, (spec.AUDIO,))),
    ("rtmpt.video.data", "bytes", "the body behind its header", "body",
     PerRow(_behind_header, (spec.VIDEO,))),
    ("rtmpt.video.command", "any", "video.command", "body", summaries.path("video.command")),
    ("rtmpt.audio.multitrack.type", "any", "audio.multitrack", "body",
     summaries.path("audio.multitrack")),
    ("rtmpt.video.multitrack.type", "any", "video.multitrack", "body",
     summaries.path("video.multitrack")),
)  # fmt: skip

TAGS: Final[tuple[Row, ...]] = tuple(
    (f"rtmpt.tag.{name}", "integer", f"of a tag in an aggregate: {text}", "body", _of_tags(node))
    for name, text, node in (
        ("type", "its type id", "type_id"),
        ("datasize", "length of its body", "data_size"),
        ("timestamp", "its timestamp, rebased to the aggregate's", "timestamp"),
        ("ets", "the high 8 bits of its timestamp as sent", "timestamp_extended"),
        ("streamid", "stream id in its header", "stream_id"),
        ("tagsize", "size of the tag, as said behind it", "back_pointer"),
    )
)

AMF: Final[tuple[Row, ...]] = (
    ("amf.amf0_type", "integer", "marker of any AMF0 value", "body", _markers("AMF0")),
    ("amf.amf3_type", "integer", "marker of any AMF3 value", "body", _markers("AMF3")),
    ("amf.integer", "integer", "any AMF3 Integer", "body", _named("integer")),
    ("amf.date", "any", "any AMF date, milliseconds since 1970 UTC", "body", _named("date")),
    ("amf.longstring", "string", "any AMF0 Long string", "body", _typed(("AMF0", 0x0C))),
    ("amf.xml_doc", "string", "any AMF XML document", "body",
     _typed(("AMF0", 0x0F), ("AMF3", 0x07))),
    ("amf.xml", "string", "any AMF3 XML", "body", _typed(("AMF3", 0x0B))),
    ("amf.bytearray", "bytes", "any AMF3 ByteArray", "body", PerRow(_byte_arrays, _AMF)),
    ("amf.object", "any", "there is an AMF object", "body",
     _typed(("AMF0", 0x03), ("AMF0", 0x10), ("AMF3", 0x0A))),
    ("amf.classname", "string", "class name of any AMF object", "body",
     _named("class_name")),
    ("amf.ecmaarray", "any", "there is an AMF0 ECMA array", "body", _typed(("AMF0", 0x08))),
    ("amf.strictarray", "any", "there is an AMF0 Strict array", "body", _typed(("AMF0", 0x0A))),
    ("amf.array", "any", "there is an AMF3 Array", "body", _typed(("AMF3", 0x09))),
    ("amf.arraylength", "integer", "count of any AMF0 array as sent", "body",
     _named("array_length")),
)  # fmt: skip
