"""Helpers for message body tests: AMF0 writers, dissecting, tree text."""

import json
import struct

from dissectors.context import Context
from dissectors.dissect import dissect_body
from dissectors.fields import Dissection, Field


def utf8(text: str, width: int = 2) -> bytes:
    raw = text.encode()
    return len(raw).to_bytes(width, "big") + raw


def string(text: str) -> bytes:
    return b"\x02" + utf8(text)


def num(value: float) -> bytes:
    return b"\x00" + struct.pack(">d", value)


def obj(*items: tuple[str, bytes], marker: bytes = b"\x03") -> bytes:
    return marker + b"".join(utf8(key) + value for key, value in items) + b"\0\0\x09"


def ecma(*items: tuple[str, bytes]) -> bytes:
    return obj(*items, marker=b"\x08" + len(items).to_bytes(4, "big"))


NULL = b"\x05"


def dissect(type_id: int, body: bytes, **context: object) -> Dissection:
    """Dissect and check what holds for every input: leaves tile the body, JSON-ready values."""
    context.setdefault("type_id", type_id)
    found = dissect_body(type_id, body, Context(**context))  # type: ignore[arg-type]
    assert_tiles(found.body, len(body))
    json.dumps(found.body.value, allow_nan=False)
    return found


def assert_tiles(root: Field, size: int) -> None:
    """The leaf spans cover the body exactly, in order, and nothing leaves its parent."""
    position = 0
    spans = sorted({(f.start, f.length) for f in root.leaves() if f.length})
    for start, length in spans:
        assert start == position, f"leaf at {start}, expected {position}"
        position += length
    assert position == size


def lines(root: Field, plumbing: bool = False) -> list[str]:
    """The tree as text, one line per shown field, four spaces per level, experts included."""
    out: list[str] = []

    def show(node: Field, depth: int) -> None:
        out.append("    " * depth + node.label)
        out.extend("    " * (depth + 1) + f"[{e.severity.name}: {e.code}]" for e in node.experts)
        for child in node.children:
            if plumbing or not child.plumbing:
                show(child, depth + 1)

    show(root, 0)
    return out


def codes(root: Field) -> list[str]:
    """The codes of all expert notes in tree order."""
    return [expert.code for node in root.walk() for expert in node.experts]
