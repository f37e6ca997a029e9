"""The order of a capture that goes on is that of the whole, and what was handed out stays."""

import numpy as np
import pytest

from analyzer.index import COLUMNS, MessageTable
from analyzer.tui.listings.extras import Extras
from analyzer.tui.listings.order import Ordering
from analyzer.tui.picker import Picker, Request
from tests.analyzer.tui.fake import FakeSession


def extend(table: MessageTable, times: list[int]) -> None:
    count = len(table)
    values = {name: np.zeros(len(times), kind) for name, kind in COLUMNS.items()}
    index = np.arange(count, count + len(times))
    table.extend(values | {"time_ns": times, "index": index}, len(times))


@pytest.mark.parametrize(
    "batches",
    [
        [[1, 2], [3], [4, 5]],
        [[1, 5], [3, 2], [5, 4], [9]],
        [[5], [5, 5], [1], [5]],
    ],
)
def test_what_comes_is_put_in_its_place(batches: list[list[int]]) -> None:
    table, ordering = MessageTable(), Ordering()
    known = []
    for times in batches:
        extend(table, times)
        rows = ordering.of(table)
        assert rows.tolist() == table.order().tolist()
        known.append((rows, rows.tolist()))
    assert all(rows.tolist() == before for rows, before in known)


def test_many_rows_need_more_room() -> None:
    table, ordering = MessageTable(), Ordering()
    for start in range(0, 20_000, 700):
        extend(table, list(range(start, start + 700)))
        assert len(ordering.of(table)) == len(table)
    assert ordering.of(table).tolist() == list(range(len(table)))


def test_rows_that_were_forgotten_are_left_out() -> None:
    table, ordering = MessageTable(endless=True), Ordering()
    extend(table, [1, 2, 3, 4])
    ordering.of(table)
    table.retire(3, np.array([0]))
    extend(table, [5])
    assert ordering.of(table).tolist() == [0, 3, 4]


@pytest.mark.parametrize("connection", [None, 1])
def test_a_longer_listing_is_as_one_made_anew(connection: int | None) -> None:
    session = FakeSession(rows=3000)
    picker, ordering, extras = Picker(session), Ordering(), Extras([])  # type: ignore[arg-type]
    request = Request(connection=connection)
    for start in range(0, 3000, 1000):
        session._append(start, 1000)
        order = ordering.of(session.messages)
        listing = picker.pick(order, extras, request, lambda: False)
        fresh = Picker(session).pick(order, extras, request, lambda: False)  # type: ignore[arg-type]
        assert listing is not None and fresh is not None
        for each in (listing, fresh):
            each.prepare()
        assert listing.rows(0, len(listing)).tolist() == fresh.rows(0, len(fresh)).tolist()
        for name in listing.SHOWN:
            assert listing.width(name, True) == fresh.width(name, True), name
