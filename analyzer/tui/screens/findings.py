"""Findings by severity, each with its evidence and what to try."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual import on
from textual.binding import BindingType
from textual.widget import Widget

from analyzer.tui.data.findings import Item, details, items, row_of
from analyzer.tui.keys import key
from analyzer.tui.screens.computed import ComputedView, own
from analyzer.tui.views import Jump
from analyzer.tui.widgets.findings import DetailPane, FindingList
from analyzer.tui.widgets.lines import Lines


class FindingsScreen(ComputedView):
    """A list above, the finding under its cursor explained below."""

    NAME = "findings"
    WHOLE = True
    BINDINGS: ClassVar[list[BindingType]] = own(
        key("enter", "go", "Go to the evidence", "evidence", show="Enter"),
        key("tab", "app.focus_next", "The other pane", "pane", show="Tab"),
    )
    DEFAULT_CSS = """
    FindingsScreen #finding-list { height: 1fr; }
    FindingsScreen #detail { height: 1fr; max-height: 16; }
    FindingsScreen.-small #finding-list:blur, FindingsScreen.-tiny #finding-list:blur,
    FindingsScreen.-small #detail:blur, FindingsScreen.-tiny #detail:blur {
        height: 0; border: none;
    }
    """
    AUTO_FOCUS = "#finding-list"

    def content(self) -> Iterable[Widget]:
        self._chosen = None  # all of them, whatever connection one came from
        self.list = FindingList(id="finding-list")
        self.detail = DetailPane(id="detail")
        yield self.list
        yield self.detail

    def nothing_to_show(self) -> bool:
        """A capture without RTMP can be damaged, too."""
        known = self.snapshot.findings.total if self.snapshot is not None else 0
        return not known and super().nothing_to_show()

    def compute(self, connection: int | None) -> list[Item]:
        return items(self.session, connection)

    def shown(self, data: object) -> None:
        assert isinstance(data, list)
        done = self.snapshot is not None and self.snapshot.done
        self.list.empty = (
            ["No findings: nothing that was looked at is wrong."]
            if done
            else ["Findings are made when the whole capture is read …"]
        )
        self.list.show(data)
        self.list.set_title("Findings")
        self._explain()

    def empty(self, lines: list[str]) -> None:
        self.list.empty = lines
        self.list.show([])
        self.detail.show([])

    @on(Lines.Moved, "#finding-list")
    def _explain(self) -> None:
        item = self.list.item
        found = item.finding if item else None
        self.detail.show(details(self.session, found) if found else [])
        self.detail.set_title(found.rule if found else "")

    def row_here(self) -> int | None:
        item = self.list.item
        message = item.finding.message if item and item.finding else None
        return row_of(self.session, message) if message else self.focus_at.row

    @on(Lines.Chosen)
    def action_go(self) -> None:
        """Go to the evidence: of the finding, or of the place under the cursor below."""
        item = self.list.item
        if item is None or item.finding is None:
            return
        if self.focused is self.detail and self.detail.message:
            self.dismiss(Jump(row_of(self.session, self.detail.message)))
        elif item.finding.message or item.finding.frame is not None:
            self.dismiss(Jump(diagnostic=item.finding))
        elif item.finding.connection:
            self.dismiss(Jump(connection=int(item.finding.connection[1:])))
        else:
            self.say("this finding is about the capture as a whole")
