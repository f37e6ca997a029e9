"""Print what each hostile capture costs: python tests/bench/hostile.py [attack ...]

Each runs in a process of its own: indexing and the summary, then every message as a line, as
JSON and as a tree. Seconds by the clock and of the processor, peak memory; messages a second of
the processor, beyond what indexing took.
"""

import re
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.test_hostile import CASES, EXITS, Run, measure, run

SECONDS, MEGABYTES = 2.0, 150
FORMS = (("list", "-F", "list"), ("json", "--json"), ("tree", "--tree"))
MANY = 2_000
"""Messages from which on a rate says something."""


def main() -> int:
    chosen = [attack for attack in CASES if attack.__name__ in sys.argv[1:] or not sys.argv[1:]]
    print(f"{'attack':20}{'MB':>7}  {'index: wall':>11}{'CPU s':>7}{'MB':>5}{'exit':>5}", end="")
    print("".join(f"  | {form:4} wall   CPU   MB  msg/s" for form, *_ in FORMS) + "  limits_hit")
    over = 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "hostile.bin"
        for attack in chosen:
            path.write_bytes(attack())
            found = run(path)
            peak = found.memory >> 20
            good = found.seconds <= SECONDS and peak <= MEGABYTES and found.status in EXITS
            print(
                f"{attack.__name__:20}{path.stat().st_size / 1e6:7.1f}  {found.wall:11.2f}"
                f"{found.seconds:7.2f}{peak:5}{found.status:5}",
                end="",
                flush=True,
            )
            for _, *words in FORMS:
                text, fine = outputs(path, found, words)
                print(text, end="", flush=True)
                good = good and fine
            print(f"  {', '.join(found.limits)}{'' if good else '  ← over, or broken'}", flush=True)
            over += not good
    print(f"{len(chosen)} attacks, {over} over {SECONDS} s (index) or {MEGABYTES} MB, or broken")
    return int(bool(over))


def outputs(path: Path, indexed: Run, words: list[str]) -> tuple[str, bool]:
    """Write one output; return its columns, and whether it kept within memory."""
    status, wall, seconds, memory, _ = measure(path, *words, "-o", str(path.with_suffix(".out")))
    messages = sum(int(n.replace(",", "")) for n in re.findall(r": ([\d,]+) message", indexed.text))
    spent = seconds - indexed.seconds
    rate = f"{messages / spent:7.0f}" if messages >= MANY and spent > 0.1 else "      -"
    text = f"  | {wall:9.2f}{seconds:6.2f}{memory >> 20:5}{rate}"
    return text, status == indexed.status and memory >> 20 <= MEGABYTES


if __name__ == "__main__":
    sys.exit(main())
