"""Rows to show and places to go, without a screen."""

import numpy as np
import pytest

from analyzer.tui.cells import fit, rate, seconds
from analyzer.tui.listings.extras import Extras, Gatherer
from analyzer.tui.listings.messages import MessageListing
from analyzer.tui.model import SLICE, Target, parse_target, seek
from analyzer.tui.picker import Picker, Request, Sorting
from analyzer.tui.stream_places import row_at_file
from tests.analyzer.tui.fake import FakeSession
from tests.analyzer.tui.opened import TALK, capture


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("12", Target("number", 12)),
        (" f34 ", Target("frame", 34)),
        ("frame 34", Target("frame", 34)),
        ("c0.s2c.3", Target("id", "c0.s2c.3")),
        ("+1.5", Target("time", 1_500_000_000)),
        ("+2s", Target("time", 2_000_000_000)),
        ("@0x1F0", Target("offset", 0x1F0)),
        ("@12", Target("offset", 12)),
        ("#0x1f0", Target("file offset", 0x1F0)),
        ("#0", Target("file offset", 0)),
        ("0x1EF0", Target("offset", 0x1EF0)),
        ("0x", None),
        ("@012", None),
        ("-1", None),
        ("", None),
        ("9" * 50, None),
    ],
)
def test_parse_target(text, target):
    assert parse_target(text) == target


@pytest.mark.parametrize("start", [0, 5, SLICE, 3 * SLICE])
def test_seek_both_ways_over_slices(start):
    rows = MessageListing(FakeSession(0), np.arange(4 * SLICE))
    wanted = {1, SLICE - 1, SLICE, 2 * SLICE + 7, 4 * SLICE - 1}

    def test(part):
        return np.isin(part, list(wanted))

    assert seek(rows, start, 1, test) == min((w for w in wanted if w > start), default=None)
    assert seek(rows, start, -1, test) == max((w for w in wanted if w < start), default=None)


class Odd:
    decodes = False

    def __init__(self):
        self.seen = 0

    def rows(self, session, rows):
        self.seen += len(rows)
        return rows[rows % 2 == 1]


def test_picker_judges_each_row_once_while_they_arrive():
    session = FakeSession(100)
    session.run(lambda s: True)
    picker, odd, none = Picker(session), Odd(), Extras([])
    first = picker.pick(np.arange(60), none, Request(row_filter=odd), lambda: False)
    both = picker.pick(np.arange(100), none, Request(connection=1, row_filter=odd), lambda: False)
    assert first.numbers.tolist() == list(range(1, 60, 2))
    assert both.numbers.tolist() == list(range(1, 100, 2))  # connection 1 has the odd rows
    assert odd.seen == 100
    assert picker.pick(np.arange(100), none, Request(row_filter=Odd()), lambda: True) is None


@pytest.mark.parametrize("name", ["time", "conn", "csid", "type", "timestamp", "length", "info"])
@pytest.mark.parametrize("reverse", [False, True])
def test_sorting_keeps_the_capture_order_of_equal_rows(name, reverse):
    session = FakeSession(60)
    session.run(lambda s: True)
    listing = Picker(session).pick(
        np.arange(60), Extras([]), Request(sorting=Sorting(name, reverse)), lambda: False
    )
    source = {"time": "time_ns", "conn": "connection", "type": "type_id"}.get(name, name)
    keys = [
        session.info(row) if name == "info" else session.value(row, source) for row in range(60)
    ]
    assert listing.numbers.tolist() == sorted(range(60), key=keys.__getitem__, reverse=reverse)


def test_a_byte_of_the_file_belongs_to_its_message():
    session = capture(TALK)
    session.run()
    for row in range(0, len(session.messages), 40):
        spans = session.locate(row, "stream", session.value(row, "stream_offset"), 1)
        assert row_at_file(session, spans[0].file_offset) == row
    first = row_at_file(session, 0)  # the file's own header is nobody's
    assert session.info(first) == "connect('live')"
    assert row_at_file(session, session.capture.size) is None


def test_only_messages_are_numbered():
    session = capture(TALK)
    session.run()
    listing = MessageListing(
        session, np.array([-1, -2, 0, 1, -3, 2, -4]), Gatherer().gather(session)
    )
    numbers = [listing.number(line) for line in range(len(listing))]
    assert numbers == [None, None, 1, 2, None, 3, None] and listing.total == 3
    assert [listing.numbered(number) for number in range(5)] == [None, 2, 3, 5, None]


def test_differences_fit_their_column_in_any_order():
    session = capture(TALK)
    session.run()
    for sorting in (Sorting(), Sorting("length")):
        listing = Picker(session).pick(session.order(), Extras([]), Request(sorting=sorting),
                                       lambda: False)  # fmt: skip
        width = listing.width("delta", True)
        cells = [listing.cell("delta", line)[0] for line in range(len(listing))]
        assert max(map(len, cells)) == width
        assert any(cell.startswith("-") for cell in cells) == (sorting.column == "length")


def test_cells():
    assert fit("abc", 5) == "abc  " and fit("abc", 5, right=True) == "  abc"
    assert fit("abcdef", 4) == "abc…" and fit("日本語", 4) == "日 …"
    assert fit("\x1b", 1) == "␛" and fit("x", 0) == ""
    assert seconds(1_042_661_000) == "1.042661" and seconds(-5_000_000, 3) == "-0.005"
    assert [rate(n) for n in (12, 1500, 2_500_000)] == ["12", "2k", "2.5M"]
