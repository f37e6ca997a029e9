"""The filter: typed, or made from the selected field."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from analyzer.tui.field_filter import combine, expression
from analyzer.tui.screens.hidings import Hidings

if TYPE_CHECKING:
    from analyzer.tui.widgets.prompt import Problem


ASKED, OFFERED = 3, 8
"""Fields whose values are told where nothing passes, and values of each."""


class Filtering(Hidings):
    """The main screen's filter actions."""

    def problem(self, text: str) -> Problem | None:
        """Say what is wrong with a filter, and where."""
        from analyzer import filters

        try:
            filters.compile(text)
        except filters.FilterError as error:
            return error.message, error.position, error.length
        return None

    def doubt(self, text: str) -> Problem | None:
        """Say why a valid filter can pass nothing, and where."""
        from analyzer.filters.doubts import doubt

        found = doubt(text)
        return None if found is None else (found.message, found.position, found.length)

    def values_asked_for(self, text: str) -> list[str]:
        """Return what the fields of a filter have in this capture, a line each."""
        from analyzer.filters.doubts import compared

        found = {name: self.prompt.completion.values(name) for name in compared(text)[:ASKED]}
        return [
            f"{name} is here: {', '.join(values[:OFFERED])}{' …' if len(values) > OFFERED else ''}"
            if values
            else f"no message here has {name}"
            for name, values in found.items()
        ]

    def set_filter(self, text: str) -> None:
        """Apply a filter; an empty one clears. An invalid one opens the prompt."""
        text = text.strip()
        self.aim = None
        if text and self.problem(text):
            self.prompt.open("filter", text)
            return
        self.prompt.remember("filter", text)
        self.filter_text = text
        self.row_filter = None
        if text:
            from analyzer import filters

            self.row_filter = filters.compile(text)
        self.pick()
        self.bars()

    def _passes(self, text: str) -> bool:
        """Say whether a filter is valid and passes the message that is shown."""
        from analyzer import filters

        if self.details.row is None or self.details.row < 0:
            return False
        try:
            rows = np.array([self.details.row], dtype=np.int64)
            return len(filters.compile(text).rows(self.session, rows)) > 0
        except filters.FilterError:
            return False

    def action_filter(self) -> None:
        self.prompt.open("filter", self.filter_text)

    def field_expression(self) -> str | None:
        """Return the selected field as a filter; None where the filter has no name for it."""
        self.catch_up()
        nodes = self.tree_pane.ancestors_and_field()
        text = expression(nodes, self._passes)
        row = self.messages.row
        if text is None and row is not None and 0 < len(nodes) < 3:
            text = f"type_id == {self.session.value(row, 'type_id')}"
        return text

    def action_apply(self, how: str) -> None:
        text = self.field_expression()
        if text is None:
            self.say("the filter has no field for this line")
            return
        self.set_filter(combine(self.filter_text, text, how))
        self.say(f"filter: {self.filter_text}")
