"""Writes FIELDS.md: python -m analyzer.filters.document > analyzer/filters/FIELDS.md"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Final

from analyzer.filters.fields import FieldInfo, own_fields
from analyzer.filters.summary_keys import Key, keys
from analyzer.filters.wireshark import wireshark_fields

ESCAPES: Final = (
    ('{"$amf": "undefined"}', "AMF undefined; likewise `unsupported`", "AMF0 §2.8, §2.15"),
    ('{"$amf": "undecodable"}', "a value that began and could not be read: cut, past a limit, or"
     " its marker is reserved or none", "AMF0 §2.6, §2.16"),
    ('{"$number": "NaN"}', "a Number that JSON lacks; also `Infinity`, `-Infinity`", "AMF0 §2.2"),
    ('{"$date": ms, "timezone": min}', "a Date, milliseconds since 1970 UTC; AMF3 has no zone",
     "AMF0 §2.13, AMF3 §3.10"),
    ('{"$hex": digits, "length": n}', "bytes: the first 256 in hex, and how many there are",
     "AMF3 §3.14"),
    ('{"$xml": text}', "an XML document", "AMF0 §2.17, AMF3 §3.9, §3.13"),
    ('{"$ref": n}', "a reference that leads nowhere or back to itself", "AMF0 §2.9, AMF3 §2.2"),
    ('{"$class": name, "value": …}', "an object of a named class", "AMF0 §2.18, AMF3 §3.12"),
    ('{"$pairs": [[name, value], …]}', "an object with a name twice, or one that begins with $",
     "AMF0 §2.5"),
    ('{"$array": […], "named": {…}}', "an AMF3 Array with named members", "AMF3 §3.11"),
    ('{"$dictionary": [[key, value], …]}', "an AMF3 Dictionary; its keys may be of any type",
     "AMF3 §3.16"),
)  # fmt: skip
"""Form, meaning, section. Integral Numbers up to 2^53 are JSON integers, except -0.0."""

_HEAD: Final = """\
# Fields

Generated from the code: `python -m analyzer.filters.document > analyzer/filters/FIELDS.md`.

A filter (`-Y`) and the JSON report use the same names. `video.config.width == 160` asks for what
stands in the JSON message under `video`, `config`, `width`; lists are passed through, so
`video.nal_units.type == 5` is true when any NAL unit is of type 5, and a number picks one element:
`command.arguments.0`. A bare name asks whether the value is there. Every value may be null.
Words of a small vocabulary are found however they are spelled: `video.codec == "H.264"` or `avc`,
`video.packet_type == "Sequence header"` or `sequence_header`.

In `--detail messages`, `nal_units`, `obus`, `frame` and `tracks` of coded frames are null, because
only the header was read; filters that ask for them, and `--detail fields`, decode the whole body.
"""


def page() -> str:
    """Return the whole page."""
    return "\n".join(_lines()) + "\n"


def main() -> None:
    """Print the page."""
    sys.stdout.write(page())


def _lines() -> Iterator[str]:
    yield _HEAD
    summaries = {key.path for key in keys()}
    own = [field for field in own_fields() if field.name not in summaries]
    yield from _fields("Of every message", [field for field in own if field.origin == "column"])
    yield from _fields("Of its connection", [f for f in own if f.origin == "connection"])
    yield from _fields("Of the message as a whole", [f for f in own if f.origin == "body"])
    kind = ""
    for key in keys():
        root = key.path.partition(".")[0]
        if root != kind:
            kind = root
            yield from _table(f"`{kind}`", ("field", "type", "meaning", "section"))
        yield _row(_key(key))
    yield ""
    yield "Keys of `audio`, `video` and `data` also stand below `aggregate.messages`, those of one"
    yield "track below `audio.tracks` and `video.tracks`. Below `command.object`,"
    yield "`command.arguments`, `data.values`, `video.metadata` and"
    yield "`shared_object.events.properties` the names are those on the wire."
    yield from _fields("Wireshark's names", wireshark_fields())
    yield from _table("Values that JSON lacks", ("JSON", "meaning", "section"))
    for form, meaning, section in ESCAPES:
        yield _row((f"`{form}`", meaning, section))


def _key(key: Key) -> tuple[str, str, str, str]:
    return f"`{key.path}`", key.type, key.meaning, key.section


def _fields(title: str, fields: list[FieldInfo]) -> Iterator[str]:
    yield from _table(title, ("field", "type", "meaning"))
    for field in fields:
        yield _row((f"`{field.name}`", field.kind, field.description))


def _table(title: str, columns: tuple[str, ...]) -> Iterator[str]:
    yield ""
    yield f"## {title}"
    yield ""
    yield _row(columns)
    yield _row(("---",) * len(columns))


def _row(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


if __name__ == "__main__":
    main()
