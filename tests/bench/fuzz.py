"""Fuzz for as long as wanted: python tests/bench/fuzz.py --minutes 30 --seed 1 --out DIR

Mutates every capture in captures/ and checks the invariants of tests/fuzz/invariants.py.
Same seed, same inputs. Crashers are minimised and written to DIR with their reason.
"""

from __future__ import annotations

import argparse
import random
import resource
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from tests.fuzz.invariants import TooSlow, check  # noqa: E402
from tests.fuzz.mutate import mutate  # noqa: E402
from tests.fuzz.seeds import Seed, load  # noqa: E402

MEMORY_STEP = 64 << 20
"""An input that raises the process's peak by so much is kept for a look."""

WARM_UP = 20
"""Inputs before the peak counts: the first ones load modules and fill caches."""


def seeds(smallest: int | None = None) -> list[Seed]:
    """Return the captures, the small ones first; `smallest`: only so many."""
    paths = sorted(
        (path for path in (ROOT / "captures").glob("*/*.pcap*")),
        key=lambda path: (path.stat().st_size, path.name),
    )
    return [load(path) for path in paths[:smallest]]


def failure(data: bytes, twice: bool) -> str | None:
    """Return what is wrong with the analysis of `data`: exception and innermost place."""
    try:
        check(data, twice=twice)
    except (Exception, TooSlow) as error:
        frames = traceback.extract_tb(error.__traceback__)
        own = [each for each in frames if "/site-packages/" not in each.filename]
        inner = own[-1] if own else frames[-1]
        place = f"{Path(inner.filename).name}:{inner.name}"
        if isinstance(error, TooSlow):
            place = ""
        return f"{type(error).__name__} {place} {str(error)[:80] if not place else ''}".strip()
    return None


def minimise(data: bytes, same: Callable[[bytes], bool], seconds: float = 60) -> bytes:
    """Cut out halves, quarters … as long as it fails in the same way."""
    end = time.monotonic() + seconds
    size = len(data) // 2
    while size and time.monotonic() < end:
        at = 0
        while at < len(data) and time.monotonic() < end:
            shorter = data[:at] + data[at + size :]
            if same(shorter):
                data = shorter
            else:
                at += size
        size //= 2
    return data


def peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("crashers"))
    options = parser.parse_args()
    pool = seeds()
    found: dict[str, int] = {}
    begun = time.monotonic()
    number, slowest, highest = 0, 0.0, peak()
    print(f"{len(pool)} captures, peak {highest >> 20} MB", flush=True)
    reported = begun
    while time.monotonic() - begun < 60 * options.minutes:
        data = mutate(pool, random.Random(f"{options.seed}/{number}"))
        started = time.process_time()
        reason = failure(data, twice=number % 8 == 0)
        spent = time.process_time() - started
        if spent > slowest:
            slowest = spent
            print(f"input {number}: {spent:.2f} s CPU for {len(data)} bytes", flush=True)
        if number <= WARM_UP:
            highest = peak()
        elif peak() > highest + MEMORY_STEP:
            highest = peak()
            reason = reason or f"memory {highest >> 20} MB"
        if reason:
            found[reason] = found.get(reason, 0) + 1
            print(f"input {number}: {reason}", flush=True)
            if found[reason] == 1:
                keep(options.out, f"{options.seed}-{number}", data, reason)
        number += 1
        if time.monotonic() - reported > 60:
            reported = time.monotonic()
            print(f"{(reported - begun) / 60:.0f} min, {number} inputs, {found}", flush=True)
    minutes = (time.monotonic() - begun) / 60
    print(
        f"{number} inputs in {minutes:.1f} minutes, slowest {slowest:.2f} s CPU, "
        f"peak {peak() >> 20} MB, {len(found)} kinds of failure"
    )
    for reason, count in sorted(found.items()):
        print(f"  {count:5}  {reason}")
    return int(bool(found))


def keep(folder: Path, name: str, data: bytes, reason: str) -> None:
    """Write a crasher, and a smaller one that fails in the same way."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.bin").write_bytes(data)
    (folder / f"{name}.txt").write_text(reason + "\n")
    if not reason.startswith(("TooSlow", "memory")):
        twice = "differ" in reason
        small = minimise(data, lambda part: failure(part, twice) == reason)
        (folder / f"{name}.min.bin").write_bytes(small)


if __name__ == "__main__":
    sys.exit(main())
