"""Streams of many habits, cut and with losses (RTMP 1.0 §5.3): found again, nothing invented."""

import random

import pytest

from tests.dissectors.resync_reader import read
from tests.dissectors.resync_shapes import SHAPES, shape
from tests.dissectors.resync_trials import Tally, trial

MODES = ("cut", "drop 1", "drop 5", "bursts")


@pytest.mark.parametrize("kind", SHAPES)
def test_shape(kind: str) -> None:
    name, data, rows, starts = shape(kind, 1)
    tally = Tally()
    for mode in MODES:
        rng = random.Random(f"{name} {mode}")
        for _ in range(2):
            pieces, segments = trial(rng, mode, data, starts)
            out = read(pieces, synchronised=mode != "cut", segments=segments)
            tally.add(name, rows, pieces, out)
    assert tally.false == 0, tally.examples
    assert tally.locked == tally.trials, tally.examples
    assert tally.got >= 0.995 * tally.wanted, tally.examples
