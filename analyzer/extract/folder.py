"""The folder that files are extracted into: each has its name once it is whole."""

from __future__ import annotations

import io
import os
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, Self, TextIO

from analyzer.outputs import Draft


class Folder:
    """Files that are written together. What is not committed is dropped. Raises `OSError`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._drafts: dict[str, Draft] = {}
        self._texts: list[TextIO] = []
        self._stack = ExitStack()

    def open(self, name: str) -> BinaryIO:
        """Begin a file."""
        draft = Draft(str(self.path / name))
        self._stack.callback(draft.close)
        self._drafts[name] = draft
        return draft.file

    def open_text(self, name: str) -> TextIO:
        """Begin a file of text."""
        text = io.TextIOWrapper(self.open(name), encoding="utf-8", newline="\n")
        self._texts.append(text)
        return text

    def size(self, name: str) -> int:
        """Return the bytes of a file so far."""
        for text in self._texts:
            text.flush()
        file = self._drafts[name].file
        file.flush()
        return os.fstat(file.fileno()).st_size

    def drop(self, name: str) -> None:
        """Leave out a file that was begun."""
        self._drafts.pop(name).close()

    def commit(self) -> None:
        """Give all of them their names."""
        for text in self._texts:
            text.flush()
        for draft in self._drafts.values():
            draft.commit()
        self._drafts.clear()
        self._texts.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()
        self._drafts.clear()
        self._texts.clear()
