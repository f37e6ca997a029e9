"""Print how well the chunk reader finds its place again, over captures and generated streams.

Run: python tests/bench/resync_table.py [capture.pcap ...] [--trials N] [--seeds N] [--noise file …]
Without captures: those of this project. Then streams of many shapes, made by seeds; then the whole
program, with every packet dropped in turn and every number of first packets cut; then noise, which
must give no message.
"""

import argparse
import random
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from dissectors.reader import ChunkReader
from tests.analyzer import test_loss
from tests.dissectors.chunk_builder import Row
from tests.dissectors.resync_reader import read
from tests.dissectors.resync_shapes import SHAPES, shape
from tests.dissectors.resync_trials import SEGMENT, Tally, captured, synthetic, trial

CAPTURES = Path(__file__).parents[2] / "captures"
MODES = ("cut", "drop 1", "drop 5", "drop 50")
SHAPE_MODES = (*MODES, "bursts")
SHAPE_TRIALS = 4
"""Per seed and mode."""
FEWEST = 20
"""Messages a captured direction must have to be worth trials."""


def streams(paths: list[Path]) -> Iterator[tuple[str, str, bytes, list[Row], list[int]]]:
    """Yield (kind, name, stream, messages, segment starts)."""
    for name, data, rows in synthetic():
        yield "generated", name, data, rows, list(range(0, len(data), SEGMENT))
    for path in paths:
        for name, data, rows, starts in captured(path):
            if len(rows) >= FEWEST and len(starts) > 3:
                control = not any(row.type in (8, 9) for row in rows)
                yield "control" if control else "captured", name, data, rows, starts


def table(paths: list[Path], trials: int) -> None:
    """Cut and drop in the streams; one line per stream and mode, then the sums."""
    total: dict[tuple[str, str], Tally] = defaultdict(Tally)
    print(f"{'stream':42} mode     trials locked   recall     false  skipped mean / max   ms")
    for kind, name, data, rows, starts in streams(paths):
        rng = random.Random(name)
        for mode in MODES:
            tally, began = Tally(), time.process_time()
            for _ in range(trials):
                pieces, segments = trial(rng, mode, data, starts)
                out = read(pieces, synchronised=mode != "cut", segments=segments)
                for counted in (tally, total[kind, mode]):
                    counted.add(name, rows, pieces, out)
            spent = (time.process_time() - began) * 1000 / max(trials, 1)
            print(f"{name:42} {mode:8} {tally.row()}  {spent:6.1f}", flush=True)
            for example in tally.examples[:2]:
                print("      " + example[:300])
    for (kind, mode), tally in total.items():
        print(f"{'all ' + kind:42} {mode:8} {tally.row()}  of {tally.wanted} messages")


def shapes(seeds: int) -> None:
    """The same for streams made by seeds, one line per shape and mode."""
    total: dict[str, Tally] = defaultdict(Tally)
    for kind in SHAPES:
        tallies: dict[str, Tally] = defaultdict(Tally)
        for seed in range(seeds):
            name, data, rows, starts = shape(kind, seed)
            for mode in SHAPE_MODES:
                rng = random.Random(f"{name} {mode}")
                for _ in range(SHAPE_TRIALS):
                    pieces, segments = trial(rng, mode, data, starts)
                    out = read(pieces, synchronised=mode != "cut", segments=segments)
                    for tally in (tallies[mode], total[mode]):
                        tally.add(name, rows, pieces, out)
        for mode, tally in tallies.items():
            print(f"{'synthetic: ' + kind:42} {mode:8} {tally.row()}", flush=True)
            for example in tally.examples[:2]:
                print("      " + example[:300])
    for mode, tally in total.items():
        print(f"{'all synthetic':42} {mode:8} {tally.row()}  of {tally.wanted} messages")


def program() -> None:
    """Acceptance: each packet dropped in turn; the first packets cut, more and more of them."""
    for name in test_loss.NAMES:
        capture = test_loss.load(name)
        dropped = [step[0] for step in test_loss.drop_each(capture)]
        first = [loss for _, loss in test_loss.cut_first(capture)]
        for what, losses in (("each dropped", dropped), ("first cut", first)):
            wanted, got = sum(x.wanted for x in losses), sum(x.got for x in losses)
            false, unlocked = (
                sum(len(x.false) for x in losses),
                sum(len(x.unlocked) for x in losses),
            )
            print(
                f"{name:42} {what:13} {len(losses):5} runs, {got} of {wanted} "
                f"({100 * got / wanted:.3f} %), {false} false, {unlocked} not locked",
                flush=True,
            )


def noise(name: str, data: bytes) -> None:
    """Read what is no RTMP, on any port and on RTMP's own: as one stream, which is soon given up,
    and every MiB as a stream of its own.
    """
    for likely in (False, True):
        for size in (len(data), 1 << 20):
            began, messages = time.process_time(), 0
            for start in range(0, len(data), size):
                reader = ChunkReader(0, synchronised=False, rtmp_likely=likely)
                for at in range(start, start + size, 1 << 18):
                    reader.feed(data[at : min(at + (1 << 18), start + size)])
                reader.finish()
                messages += len(reader.take())
            spent = time.process_time() - began
            port = "port 1935" if likely else "other port"
            streams = f"{-(-len(data) // size)} streams"
            found = f"{len(data) >> 20} MiB, {messages} messages, {spent:.1f} s"
            print(f"{name:42} {port:10} {streams:10} {found}", flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("captures", nargs="*", type=Path)
    parser.add_argument("--trials", type=int, default=10)
    parser.add_argument("--seeds", type=int, default=3, help="streams per shape")
    parser.add_argument("--noise-mb", type=int, default=64)
    parser.add_argument("--noise", nargs="*", type=Path, default=[], help="MP4, TS, FLV, text …")
    options = parser.parse_args()
    paths = options.captures or sorted(CAPTURES.glob("[elr]*/*.pcap"))
    table(paths, options.trials)
    shapes(options.seeds)
    program()
    size = options.noise_mb << 20
    noise("random bytes", random.Random(1).randbytes(size))
    for path in options.noise:
        noise(path.name, path.read_bytes()[:size])


if __name__ == "__main__":
    main()
