"""Which values a filter field has in this capture, to complete what somebody types."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from analyzer.tui.data.selection import MAX_DECODED
from analyzer.tui.field_filter import literal

if TYPE_CHECKING:
    from analyzer.filters import FieldInfo
    from analyzer.session import Session

LOOKED_AT: Final = 400
"""Messages looked at where they must be decoded; of one type the first ones differ most."""
STEP: Final = 1 << 16
"""Rows of a column looked at between two looks at the clock."""
PATIENCE: Final = 0.04
"""Seconds: a person is typing."""
SHOWN: Final = 200
LONGEST: Final = 60
"""Characters of a value that is offered."""
FIXED: Final[dict[str, tuple[str, ...]]] = {
    "boolean": ("true", "false"),
    "severity": ("error", "warning", "note"),
}
"""Kinds of fields whose values are known without a capture."""


class _Seen:
    """A comparison that passes nothing and remembers what it was asked about."""

    def __init__(self) -> None:
        self.values: Counter[Any] = Counter()

    def one(self, value: Any) -> bool:
        if isinstance(value, str | int | float) and len(self.values) < SHOWN:
            self.values[value] += 1
        return False

    def many(self, column: np.ndarray) -> np.ndarray:
        found, counts = np.unique(column, return_counts=True)
        for value, count in zip(found[:SHOWN].tolist(), counts.tolist(), strict=False):
            self.values[value] += count
        return np.zeros(len(column), dtype=np.bool_)


class Values:
    """Answers by field name; what was found once is kept until more is indexed."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._known: dict[str, tuple[int, list[str]]] = {}

    def of(self, name: str) -> list[str]:
        """Return the values of a field as the filter writes them, the most frequent first."""
        from analyzer import filters

        field = next((item for item in filters.fields() if item.name == name), None)
        if field is None:
            return []
        if field.kind in FIXED:
            return list(FIXED[field.kind])
        count = len(self._session.messages)
        known = self._known.get(name)
        if known is None or known[0] != count:
            known = self._known[name] = count, self._look(field)
        return known[1]

    def _look(self, field: FieldInfo) -> list[str]:
        from analyzer.filters.values import View

        seen, end = _Seen(), time.monotonic() + PATIENCE
        rows = self._rows(field)
        step = 1 if field.origin == "body" else STEP
        for start in range(0, len(rows), step):
            field.values.any_match(View(self._session, rows[start : start + step]), seen)
            if time.monotonic() > end:
                break
        texts = [_text(field, value) for value, _ in seen.values.most_common()]
        return [text for text in texts if text is not None]

    def _rows(self, field: FieldInfo) -> np.ndarray:
        """Return the rows worth a look: all of a column, a few where bodies are decoded."""
        from analyzer.filters.summaries import ROOTS

        table = self._session.messages
        rows = table.present()
        if field.origin != "body":
            return rows
        rows = rows[table.column("length")[rows] <= MAX_DECODED]
        types = ROOTS.get(field.name.partition(".")[0])
        if types is not None:
            rows = rows[np.isin(table.column("type_id")[rows], types)]
        return rows[:LOOKED_AT]


def _text(field: FieldInfo, value: Any) -> str | None:
    if field.kind == "connection":
        return f"c{value}"
    if field.kind == "time" or isinstance(value, float) or len(str(value)) > LONGEST:
        return None
    return literal(value)
