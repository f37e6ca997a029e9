"""Which columns the list has: the terminal's width decides, and somebody's choice."""

import pytest

from analyzer.tui.picker import Sorting
from analyzer.tui.state import State
from analyzer.tui.widgets.messages import HARDLY, MessageList
from tests.analyzer.tui.fake import FakeSession
from tests.analyzer.tui.screen import press, run, settle

ALL = ("no", "time", "delta", "frame", "conn", "dir", "csid", "msid", "type", "timestamp",
       "dts", "pts", "length", "chunks", "fmt", "offset")  # fmt: skip


class Slow(FakeSession):
    """Messages `seconds` apart."""

    def __init__(self, seconds: float, rows: int = 30) -> None:
        super().__init__(rows)
        self._apart = seconds

    def _append(self, first: int, count: int) -> None:
        super()._append(first, count)
        times = self.messages.column("time_ns")
        times[first : first + count] = times[first : first + count] / 1_000_000 * self._apart * 1e9


def header(app):
    """The titles, without the arrow of sorting, and the line they stand in."""
    line = app.main.messages.render_line(0).text
    return line.translate(str.maketrans("▴▾", "  ")).split(), line


def shown(session, size):
    found = []

    async def use(app, pilot):
        found.append(header(app)[0])

    run(session, use, size)
    return found[0]


@pytest.mark.parametrize("size", [(60, 24), (80, 24), (100, 30), (120, 40), (200, 50)])
def test_the_length_of_a_capture_changes_no_column(size):
    sets = [shown(Slow(seconds), size) for seconds in (0.001, 0.35, 5, 473.5)]
    assert all(columns == sets[0] for columns in sets)


def test_sorting_and_filtering_move_no_column():
    async def use(app, pilot):
        titles, line = header(app)
        at = {title: line.index(title) for title in titles}
        for sorting in ("time", "length", "csid", "dir"):
            for reverse in (False, True):
                app.main.sort(Sorting(sorting, reverse))
                await settle(pilot)
                now, line = header(app)
                assert now == titles and {title: line.index(title) for title in now} == at
        app.main.set_filter("type_id == 20")
        await settle(pilot)
        assert header(app)[0] == titles

    run(Slow(1.5), use)


def test_a_long_capture_has_fewer_decimals_and_all_its_columns():
    async def use(app, pilot):
        assert header(app)[0][:4] == ["no", "time", "Δ", "frame"]
        cells = app.main.messages.render_line(3).text.split()
        assert cells[:3] == ["3", "947.000", "473.5000"]  # of 947.000000 and 473.500000

    run(Slow(473.5), use)


def test_chosen_columns_leave_info_its_cells_and_the_rest_scrolls_in():
    async def use(app, pilot):
        pane = app.main.messages
        titles, line = header(app)
        assert 80 - line.index("info") >= HARDLY - 1 and line.rstrip().endswith("›info")
        seen = set(titles)
        for _ in ALL:
            line = header(await press_and_app(pilot, "right"))[1]
            seen |= set(line.split())
        assert line.startswith("‹") and "offset" in line and "›" not in line
        assert {pane.listing.COLUMNS[name].title for name in ALL} <= seen
        for _ in ALL:
            line = header(await press_and_app(pilot, "left"))[1]
        assert line.split() == titles
        await press(pilot, "c", "d", "enter")
        await press(pilot, "right")
        assert "‹" not in header(app)[1]

    run(FakeSession(), use, (80, 24), remembered=State(columns={"message": list(ALL)}))


async def press_and_app(pilot, key):
    await press(pilot, key)
    return pilot.app


@pytest.mark.parametrize("unit", ["chunk", "segment"])
def test_what_stays_in_wire_order_is_not_offered_to_be_sorted(unit):
    from tests.analyzer.tui.opened import TALK, capture

    async def use(app, pilot):
        app.main.sort(Sorting("time", True))
        await settle(pilot)
        app.main.set_unit(unit)
        await settle(pilot)
        assert "▾" not in header(app)[1]
        screen = await press(pilot, "c", "j", "s", "r")
        assert "s r sort" not in screen and "] ▴" not in screen and "] ▾" not in screen
        screen = await press(pilot, "d", "enter")
        assert "wire order" not in screen
        app.main.set_unit("message")
        await settle(pilot)
        assert "time▾" in header(app)[1] and isinstance(app.focused, MessageList)

    run(capture(TALK), use)
