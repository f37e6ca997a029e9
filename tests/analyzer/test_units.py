"""Quantities with units in filters and assertions."""

import pytest

from analyzer.filters.units import bits_per_second, nanoseconds


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2s", 2_000_000_000),
        ("100ms", 100_000_000),
        ("1.5s", 1_500_000_000),
        ("250us", 250_000),
        ("250µs", 250_000),
        ("7ns", 7),
        ("2min", 120_000_000_000),
        ("1h", 3_600_000_000_000),
        ("-5ms", -5_000_000),
        ("0", 0),
        ("2", None),
        ("2 s", None),
        ("s", None),
        ("2S", None),
        ("1e3s", None),
        ("2x", None),
        ("9" * 21 + "s", None),
        ("9" * 20 + "h", 1 << 62),
    ],
)
def test_durations_need_a_unit(text: str, value: int | None) -> None:
    assert nanoseconds(text) == value


def test_where_seconds_are_meant_a_bare_number_is_taken() -> None:
    assert nanoseconds("1.25", 1_000_000_000) == 1_250_000_000
    assert nanoseconds("250ms", 1_000_000_000) == 250_000_000


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("6M", 6_000_000),
        ("6Mbps", 6_000_000),
        ("8.5Mbit/s", 8_500_000),
        ("160k", 160_000),
        ("160kb/s", 160_000),
        ("1500000", 1_500_000),
        ("300bps", 300),
        ("6Mi", None),
        ("fast", None),
    ],
)
def test_bit_rates(text: str, value: int | None) -> None:
    assert bits_per_second(text) == value
