"""Rows to show and places to go, without a screen."""

import numpy as np
import pytest

from analyzer.tui.cells import fit, rate, seconds
from analyzer.tui.model import SLICE, Picker, Target, parse_target, seek
from tests.analyzer.tui.fake import FakeSession


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
        ("-1", None),
        ("", None),
        ("9" * 50, None),
    ],
)
def test_parse_target(text, target):
    assert parse_target(text) == target


@pytest.mark.parametrize("start", [0, 5, SLICE, 3 * SLICE])
def test_seek_both_ways_over_slices(start):
    rows = np.arange(4 * SLICE)
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
    picker, odd = Picker(session), Odd()
    first = picker.pick(np.arange(60), None, odd, lambda: False)
    both = picker.pick(np.arange(100), 1, odd, lambda: False)
    assert first.tolist() == list(range(1, 60, 2))
    assert both.tolist() == list(range(1, 100, 2))  # connection 1 has the odd rows
    assert odd.seen == 100
    assert picker.pick(np.arange(100), None, Odd(), lambda: True) is None


def test_cells():
    assert fit("abc", 5) == "abc  " and fit("abc", 5, right=True) == "  abc"
    assert fit("abcdef", 4) == "abc…" and fit("日本語", 4) == "日 …"
    assert fit("\x1b", 1) == "␛" and fit("x", 0) == ""
    assert seconds(1_042_661_000) == "1.042661" and seconds(-5_000_000, 3) == "-0.005"
    assert [rate(n) for n in (12, 1500, 2_500_000)] == ["12", "2k", "2.5M"]
