"""What is kept of a value over time when there is more than a screen can show."""

import numpy as np

from analyzer.tcp.samples import MAX_SAMPLES, greatest, least


def test_few_values_are_kept_as_they_came():
    found = greatest()
    for time, value in ((1, 5), (3, 2), (2, 9)):
        found.add(time, value)
    found.extend(np.array([4, 5]), np.array([0, 1]))
    times, values = found.columns()
    assert times.tolist() == [1, 3, 2, 4, 5] and values.tolist() == [5, 2, 9, 0, 1]


def test_many_are_thinned_and_the_extreme_stays_at_its_time():
    values = np.full(10 * MAX_SAMPLES + 1, 100)
    values[12_345], values[23_456] = 900, 3
    for samples, extreme, at in ((greatest(), 900, 12_345), (least(), 3, 23_456)):
        samples.extend(np.arange(len(values)), values)
        for time in range(len(values), len(values) + 7):
            samples.add(time, 100)
        times, kept = samples.columns()
        assert len(samples) == len(kept) <= MAX_SAMPLES and (np.diff(times) > 0).all()
        assert times[kept == extreme].tolist() == [at]
        assert times[-1] == len(values) + 6
