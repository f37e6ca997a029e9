"""Print how well `dissectors.resync` locks again: cuts and losses over known streams.

Run: python tests/bench/resync_table.py [trials] [capture.pcap ...]
"""

import random
import sys
import time
from collections import defaultdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.dissectors.resync_reader import PlainReader
from tests.dissectors.resync_trials import (
    SEGMENT,
    Tally,
    captured,
    cut,
    drop,
    synthetic,
)


def main() -> None:
    """Measure and print."""
    trials = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    streams = [
        (name, data, rows, list(range(0, len(data), SEGMENT))) for name, data, rows in synthetic()
    ]
    for path in map(Path, sys.argv[2:]):
        streams += captured(path)
    total: dict[str, Tally] = defaultdict(Tally)
    print(f"{'stream':34} mode     trials locked   recall    false  skipped mean / max   ms")
    for name, data, rows, starts in streams:
        rng = random.Random(name)
        for mode in ("cut", "drop 1", "drop 5", "drop 50"):
            tally, began = Tally(), time.process_time()
            for _ in range(trials):
                if mode == "cut":
                    pieces, segments = cut(rng, data, starts)
                    reader = PlainReader(pieces, segments=segments)
                else:
                    pieces, segments = drop(rng, data, starts, int(mode.split()[1]))
                    reader = PlainReader(pieces, chunk_size=128, segments=segments)
                out = reader.read()
                for counted in (tally, total[mode]):
                    counted.add(name, rows, pieces, out)
            spent = (time.process_time() - began) * 1000 / max(trials, 1)
            print(f"{name:34} {mode:8} {tally.row()}  {spent:6.1f}")
            for example in tally.examples[:2]:
                print("      " + example[:300])
    for mode, tally in total.items():
        print(f"{'all':34} {mode:8} {tally.row()}")


if __name__ == "__main__":
    main()
