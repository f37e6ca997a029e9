"""Comparisons of the display filter: operator and literal → `values.Test`."""

from __future__ import annotations

import ipaddress
import operator
import re
from collections.abc import Callable
from typing import Any, Final

import numpy as np

from analyzer.filters.lexer import FilterError
from analyzer.filters.patterns import SUBJECT_LIMIT, pattern
from analyzer.filters.syntax import Literal
from analyzer.filters.units import bits_per_second, nanoseconds
from analyzer.filters.values import Array, Mask, Test

_ORDER: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
}
_BOOLEANS: Final = {"true": True, "1": True, "false": False, "0": False}
SEVERITIES: Final = {"note": 1, "warning": 2, "warn": 2, "error": 3}
_SYNONYMS: Final = {"avc": "h264", "avc1": "h264", "h265": "hevc", "hvc1": "hevc", "h266": "vvc"}
_NS: Final = 1_000_000_000
_LARGEST: Final = 1 << 62
"""Beyond every column; larger numbers would not fit an int64."""


def folded(word: str) -> str:
    """Return a word of a vocabulary without what people spell differently."""
    plain = "".join(filter(str.isalnum, word)).casefold()
    return _SYNONYMS.get(plain, plain)


class NumberTest:
    """Compares numbers; `bounds` (inclusive) where a range or ``==`` is asked."""

    def __init__(self, name: str, number: int | float) -> None:
        self.compare = _ORDER[name]
        self.number = number
        if name == "eq":
            self.bounds = (number, number)

    def one(self, value: Any) -> bool:
        return isinstance(value, int | float) and bool(self.compare(value, self.number))

    def many(self, column: Array) -> Mask:
        return np.asarray(self.compare(column.astype(np.int64, copy=False), self.number), bool)


class RangeTest:
    """``in {low..high}`` over numbers."""

    def __init__(self, low: int | float, high: int | float) -> None:
        self.bounds = (low, high)

    def one(self, value: Any) -> bool:
        return isinstance(value, int | float) and self.bounds[0] <= value <= self.bounds[1]

    def many(self, column: Array) -> Mask:
        wide = column.astype(np.int64, copy=False)
        return np.asarray((wide >= self.bounds[0]) & (wide <= self.bounds[1]), bool)


class ValueTest:
    """A test that looks at one value at a time."""

    def __init__(self, passes: Callable[[Any], bool]) -> None:
        self.passes = passes

    def one(self, value: Any) -> bool:
        return value is not None and self.passes(value)

    def many(self, column: Array) -> Mask:
        return np.fromiter((self.passes(v) for v in column.tolist()), bool, len(column))


def number_of(text: str) -> int | float | None:
    """Read ``20``, ``0x14``, ``-1``, ``1.5``; None for anything else."""
    try:
        digits = text.lower().lstrip("+-")
        value: int | float
        if digits.startswith("0x"):
            value = int(text, 16)
        elif re.fullmatch(r"[0-9]{1,40}", digits):
            value = int(text)
        elif re.fullmatch(r"[0-9]{1,40}(\.[0-9]{0,40})?(e[+-]?[0-9]{1,3})?", digits):
            value = float(text)
        else:
            return None
    except (ValueError, OverflowError):
        return None
    return max(-_LARGEST, min(value, _LARGEST)) if isinstance(value, int) else value


class Comparer:
    """Makes tests for one field type; errors point at the literal in `text`."""

    def __init__(self, kind: str, text: str) -> None:
        self.kind = kind
        self.text = text

    def fail(self, message: str, literal: Literal) -> FilterError:
        return FilterError(message, self.text, literal.position, literal.length)

    def make(self, name: str, low: Literal, high: Literal | None = None) -> Test:
        """Return the test for an operator (``eq`` … ``matches``), or for a range low..high."""
        if name == "matches":
            self._needs_text(name, low)
            compiled = pattern(low, self.text)
            return ValueTest(
                lambda value: compiled.search(_text(value)[:SUBJECT_LIMIT]) is not None
            )
        if name == "contains":
            self._needs_text(name, low)
            return self._contains(low)
        maker = getattr(self, "_" + self.kind)
        test: Test = maker(name, low, low if high is None else high)
        return test

    def _needs_text(self, name: str, literal: Literal) -> None:
        if self.kind in _A:
            message = f"'{name}' needs a text field; this one is {_A[self.kind]}"
            raise self.fail(message, literal)

    def _contains(self, literal: Literal) -> Test:
        wanted = literal.text
        raw = self._bytes_of(literal)

        def holds(value: Any) -> bool:
            return raw in value if isinstance(value, bytes) else wanted in _text(value)

        return ValueTest(holds)

    def _bytes_of(self, literal: Literal) -> bytes:
        text = literal.text
        if not literal.quoted and re.fullmatch(r"(0x)?([0-9a-fA-F]{2}[:.-]?)+", text):
            return bytes.fromhex(re.sub(r"[:.-]", "", text.removeprefix("0x")))
        return text.encode("utf-8", "surrogatepass")

    def _integer(self, name: str, low: Literal, high: Literal) -> Test:
        numbers = []
        for literal in (low, high):
            number = number_of(literal.text)
            if number is None:
                raise self.fail("expected a number here", literal)
            numbers.append(number)
        return RangeTest(*numbers) if name == "range" else NumberTest(name, numbers[0])

    _number = _integer

    def _time(self, name: str, low: Literal, high: Literal) -> Test:
        hint = "expected seconds here, such as 1.25 or 250ms"
        return self._quantity(name, low, high, lambda text: nanoseconds(text, _NS), hint)

    def _duration(self, name: str, low: Literal, high: Literal) -> Test:
        hint = "expected a duration with its unit here, such as 2s or 100ms"
        return self._quantity(name, low, high, nanoseconds, hint)

    def _bitrate(self, name: str, low: Literal, high: Literal) -> Test:
        hint = "expected a bit rate here, such as 6M or 160k"
        return self._quantity(name, low, high, bits_per_second, hint)

    def _quantity(
        self,
        name: str,
        low: Literal,
        high: Literal,
        read: Callable[[str], int | float | None],
        hint: str,
    ) -> Test:
        numbers = []
        for literal in (low, high):
            number = read(literal.text)
            if number is None:
                raise self.fail(hint, literal)
            numbers.append(number)
        return RangeTest(*numbers) if name == "range" else NumberTest(name, numbers[0])

    def _connection(self, name: str, low: Literal, high: Literal) -> Test:
        parts = []
        for literal in (low, high):
            digits = literal.text.removeprefix("c")
            if not re.fullmatch(r"[0-9]{1,9}", digits):
                raise self.fail("expected a connection here, such as c0", literal)
            parts.append(Literal(digits, False, literal.position, literal.length))
        return self._integer(name, *parts)

    def _boolean(self, name: str, low: Literal, high: Literal) -> Test:
        wanted = _BOOLEANS.get(low.text.lower())
        if wanted is None or name not in ("eq", "ne"):
            raise self.fail("expected '== true' or '== false' here", low)
        return ValueTest(lambda value: _ORDER[name](bool(value), wanted))

    def _severity(self, name: str, low: Literal, high: Literal) -> Test:
        for literal in (low, high):
            if literal.text.lower() not in SEVERITIES:
                raise self.fail("expected note, warning or error here", literal)
        first, last = SEVERITIES[low.text.lower()], SEVERITIES[high.text.lower()]
        compare = _ORDER.get(name)

        def passes(value: Any) -> bool:
            rank = SEVERITIES.get(value, 0)
            return bool(compare(rank, first)) if compare else first <= rank <= last

        return ValueTest(passes)

    def _address(self, name: str, low: Literal, high: Literal) -> Test:
        try:
            if name in ("eq", "ne"):
                network = ipaddress.ip_network(low.text, strict=False)
                return ValueTest(lambda value: (_address(value) in network) == (name == "eq"))
            first, last = ipaddress.ip_address(low.text), ipaddress.ip_address(high.text)
        except ValueError:
            raise self.fail("expected an IP address here", low) from None
        compare = _ORDER.get(name)

        def passes(value: Any) -> bool:
            address: Any = _address(value)
            if address is None or address.version != first.version:
                return False
            return bool(compare(address, first) if compare else first <= address <= last)

        return ValueTest(passes)

    def _ipv4(self, name: str, low: Literal, high: Literal) -> Test:
        return self._of_family(4, name, low, high)

    def _ipv6(self, name: str, low: Literal, high: Literal) -> Test:
        return self._of_family(6, name, low, high)

    def _of_family(self, version: int, name: str, low: Literal, high: Literal) -> Test:
        test = self._address(name, low, high)
        for literal in (low, high):
            if ipaddress.ip_network(literal.text, strict=False).version != version:
                other = "ipv6" if version == 4 else "ip"
                hint = f"expected an IPv{version} address here; others are {other}.addr's"
                raise self.fail(hint, literal)
        return test

    def _bytes(self, name: str, low: Literal, high: Literal) -> Test:
        first, last = self._bytes_of(low), self._bytes_of(high)
        compare = _ORDER.get(name)
        return ValueTest(lambda v: bool(compare(v, first)) if compare else first <= v <= last)

    def _string(self, name: str, low: Literal, high: Literal) -> Test:
        compare = _ORDER.get(name)

        def passes(value: Any) -> bool:
            text = _text(value)
            return bool(compare(text, low.text)) if compare else low.text <= text <= high.text

        return ValueTest(passes)

    def _word(self, name: str, low: Literal, high: Literal) -> Test:
        """``H.264``, ``Sequence header`` and ``sequence_header`` are each one word."""
        if name not in ("eq", "ne"):
            raise self.fail("words have no order; compare words with == or !=", low)
        compare, wanted = _ORDER[name], folded(low.text)
        return ValueTest(lambda value: bool(compare(folded(_text(value)), wanted)))

    def _any(self, name: str, low: Literal, high: Literal) -> Test:
        """Numbers compare with numbers, booleans with true and false, all else as text."""
        text = self._string(name, low, high)
        numeric: Test | None = None
        if not low.quoted and number_of(low.text) is not None and number_of(high.text) is not None:
            numeric = self._integer(name, low, high)
        truth = None if low.quoted else _BOOLEANS.get(low.text.lower())

        def passes(value: Any) -> bool:
            if isinstance(value, bool):
                if truth is None or name not in ("eq", "ne"):
                    return name == "ne"
                return bool(_ORDER[name](value, truth))
            if isinstance(value, int | float):
                return numeric.one(value) if numeric is not None else name == "ne"
            return text.one(value)

        return ValueTest(passes)


_A: Final = {
    "integer": "a number",
    "number": "a number",
    "time": "a time",
    "duration": "a duration",
    "bitrate": "a bit rate",
    "boolean": "a truth value",
}


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("latin-1")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return ""  # an object is there, but it is no text
    return value if isinstance(value, str) else str(value)


def _address(value: Any) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(value)
    except ValueError:
        return None
