"""Ctrl-C and its like at any moment: an end at once, nothing left behind, defined exit codes."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from analyzer import interrupt
from analyzer.prefetch import in_thread
from tests.analyzer import talk

ROOT = Path(__file__).parents[2]
SIGNALS = [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]


@pytest.fixture(autouse=True)
def nobody_asked() -> Iterator[None]:
    interrupt._asked.clear()
    yield
    interrupt._asked.clear()


def start(code: str, *words: object) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, words)], cwd=ROOT, capture_output=True, timeout=60
    )


@pytest.mark.parametrize(("number", "exit_code"), SIGNALS)
@pytest.mark.parametrize("words", [("--json",), ("check", "--json"), ("redact",), ("extract",)])
def test_no_draft_and_no_word_is_left(
    tmp_path: Path, number: int, exit_code: int, words: tuple[str, ...]
) -> None:
    """A signal while an output is open: before it is whole, and while it gets its name."""
    (tmp_path / "in.pcap").write_bytes(talk.pcap(talk.publish(), talk.answer()))
    out = tmp_path / "out"
    out.mkdir()
    target = out if words == ("extract",) else out / "report"
    code = f"""
import os, sys
from analyzer import __main__, outputs
def commit(self):
    os.kill(os.getpid(), {number})
    raise AssertionError("still there")
outputs.Draft.commit = commit
sys.argv[0] = "rtmp-analyze"
sys.exit(__main__.main())
"""
    done = start(code, *words, tmp_path / "in.pcap", "-o", target)
    assert (done.returncode, done.stderr, list(out.iterdir())) == (exit_code, b"", [])


def test_a_signal_after_all_is_written_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "in.pcap"
    path.write_bytes(talk.pcap(talk.publish(), talk.answer()))
    code = """
import os, signal, sys
from analyzer import __main__
code = __main__.main()
os.kill(os.getpid(), signal.SIGTERM)
sys.exit(code)
"""
    done = start(code, "-F", "summary", path)
    assert (done.returncode, done.stderr) == (0, b"") and b"publish" in done.stdout


@pytest.mark.parametrize(("number", "_"), SIGNALS)
def test_the_first_signal_stops_an_endless_input(number: int, _: int) -> None:
    before = signal.getsignal(number)
    seen: list[int] = []
    with interrupt.stopping(lambda: seen.append(1)):
        signal.raise_signal(number)
        signal.raise_signal(number)  # `timeout -s INT` sends its own twice
    assert seen == [1] and signal.getsignal(number) is before


def test_nohup_is_respected() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with interrupt.stopping(lambda: None):
            signal.raise_signal(signal.SIGHUP)
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_second_ctrl_c_ends_the_program() -> None:
    code = """
import os, signal, sys, time
from analyzer import interrupt
interrupt.remains.add(lambda: print("swept", flush=True))
with interrupt.stopping(lambda: print("stops", flush=True)):
    signal.raise_signal(signal.SIGINT)
    interrupt._asked[0] -= 2 * interrupt.AGAIN_S
    signal.raise_signal(signal.SIGINT)
    print("goes on")
"""
    done = start(code)
    assert (done.returncode, done.stdout.split()) == (130, [b"stops", b"swept"])


def test_a_signal_is_put_off_until_it_is_known_what_to_end() -> None:
    seen: list[str] = []
    before = signal.signal(signal.SIGTERM, lambda *_: seen.append("signal"))
    try:
        with interrupt.held():
            signal.raise_signal(signal.SIGTERM)
            seen.append("begun")
    finally:
        signal.signal(signal.SIGTERM, before)
    assert seen == ["begun", "signal"]


def test_no_lock_stays_taken() -> None:
    """An exception from a signal handler anywhere in the loop over items made in a thread."""

    class Stopped(BaseException):
        pass

    def stop(*_: object) -> None:
        raise Stopped

    before = signal.signal(signal.SIGALRM, stop)
    try:
        for number in range(200):
            signal.setitimer(signal.ITIMER_REAL, 2e-4 + number * 2e-6)
            with pytest.raises(Stopped):
                for _ in in_thread(count()):
                    pass
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_the_reading_process_leaves_signals_to_its_parent() -> None:
    code = """
import os, signal, sys
from analyzer.prefetch import Process
def items():
    yield [signal.getsignal(number) is signal.SIG_IGN for number in (2, 15, 1)]
print(list(Process(items())), signal.pthread_sigmask(signal.SIG_BLOCK, []))
"""
    if sys.platform == "linux":
        assert start(code).stdout.decode().split() == ["[[True,", "True,", "True]]", "set()"]
