"""What `--detail fields` and `--detail bytes` add to a message of the JSON report.

Written as text at once: a message has some twenty nodes, and dicts for a general encoder would
take longer than decoding the body.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from json.encoder import encode_basestring_ascii
from typing import TYPE_CHECKING, Any

from analyzer.export.request import Request
from analyzer.session import Session
from dissectors.fields import Expert, Field

if TYPE_CHECKING:
    from analyzer.redact import Redactor

_encode = json.JSONEncoder(allow_nan=False).encode
_string: Any = encode_basestring_ascii


Known = tuple[object, str]
"""A value and its JSON text: the summary is written twice."""


def details(session: Session, row: int, request: Request, known: Known = (None, "")) -> str:
    """Return the members `fields`, `chunk_spans`, `segments` and, with ``bytes``, `body_hex`."""
    redactor = request.redactor
    fields = ", ".join([node(child, redactor, known) for child in session.tree(row).children])
    chunks = ", ".join(
        [
            f'{{"stream_offset": {offset}, "header_length": {header}, "payload_length": {payload}}}'
            for offset, header, payload in session.chunk_spans(row)
        ]
    )
    segments = _segments(session, row)
    text = f'"fields": [{fields}], "chunk_spans": [{chunks}], "segments": [{segments}]'
    if request.detail == "bytes":
        digits = session.body(row).data.hex()
        if redactor is not None:
            digits = redactor.hex(digits, hidden=redactor.unread(session, row))
        text += f', "body_hex": {_string(digits)}'
    return text


def node(field: Field, redactor: Redactor | None, known: Known = (None, "")) -> str:
    """Return a field as a JSON object; its depth is bounded by the dissectors' own limit."""
    label, value = field.label, field.value
    if redactor is not None:
        label = redactor.label(field)
        # An object's own name, which may be that of credentials, stands above it.
        plain = label == field.label and not isinstance(value, dict | list)
        value = redactor.value(value) if plain else redactor.item(value)
    if value is None:
        shown = "null"
    elif type(value) is int:
        shown = str(value)
    elif type(value) is str:
        shown = _string(value)
    elif value is known[0]:
        shown = known[1]
    else:
        shown = _encode(value)
    bits = bit_range(field.mask, field.length) if field.mask else "null"
    experts = _experts(field.experts, redactor) if field.experts else ""
    children = ", ".join([node(child, redactor, known) for child in field.children])
    return (
        f'{{"name": {_name(field.name)}, "label": {_string(label)}, "value": {shown}, '
        f'"at": [{field.start}, {field.length}], "in": "{field.space}", "bits": {bits}, '
        f'"experts": [{experts}], "children": [{children}]}}'
    )


@lru_cache(maxsize=4096)
def _name(name: str) -> str:
    text: str = _string(name)
    return text


@lru_cache(maxsize=4096)
def bit_range(mask: int, length: int) -> str:
    """Return JSON [first bit, count] of a mask over `length` bytes, bit 0 the most significant."""
    low = (mask & -mask).bit_length() - 1
    return f"[{max(length, 1) * 8 - mask.bit_length()}, {mask.bit_length() - low}]"


def _experts(experts: Sequence[Expert], redactor: Redactor | None) -> str:
    return ", ".join(
        [
            _encode(
                {
                    "severity": expert.severity.name.lower(),
                    "code": expert.code,
                    "text": expert.text if redactor is None else redactor.text(expert.text),
                }
            )
            for expert in experts
        ]
    )


def _segments(session: Session, row: int) -> str:
    """Return where the stream bytes from the first chunk header to the last byte stand."""
    start = session.value(row, "stream_offset")
    end = session.value(row, "end_offset")
    return ", ".join(
        [
            f'{{"stream_offset": {span.stream_offset}, "length": {span.length}, "file_offset": '
            f'{"null" if span.file_offset is None else span.file_offset}, "frame": '
            f"{'null' if span.frame is None else span.frame}}}"
            for span in session.locate(row, "stream", start, end - start)
        ]
    )
