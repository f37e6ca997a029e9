"""What AMF0 and AMF3 share: limits per message, JSON forms of values, label texts."""

import math
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from dissectors.fields import Field
from dissectors.spec import MAX_AMF_DEPTH, MAX_AMF_NODES
from dissectors.text import LABEL_LIMIT, safe

MAX_AMF_PLUMBING: Final = 10_000
"""Values of one message whose markers and lengths get fields of their own. Real metadata has
a few dozen; in a huge array they would triple the memory and nobody reads them."""

MAX_AMF_EXPANSION: Final = 1 << 17
"""Bytes that resolved references of one message may repeat. A chain of arrays that each refer
twice to the one before doubles with every step; real messages repeat a few short strings."""

SPARING_VALUES: Final = 64
SPARING_BYTES: Final = 64
"""Where decoding is to be sparing: values of a message whatever its length, bytes that pay for one
more."""
SPARING_EXPANSION: Final = 256

FREE_EXPANSION: Final = 8 << 10
"""The same of a short message, beside eight times its length."""

HEX_LIMIT: Final = 256
"""Bytes of an AMF3 ByteArray shown in JSON; the field's span has all of them."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MONTHS: Final = (
    *("Jan", "Feb", "Mar", "Apr", "May", "Jun"),
    *("Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
)


class LimitReached(Exception):  # noqa: N818 — a limit, not a fault
    """A limit of `Budget` is used up. Caught where a message reader asked for the value."""

    def __init__(self, name: str, text: str, node: Field) -> None:
        super().__init__(text)
        self.name = name
        self.text = text
        self.node = node


class Budget:
    """What one message may cost: values, nesting and bytes repeated through references."""

    __slots__ = ("depth", "expanded", "most", "most_expanded", "nodes", "plumbing")

    def __init__(self, length: int | None = None, *, sparing: bool = False) -> None:
        """`length`: of the body, where it is known; `sparing`: decode what it pays for."""
        self.nodes = 0
        self.depth = 0
        self.expanded = 0
        self.most, self.most_expanded = MAX_AMF_NODES, MAX_AMF_EXPANSION
        if length is not None:
            self.most_expanded = min(MAX_AMF_EXPANSION, FREE_EXPANSION + 8 * length)
            if sparing:
                self.most, self.most_expanded = sparing_most(length), SPARING_EXPANSION
        self.plumbing = min(MAX_AMF_PLUMBING, self.most)

    def spend(self, node: Field) -> bool:
        """Count one value; return whether its marker and lengths get their own fields."""
        self.nodes += 1
        return self.nodes <= self.plumbing or self._over(node)

    def _over(self, node: Field) -> bool:
        if self.nodes > self.most:
            raise LimitReached("max_amf_nodes", f"more than {self.most} values", node)
        if self.nodes == MAX_AMF_PLUMBING + 1:
            text = f"more than {MAX_AMF_PLUMBING} values: markers and lengths not listed from here"
            node.note("plumbing_omitted", text)
        return False

    def enter(self, node: Field) -> None:
        """Go one level down; the caller subtracts 1 from `depth` when it is done."""
        self.depth += 1
        if self.depth > MAX_AMF_DEPTH:
            self.depth -= 1
            raise LimitReached("max_amf_depth", f"nested deeper than {MAX_AMF_DEPTH} levels", node)

    def expand(self, cost: int, node: Field) -> None:
        """Pay for repeating `cost` bytes through a reference."""
        self.expanded += cost
        if self.expanded > self.most_expanded:
            text = f"references repeat more than {self.most_expanded} bytes"
            raise LimitReached("max_amf_expansion", text, node)


def sparing_most(length: int, each: int = SPARING_BYTES) -> int:
    """Return how many values or parts of a body are decoded where that is to be sparing; `each`:
    bytes that pay for one.
    """
    return SPARING_VALUES + length // each


def truncated(limit: LimitReached, at: int) -> None:
    """Leave the visible trace of a limit at the field where decoding stopped, byte `at`."""
    limit.node.add("truncated", f"[truncated: {limit.text}]", limit.name, at)


_EXACT: Final = float(2**53)


def number(value: float) -> tuple[Any, str]:
    """Return an AMF number as JSON and as label text.

    JSON: an int where integral and exact, escapes for NaN and the infinities; the negative zero
    stays a double. Text: all digits of such an int, else 15 significant ones.
    """
    if value.is_integer():
        if -_EXACT <= value <= _EXACT:
            whole = int(value)
            if not whole and math.copysign(1.0, value) < 0:
                return value, "-0"
            return whole, str(whole)
    elif value != value:
        return {"$number": "NaN"}, "NaN"
    elif math.isinf(value):
        word = "Infinity" if value > 0 else "-Infinity"
        return {"$number": word}, word
    return value, f"{value:.15g}"


def undecodable() -> dict[str, Any]:
    """Return the JSON form of a value that began and could not be read: it is not AMF's Null."""
    return {"$amf": "undecodable"}


def pairs(items: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Return named values as a JSON object, or as ``{"$pairs": …}`` where a dict would lie."""
    listed = list(items)
    plain = dict(listed)
    if len(plain) == len(listed) and not any(name.startswith("$") for name in plain):
        return plain
    return {"$pairs": [[name, value] for name, value in listed]}


def hex_value(data: bytes) -> dict[str, Any]:
    """Return bytes in their JSON form."""
    return {"$hex": data[:HEX_LIMIT].hex(), "length": len(data)}


def decode_text(data: bytes, node: Field) -> str:
    """Return UTF-8 text; other encodings (GBK, Latin-1 occur) are replaced and noted."""
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        text = f"not UTF-8 from byte {error.start} on: {data[error.start : error.start + 8].hex()}"
        node.note("invalid_utf8", text)
        return data.decode("utf-8", "replace")


def date_text(ms: float) -> str:
    """Return a date as Wireshark shows it: ``Nov 14, 2023 22:13:20.000000000 UTC``."""
    try:
        whole = math.floor(ms)
        when = _EPOCH + timedelta(milliseconds=whole)
    except (OverflowError, ValueError):
        return f"{number(ms)[1]} ms"
    nanoseconds = when.microsecond * 1000 + int((ms - whole) * 1_000_000)
    clock = f"{when.hour:02}:{when.minute:02}:{when.second:02}.{nanoseconds:09}"
    return f"{_MONTHS[when.month - 1]} {when.day}, {when.year} {clock} UTC"


def explain(node: Field | None, name: str, label: str, value: Any = None) -> None:
    """Add a calculated line below a decoded value."""
    if node is None or not node.length:
        return
    if node.children:
        node.add(name, label, value)
    else:  # a leaf without plumbing keeps its bytes only while it has no children
        node.label += f" ({label})"


def properties(node: Field | None) -> list[tuple[str, Field]]:
    """Return the named properties below an AMF object or array, in wire order."""
    if node is None:
        return []
    found = []
    for child in node.children:
        if child.name == "property":
            for key in child.children[:2]:  # the name, and its length before it in AMF0
                if key.name == "name":
                    found.append((key.value, child))
    return found


def unquoted(text: str) -> str:
    """Return captured text safe for a label, without quotes."""
    if len(text) > LABEL_LIMIT:
        return f"{safe(text[:LABEL_LIMIT])}…"
    return safe(text)
