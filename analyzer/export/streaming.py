"""Messages written while the capture runs: the list, the tree and NDJSON.

They come in the order in which they were found; what was found together is sorted. What only the
end can tell follows at the end: in NDJSON the connections, the findings and the capture's figures.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TextIO

import numpy as np

from analyzer.export import listing, report, tree
from analyzer.export.request import Request
from analyzer.index import Array
from analyzer.outputs import finish
from analyzer.redact import Redactor
from analyzer.redaction.collect import extend
from analyzer.redaction.secrets import Secrets
from analyzer.session import Session

FORMATS: Final = ("list", "tree", "ndjson")


class Streamer:
    """Writes what is new after each batch; `finish` writes the rest."""

    def __init__(self, form: str, out: TextIO, request: Request, redacted: bool) -> None:
        self._form = form
        self._out = out
        self._request = request
        if redacted:
            request.redactor = Redactor(Secrets())
        self._seen = 0
        self._messages = 0
        self._begun = False
        self._greeted: set[int] = set()
        self._write: Callable[[Session, Array], None] = {
            "list": self._list,
            "tree": self._tree,
            "ndjson": self._lines,
        }[form]

    def __call__(self, session: Session) -> bool:
        """Write the messages found since the last call."""
        if not self._begun and session.packets:
            self._begin(session)
        seen, self._seen = self._seen, len(session.messages)
        rows = session.messages.sorted(np.arange(seen, self._seen))
        if not len(rows):
            return True
        redactor = self._request.redactor
        if redactor is not None and extend(redactor.secrets, session, rows):
            redactor.refresh()  # before anything of these rows is shown
        if self._request.filter is not None:
            rows = self._request.filter.rows(session, rows)
        self._write(session, rows)
        self._messages += len(rows)
        self._out.flush()
        return True

    def finish(self, session: Session) -> None:
        """Write what only the end can tell."""
        self(session)
        if not self._begun:
            self._begin(session)
        if self._form == "list":
            listing.write_problems(session, self._out, self._request)
        elif self._form == "ndjson":
            report.write_end(session, self._out, self._request, self._messages, streamed=True)
        finish(self._out)

    def _begin(self, session: Session) -> None:
        self._begun = True
        if self._form == "list":
            listing.write_titles(self._out, self._request, listing.STREAMED)
        elif self._form == "ndjson":
            report.write_header(session, self._out, self._request)

    def _list(self, session: Session, rows: Array) -> None:
        listing.write_rows(session, self._out, self._request, rows, listing.STREAMED)

    def _tree(self, session: Session, rows: Array) -> None:
        tree.write_rows(session, self._out, self._request, rows, self._greeted, not self._messages)

    def _lines(self, session: Session, rows: Array) -> None:
        if self._request.detail != "summary":
            report.write_messages(session, self._out, self._request, rows)
