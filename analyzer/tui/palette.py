"""The command palette's entries that have a name and a description: the views."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from textual.command import DiscoveryHit, Hit, Hits, Provider

from analyzer.tui.screens.base import Base
from analyzer.tui.screens.view import ViewScreen
from analyzer.tui.views import VIEWS, View

if TYPE_CHECKING:
    from textual.types import IgnoreReturnCallbackType


class ViewCommands(Provider):
    """Finds a view by its name, or by a word of its description."""

    async def discover(self) -> Hits:
        for item in self._views():
            yield DiscoveryHit(item.name, self._opening(item), help=_explained(item))

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for item in self._views():
            score = max(matcher.match(item.name), matcher.match(item.title))
            if score > 0:
                shown = matcher.highlight(item.name)
                yield Hit(score, shown, self._opening(item), item.name, _explained(item))

    def _views(self) -> tuple[View, ...]:
        """A dialog has no views to open."""
        return VIEWS if isinstance(self.screen, Base | ViewScreen) else ()

    def _opening(self, item: View) -> IgnoreReturnCallbackType:
        return partial(self.app.call_next, self.screen.run_action, f"view('{item.name}')")


def _explained(item: View) -> str:
    return f"{item.title} (key {item.key})"
