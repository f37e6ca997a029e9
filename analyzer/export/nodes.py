"""What `--detail fields` and `--detail bytes` add to a message of the JSON report."""

from __future__ import annotations

from typing import Any

from analyzer.export.request import Request
from analyzer.redact import Redactor
from analyzer.session import Session
from dissectors.fields import Field


def details(session: Session, row: int, request: Request) -> dict[str, Any]:
    """Return `fields`, `chunk_spans` and `segments`, and with ``bytes`` also `body_hex`."""
    redactor = request.redactor
    chunks = session.chunk_spans(row)
    found: dict[str, Any] = {
        "fields": [node(child, redactor) for child in session.tree(row).children],
        "chunk_spans": [
            {
                "stream_offset": span.stream_offset,
                "header_length": span.header_length,
                "payload_length": span.payload_length,
            }
            for span in chunks
        ],
        "segments": _segments(session, row),
    }
    if request.detail == "bytes":
        digits = session.body(row).data.hex()
        found["body_hex"] = digits if redactor is None else redactor.hex(digits)
    return found


def node(field: Field, redactor: Redactor | None) -> dict[str, Any]:
    """Return a field as a JSON object; its depth is bounded by the dissectors' own limit."""
    label, value = field.label, field.value
    if redactor is not None:
        label, value = redactor.text(label), redactor.value(value)
    return {
        "name": field.name,
        "label": label,
        "value": value,
        "at": [field.start, field.length],
        "in": field.space,
        "bits": bit_range(field.mask, field.length),
        "experts": [
            {
                "severity": expert.severity.name.lower(),
                "code": expert.code,
                "text": expert.text if redactor is None else redactor.text(expert.text),
            }
            for expert in field.experts
        ],
        "children": [node(child, redactor) for child in field.children],
    }


def bit_range(mask: int, length: int) -> list[int] | None:
    """Return [first bit, count] of a mask over `length` bytes, bit 0 the most significant."""
    if not mask:
        return None
    low = (mask & -mask).bit_length() - 1
    return [max(length, 1) * 8 - mask.bit_length(), mask.bit_length() - low]


def _segments(session: Session, row: int) -> list[dict[str, Any]]:
    """Return where the stream bytes from the first chunk header to the last byte stand."""
    start = session.value(row, "stream_offset")
    end = session.value(row, "end_offset")
    return [
        {
            "stream_offset": span.stream_offset,
            "length": span.length,
            "file_offset": span.file_offset,
            "frame": span.frame,
        }
        for span in session.locate(row, "stream", start, end - start)
    ]
