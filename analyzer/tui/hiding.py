"""A session that shows no secrets (`--redact`): placeholders wherever a text comes out of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from threading import RLock
from typing import TYPE_CHECKING, Any

import numpy as np

from analyzer.message_bytes import Body
from analyzer.model import Connection, Diagnostic
from analyzer.redact import Redactor
from analyzer.redaction.collect import extend
from analyzer.redaction.secrets import Secrets
from analyzer.session import Progress, Session
from analyzer.tui.byte_views import STAR
from dissectors.fields import Dissection, Field

if TYPE_CHECKING:
    from analyzer.metrics import Metrics
    from analyzer.rules import Judgement
    from dissectors.facts import Facts


class Hidden(Session):
    """The same session, seen through a redactor. What is computed is computed on the plain one,
    and state is shared: either may be asked at any time."""

    def __init__(self, plain: Session) -> None:
        self.__dict__ = plain.__dict__
        self._plain = plain
        self._hiding = RLock()
        self._redactor = Redactor(Secrets())
        self._searched = 0
        self._hidden_judgement: tuple[Judgement, Judgement] | None = None
        self._views: dict[int, tuple[Connection, Connection]] = {}

    @property
    def plain(self) -> Session:
        """The session that rules may look at."""
        return self._plain

    def redactor(self) -> Redactor:
        """Return the redactor, which knows the secrets of everything indexed so far."""
        with self._hiding:
            count = len(self.messages)
            if count > self._searched:
                rows = np.arange(max(self._searched, self.messages.first), count)
                self._searched = count
                if extend(self._redactor.secrets, self._plain, rows):
                    self._redactor.refresh()
                    for secret in self._redactor.secrets.whole.values():
                        self._redactor.placeholder(secret)  # numbered as they were sent
            return self._redactor

    def run(self, progress: Progress | None = None) -> None:
        self._plain.run(None if progress is None else lambda _: progress(self))

    # Texts

    @property
    def connections(self) -> list[Connection]:
        """The connections, each seen through the redactor."""
        plain: list[Connection] = self.__dict__["connections"]
        found = []
        for view in plain:
            known = self._views.get(id(view))
            if known is None or known[0] is not view:
                known = self._views[id(view)] = view, _Connection(self, view)
            found.append(known[1])
        return found

    @connections.setter
    def connections(self, found: list[Connection]) -> None:
        self.__dict__["connections"] = found

    def dissect(self, row: int) -> Dissection:
        found, redactor = self._plain.dissect(row), self.redactor()
        title, info = redactor.text(found.title), redactor.text(found.info)
        return Dissection(title, info, _field(found.body, redactor))

    def summary(self, row: int) -> tuple[str, dict[str, Any]] | None:
        found = self._plain.summary(row)
        return None if found is None else (found[0], self.redactor().summary(found[1]))

    def decoded_summary(self, row: int) -> tuple[str, dict[str, Any]] | None:
        found = self._plain.decoded_summary(row)
        return None if found is None else (found[0], self.redactor().summary(found[1]))

    @property
    def metrics(self) -> Metrics:
        return self._plain.metrics

    @property
    def judgement(self) -> Judgement:
        """What the rules say of the plain session, with placeholders."""
        said = self._plain.judgement
        if self._hidden_judgement is None or self._hidden_judgement[0] is not said:
            redactor = self.redactor()
            found = replace(
                said,
                diagnostics=[_diagnostic(item, redactor) for item in said.diagnostics],
                verdicts=[v._replace(text=redactor.text(v.text)) for v in said.verdicts],
            )
            self._hidden_judgement = said, found
        return self._hidden_judgement[1]

    # Bytes

    def body(self, row: int) -> Body:
        """Return the body with stars in place of secrets."""
        found = self._plain.body(row)
        data = bytearray(found.data)
        for start, length in self._spans(row, found.data):
            data[start : start + length] = bytes([STAR]) * len(data[start : start + length])
        return Body(bytes(data), found.missing)

    def hidden(self, row: int) -> Sequence[tuple[int, int]]:
        """Return (start, length) of the body's bytes that are not shown."""
        return self._spans(row, self._plain.body(row).data)

    def _spans(self, row: int, data: bytes) -> list[tuple[int, int]]:
        redactor = self.redactor()
        return redactor.hidden_bytes(data, redactor.unread(self._plain, row))


class _Connection(Connection):
    """A connection whose commands are seen through the redactor."""

    def __init__(self, session: Hidden, plain: Connection) -> None:
        self.__dict__ = plain.__dict__
        self._session = session
        self._plain = plain

    @property
    def facts(self) -> Facts:
        found, redactor = self._plain.facts, self._session.redactor()
        return replace(
            found,
            app=redactor.value(found.app),
            tc_url=redactor.value(found.tc_url),
            flash_ver=redactor.value(found.flash_ver),
            streams=[item._replace(name=redactor.text(item.name)) for item in found.streams],
        )


def _field(node: Field, redactor: Redactor) -> Field:
    """Return a tree with placeholders in labels, values and remarks."""
    return replace(
        node,
        label=redactor.text(node.label),
        value=redactor.value(node.value),
        experts=[item._replace(text=redactor.text(item.text)) for item in node.experts],
        children=[_field(child, redactor) for child in node.children],
    )


def _diagnostic(item: Diagnostic, redactor: Redactor) -> Diagnostic:
    texts = {name: redactor.value(getattr(item, name)) for name in ("text", "expected", "actual")}
    return replace(item, **texts)
