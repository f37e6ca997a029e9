"""The thread that indexes, and the interface that waits for it."""

import time
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from analyzer.tui import loader as loading
from analyzer.tui.loader import Loader, Snapshot
from analyzer.tui.summary import found
from tests.analyzer.tui.fake import FakeSession


def until(passes: Callable[[], object]) -> None:
    end = time.monotonic() + 5
    while not passes() and time.monotonic() < end:
        time.sleep(0.001)


def started() -> tuple[FakeSession, Loader, list[Snapshot]]:
    session = FakeSession()
    session.batches = 3
    told: list[Snapshot] = []
    loader = Loader(session, told.append)  # type: ignore[arg-type]
    loader.start()
    until(lambda: told)
    return session, loader, told


def test_the_first_report_is_shown_before_indexing_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(loading, "PATIENCE", 60)
    session, loader, told = started()
    assert len(told) == 1 and not told[0].done
    assert len(told[0].order) == len(session.messages) == 10
    loader.seen()
    loader.join(5)
    assert session.done and told[-1].done and len(told[-1].order) == 30


def test_indexing_goes_on_though_nobody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "PATIENCE", 0)
    session, loader, told = started()
    loader.join(5)
    assert session.done and told[-1].done


def test_nobody_waits_while_the_rules_run() -> None:
    class Judging(SimpleNamespace):
        @property
        def diagnostics(self) -> list[object]:
            raise AssertionError("this takes as long as the rules do")

    assert found(Judging(done=True), done=False) == []  # type: ignore[arg-type]
