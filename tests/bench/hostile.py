"""Print what each hostile capture costs: python tests/bench/hostile.py [attack ...]

Each runs in a process of its own: processor seconds, peak memory, exit code, `limits_hit`.
"""

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.test_hostile import CASES, EXITS, run

SECONDS, MEGABYTES = 2.0, 150


def main() -> int:
    chosen = [attack for attack in CASES if attack.__name__ in sys.argv[1:] or not sys.argv[1:]]
    print(f"{'attack':22}{'input MB':>9}{'CPU s':>7}{'MB':>5}{'exit':>5}  limits_hit")
    over = 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "hostile.bin"
        for attack in chosen:
            path.write_bytes(attack())
            size = path.stat().st_size / 1e6
            found = run(path)
            peak = found.memory >> 20
            good = found.seconds <= SECONDS and peak <= MEGABYTES and found.status in EXITS
            mark = "" if good else "  ← over, or broken"
            over += bool(mark)
            hit = ", ".join(found.report["summary"]["limits_hit"])
            print(
                f"{attack.__name__:22}{size:9.1f}{found.seconds:7.2f}{peak:5}{found.status:5}"
                f"  {hit}{mark}",
                flush=True,
            )
    print(f"{len(chosen)} attacks, {over} over {SECONDS} s or {MEGABYTES} MB or broken")
    return int(bool(over))


if __name__ == "__main__":
    sys.exit(main())
