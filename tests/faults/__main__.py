"""Record sessions of real programs and judge them: python -m tests.faults FOLDER [scenario ...]

Needs what captures/record.py needs: root on Linux, nginx, ffmpeg and so on. A scenario whose
program is missing is skipped and named. With --read nothing is recorded, only read and judged.
Exit code 1 where a clean session has a warning, or a fault is not the first cause, not named, or
not found at its time.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path

from analyzer.session import Session

sys.path.insert(0, str(Path(__file__).parents[2] / "captures"))
from lab import Lab
from peers import Bench

from tests.faults.judge import first_cause
from tests.faults.scenarios import CLEAN, FAULTS, Scenario

ROW = "{:27} {:36} {:12} {:8} {:9} {:9} {}"


def record(name: str, scenario: Scenario, options: argparse.Namespace) -> str | None:
    """Run one scenario in a fresh network; say why it gave nothing."""
    target = Path(options.folder) / f"{name}.pcap"
    with tempfile.TemporaryDirectory(prefix="rtmp-faults-") as scratch:
        try:
            with Lab(Path(scratch), scenario.cable) as lab:
                bench = Bench(lab, Path(scratch), target.parent, options.new_ffmpeg, options.nms)
                scenario.record(bench, target)
        except FileNotFoundError as missing:
            return f"skipped: no {missing}"
        except (RuntimeError, subprocess.SubprocessError, OSError):
            return "FAILED\n" + traceback.format_exc()
    return None


def judged(name: str, scenario: Scenario, path: Path) -> tuple[bool, str]:
    """Return whether a recording is judged as it should be, and its row of the table."""
    session = Session([str(path)])
    session.run()
    verdict, lead = first_cause(session)
    rule = lead.rule if lead else "-"
    blame = (lead.blame if lead else None) or "-"
    good = (rule, blame) == (scenario.cause or "-", scenario.blame or "-")
    good = good and scenario.says in (lead.text if lead else "")
    if scenario.at is not None and lead is not None:
        good = good and abs((lead.time_ns or 0) / 1e9 - scenario.at) < 1
    status = verdict.status if verdict else "no RTMP"
    row = ROW.format(name, scenario.peers[:36], status, blame, rule, scenario.cause or "-",
                     "ok" if good else "NOT OK")  # fmt: skip
    return good, row


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests.faults", description=(__doc__ or "").split(":")[0])
    parser.add_argument("folder", help="where the recordings go")
    parser.add_argument("scenario", nargs="*", help="default: all of them")
    parser.add_argument("--read", action="store_true", help="judge what is there, record nothing")
    parser.add_argument("--new-ffmpeg", default="", help="an ffmpeg that speaks Enhanced RTMP")
    parser.add_argument("--node-media-server", dest="nms", type=Path, help="an npm folder")
    options = parser.parse_args()
    table = CLEAN | FAULTS
    names = options.scenario or list(table)
    if unknown := set(names) - set(table):
        parser.error(f"no such scenario: {', '.join(sorted(unknown))}")
    if not options.read and os.geteuid() != 0:
        parser.error("needs root: it makes network namespaces")
    folder = Path(options.folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name in () if options.read else names:
        problem = record(name, table[name], options)
        print(f"{name}: {problem or 'recorded'}", file=sys.stderr, flush=True)
    print(ROW.format("session", "peers", "verdict", "blame", "cause", "expected", ""))
    wrong = 0
    recorded = [name for name in names if (folder / f"{name}.pcap").exists()]
    for name in recorded:
        good, row = judged(name, table[name], folder / f"{name}.pcap")
        wrong += not good
        print(row, flush=True)
    print(f"{len(recorded)} sessions, {wrong} judged wrongly")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
