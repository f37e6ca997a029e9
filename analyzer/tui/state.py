"""What is remembered from one run to the next (XDG Base Directory Specification)."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Final

MAX_FILE: Final = 1 << 20
"""A longer file was not written by us."""
RECENT: Final = 10
NAME: Final = Path("rtmp-analyze", "tui.json")


@dataclass
class State:
    """Habits, and nothing of the capture but what somebody typed."""

    theme: str = ""
    layout: str = ""
    shares: dict[str, int] = field(default_factory=dict)
    """Lines and cells given to a pane beyond its share."""
    columns: dict[str, list[str]] = field(default_factory=dict)
    """Chosen columns by the listing's unit."""
    history: dict[str, list[str]] = field(default_factory=dict)
    """What was typed, by prompt."""
    recent: list[str] = field(default_factory=list)
    """Captures opened last, the latest first."""

    def opened(self, paths: Sequence[str]) -> None:
        """Remember that captures were opened."""
        self.recent = list(dict.fromkeys([*paths, *self.recent]))[:RECENT]


def path() -> Path:
    """Return where the state lives: ``$XDG_STATE_HOME/rtmp-analyze/tui.json``."""
    base = os.environ.get("XDG_STATE_HOME", "")
    # A relative path is invalid and must be ignored.
    root = Path(base) if base.startswith("/") else Path("~/.local/state").expanduser()
    return root / NAME


def load(file: Path) -> State:
    """Read the state; whatever is not what was written counts as absent."""
    try:
        if file.stat().st_size > MAX_FILE:
            return State()
        found = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return State()
    state = State()
    if isinstance(found, dict):
        for item in fields(State):
            value = found.get(item.name)
            if _fits(item.name, value):
                setattr(state, item.name, value)
    return state


def _fits(name: str, value: Any) -> bool:
    if name in ("theme", "layout"):
        return isinstance(value, str)
    if name == "recent":
        return isinstance(value, list) and all(isinstance(text, str) for text in value)
    if not isinstance(value, dict):
        return False
    if name == "shares":
        return all(isinstance(item, int) for item in value.values())
    return all(
        isinstance(item, list) and all(isinstance(text, str) for text in item)
        for item in value.values()
    )


def save(file: Path, state: State) -> None:
    """Write the state for its owner alone; where that fails nothing is remembered."""
    text = json.dumps(asdict(state), indent=1)
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        part = file.with_name(f"{file.name}.{os.getpid()}")
        part.touch(mode=0o600)
        part.write_text(text, "utf-8")
        part.replace(file)
    except OSError:
        return
