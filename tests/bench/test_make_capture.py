"""The capture that the benchmark reads holds what its maker says."""

from pathlib import Path

import pytest

from tests import unchunker
from tests.bench.make_capture import make


@pytest.mark.parametrize(("mtu", "chunk_size"), [(1500, 128), (9000, 4096), (65536, 60000)])
def test_the_oracle_counts_what_was_written(tmp_path: Path, mtu: int, chunk_size: int) -> None:
    made = make(tmp_path / "made.pcap", 2_000_000, mtu, chunk_size)
    assert made.bytes >= 2_000_000
    assert unchunker.complete(tmp_path / "made.pcap") == made.by_type


def test_the_same_options_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        make(tmp_path / name, 300_000)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
