"""A short seeded run of the fuzzer, and the inputs that once failed; `tests/bench/fuzz.py` runs on.

Everything here is decided by the seed: a failure comes again.
"""

import random
from pathlib import Path

import pytest

from tests.fuzz.invariants import check
from tests.fuzz.mutate import mutate
from tests.fuzz.seeds import Seed, load

ROOT = Path(__file__).parents[1]
CORPUS = sorted((ROOT / "tests" / "corpus").iterdir())
SMALLEST = 10
"""Captures mutated: large ones belong to the long run."""
INPUTS = 4


@pytest.fixture(scope="module")
def seeds() -> list[Seed]:
    paths = sorted(
        (ROOT / "captures").glob("*/*.pcap*"), key=lambda path: (path.stat().st_size, path.name)
    )
    return [load(path) for path in paths[:SMALLEST]]


@pytest.mark.parametrize("seed", range(10))
def test_whatever_is_changed_the_invariants_hold(seed: int, seeds: list[Seed]) -> None:
    for number in range(INPUTS):
        check(mutate(seeds, random.Random(f"ci/{seed}/{number}")), twice=number == 0)


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.name)
def test_what_once_failed(path: Path) -> None:
    check(path.read_bytes(), twice=True)
