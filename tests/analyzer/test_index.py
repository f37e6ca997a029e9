"""The table of messages: columns as wide as their values need."""

from collections.abc import Iterator

import numpy as np
import pytest

from analyzer.index import COLUMNS, NARROW, Array, MessageTable


def rows(count: int, **values: object) -> dict[str, object]:
    return {name: np.zeros(count, kind) for name, kind in COLUMNS.items()} | values


@pytest.mark.parametrize("endless", [False, True])
def test_values_stay_when_a_column_gets_wider(endless: bool) -> None:
    table = MessageTable(endless)
    given = [7, 255, 256, 0xFFFF, 0x10000, 0xFFFFFFFF, 1]
    widths = []
    for value in given:
        table.extend(rows(700, length=[value] * 700, csid=np.full(700, value)), 700)
        widths.append(table.column("length").itemsize)
    assert widths == [1, 1, 2, 2, 4, 4, 4]
    for name in ("length", "csid"):
        assert table.column(name)[::700].tolist() == given
        assert table.value(name, 699) == given[0]


def test_a_view_keeps_what_it_showed() -> None:
    table = MessageTable()
    table.extend(rows(3, msid=[1, 2, 3]), 3)
    before = table.column("msid")
    table.extend(rows(5000, msid=[70_000] * 5000), 5000)
    assert before.tolist() == [1, 2, 3]
    assert table.column("msid")[:4].tolist() == [1, 2, 3, 70_000]


def test_blocks_are_all_rows_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analyzer.index.BLOCK", 8)
    table = MessageTable(endless=True)
    for _ in range(3):
        table.extend(rows(10, type_id=np.arange(10)), 10)
    assert np.concatenate(list(table.blocks())).tolist() == list(range(30))
    assert table.of_types(3, 4).tolist() == [3, 4, 13, 14, 23, 24]
    table.retire(20, np.array([3, 7]))
    assert np.concatenate(list(table.blocks())).tolist() == table.present().tolist()
    assert table.of_types(3, 4).tolist() == [3, 23, 24]


def test_rows_may_come_while_one_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A view reads the table while another thread adds to it."""
    table = MessageTable()
    table.extend(rows(10, type_id=[9] * 10), 10)
    blocks = table.blocks

    def meanwhile() -> Iterator[Array]:
        table.extend(rows(5, type_id=[9] * 5), 5)
        yield from blocks()

    monkeypatch.setattr(table, "blocks", meanwhile)
    assert len(table.of_types(9)) == 15


def test_narrow_columns_exist() -> None:
    assert {"length", "csid", "msid", "chunks"} <= NARROW & COLUMNS.keys()
