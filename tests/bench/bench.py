"""Our time against tshark's and tcpdump's: python tests/bench/bench.py [--mb 200] [capture …]

Every tool reads the same files, one after another, round by round; the table shows medians. Wall
and CPU seconds (user and system, children included) and the peak resident set of the process.
Without captures it makes its own, one per MTU and chunk size. `--json` compares what it takes to
write every field of every message as JSON: --mb 30 is enough.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from make_capture import make

ROOT = Path(__file__).parents[2]
INDEX = [
    sys.executable, "-c",
    "import sys; from analyzer.__main__ import hasten; hasten();"
    "from analyzer.start import start; from analyzer.options import Options;"
    "start([sys.argv[1]], Options()).run()",
    "{file}",
]  # fmt: skip
"""All message rows, as tshark's run gives them."""
OURS = [
    sys.executable, "-m", "analyzer", "{file}", "-F", "ndjson", "--detail", "summary",
    "-o", "/dev/null",
]  # fmt: skip
"""The rows, the media's statistics, and what all rules say."""
TSHARK = [
    "tshark", "-r", "{file}", "-o", "rtmpt.max_packet_size:16777215",
    "-o", "tcp.reassemble_out_of_order:TRUE", "-Y", "rtmpt",
    "-T", "fields", "-e", "rtmpt.header.typeid",
]  # fmt: skip
TCPDUMP = ["tcpdump", "-n", "-r", "{file}", "-w", "/dev/null"]
OURS_JSON = [
    sys.executable, "-m", "analyzer", "{file}", "--json", "--detail", "fields", "--no-redact",
    "-q", "-o", "/dev/null",
]  # fmt: skip
TSHARK_JSON = ["tshark", "-r", "{file}", "-o", "rtmpt.max_packet_size:16777215", "-T", "json"]
TOOLS = {"index": INDEX, "with findings": OURS, "tshark": TSHARK, "tcpdump": TCPDUMP}
JSON_TOOLS = {
    "rtmp-analyze": OURS_JSON,
    "tshark": TSHARK_JSON,
    "tshark -Y": [*TSHARK_JSON, "-Y", "rtmpt"],
}
"""Every field of every body, as JSON."""
Tools = dict[str, list[str]]
VARIANTS = [
    (200, 1500, 4096),
    (1000, 1500, 4096),
    (200, 1500, 128),
    (200, 1500, 60000),
    (200, 9000, 4096),
    (200, 65536, 60000),
]
"""Size in MB, MTU and chunk size of the captures made here."""
STARTS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "--help": [sys.executable, "-m", "analyzer", "--help"],
    "smallest capture": [sys.executable, "-m", "analyzer", "{file}", "-F", "list"],
}
STARTED = 15
"""Starts are short and vary: the median of so many."""


class Cost(NamedTuple):
    """Seconds and bytes of one run; `status` is the exit code."""

    wall: float
    cpu: float
    peak: float
    status: int


def measure(command: list[str]) -> Cost:
    """Run a command to its end, its output thrown away."""
    null = os.open(os.devnull, os.O_RDWR)
    start = time.perf_counter()
    actions = [(os.POSIX_SPAWN_DUP2, null, stream) for stream in (0, 1, 2)]
    program = shutil.which(command[0]) or command[0]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    child = os.posix_spawn(program, command, environment, file_actions=actions)
    _, status, usage = os.wait4(child, 0)
    wall = time.perf_counter() - start
    os.close(null)
    peak = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return Cost(wall, usage.ru_utime + usage.ru_stime, peak, os.waitstatus_to_exitcode(status))


def compare(path: Path, rounds: int, tools: Tools) -> dict[str, Cost]:
    """Medians per tool over interleaved rounds; the worst exit code stays visible."""
    costs: dict[str, list[Cost]] = {tool: [] for tool in tools}
    for _ in range(rounds):
        for tool, parts in tools.items():
            command = [part.replace("{file}", str(path)) for part in parts]
            costs[tool].append(measure(command))
    return {
        tool: Cost(
            statistics.median(run.wall for run in runs),
            statistics.median(run.cpu for run in runs),
            max(run.peak for run in runs),
            max((run.status for run in runs), key=abs),
        )
        for tool, runs in costs.items()
    }


def show(title: str, costs: dict[str, Cost]) -> None:
    """Print one table; the ratios are the others' cost over the first one's."""
    base = next(iter(costs.values()), None)
    print(f"\n{title}\n{'tool':14}{'wall s':>9}{'CPU s':>9}{'peak MB':>9}{'x wall':>8}{'x CPU':>8}")
    for tool, cost in costs.items():
        ratio = "" if base is None else f"{cost.wall / base.wall:8.2f}{cost.cpu / base.cpu:8.2f}"
        failed = f"  exit {cost.status}" if cost.status else ""
        print(f"{tool:14}{cost.wall:9.2f}{cost.cpu:9.2f}{cost.peak / 1e6:9.0f}{ratio}{failed}")


def show_json(path: Path, messages: int) -> None:
    """Print how fast the JSON report is written, reading included."""
    command = [*OURS[:4], "--json", "-q", "-o", "/dev/null"]
    cost = measure([part.replace("{file}", str(path)) for part in command])
    print(f"--json: {cost.wall:.2f} s, {messages / cost.wall:,.0f} messages/s, reading included")


def show_starts() -> None:
    """Print what starting costs: an interpreter, our help, the smallest capture."""
    smallest = min((ROOT / "captures").glob("*/*.pcap"), key=lambda path: path.stat().st_size)
    print("\nstart, median wall s")
    for name, command in STARTS.items():
        parts = [part.replace("{file}", str(smallest)) for part in command]
        wall = statistics.median(measure(parts).wall for _ in range(STARTED))
        print(f"{name:18}{wall:7.3f}")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("captures", nargs="*", type=Path)
    parser.add_argument("--mb", type=float, help="size of all captures made here")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="compare --detail fields instead")
    options = parser.parse_args()
    wanted = JSON_TOOLS if options.json else TOOLS
    tools = {tool: command for tool, command in wanted.items() if shutil.which(command[0])}
    for missing in sorted(set(wanted) - set(tools)):
        print(f"{missing} is not installed: left out", file=sys.stderr)
    for path in options.captures:
        costs = compare(path, options.rounds, tools)
        show(f"{path.name}, {path.stat().st_size / 1e6:.1f} MB", costs)
    if options.captures:
        return 0
    with tempfile.TemporaryDirectory() as scratch:
        for mb, mtu, chunk in VARIANTS[:1] if options.json else VARIANTS:
            path = Path(scratch) / "bench.pcap"
            made = make(path, int((options.mb or mb) * 1e6), mtu, chunk)
            title = f"MTU {mtu}, chunk size {chunk}: {made}"
            show(title, compare(path, options.rounds, tools))
            if (mb, mtu, chunk) == VARIANTS[0]:
                show_json(path, made.messages)
    show_starts()
    return 0


if __name__ == "__main__":
    sys.exit(main())
