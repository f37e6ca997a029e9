"""Reading ahead in a process gives what reading here gives, exceptions included."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from analyzer import intake, prefetch
from analyzer.options import Options
from analyzer.session import Session
from tests.analyzer import wire
from tests.analyzer.rules import builder

ROOT = Path(__file__).parents[2]
CAPTURES = sorted((ROOT / "captures").glob("*/*.pcap*"))[::4]

forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have even small captures read by a process."""
    monkeypatch.setattr(intake, "LARGE", 0)
    monkeypatch.setattr(prefetch, "can_fork", lambda: True)


def columns(paths: list[str], most: int | None = None) -> dict[str, object]:
    session = Session(list(paths), Options(max_packets=most))
    session.run()
    rows = session.order()
    found: dict[str, object] = {
        name: session.messages.column(name)[rows].tolist()
        for name in ("connection", "time_ns", "first_frame", "stream_offset", "length", "flags")
    }
    found["bodies"] = [session.body(row).data for row in rows[:50].tolist()]
    found["capture"] = session.capture
    found["problems"] = session.captures.problems
    found["counters"] = session.link.counters
    session.close()
    return found


@forks
@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.stem)
def test_a_process_gives_the_same(path: Path, request: pytest.FixtureRequest) -> None:
    here = columns([str(path)])
    request.getfixturevalue("processes")
    assert columns([str(path)]) == here


@forks
def test_several_files_fragments_and_a_torn_end(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    whole = (ROOT / "captures/real/publish-play-nginx.pcap").read_bytes()
    first, second = tmp_path / "1.pcap", tmp_path / "2.pcap"
    first.write_bytes(whole)
    part = wire.tcp(b"\x03" + bytes(1536), flags=0x18)
    pieces = [
        wire.ethernet(wire.ip4(part[:800], fragment=0x2000, ident=7)),
        wire.ethernet(wire.ip4(part[800:], fragment=100, ident=7)),
    ]
    second.write_bytes(wire.pcap([(2 * 10**18 + n, data) for n, data in enumerate(pieces)])[:-3])
    paths = [str(first), str(second)]
    here, few = columns(paths), columns(paths, most=40)
    request.getfixturevalue("processes")
    assert columns(paths) == here and here["problems"]
    assert columns(paths[::-1]) == here  # the order is that of the times
    assert columns(paths, most=40) == few


def numbers(fail: BaseException | None = None) -> Iterator[object]:
    yield np.arange(3)
    yield "two"
    if fail is not None:
        raise fail


@forks
def test_items_and_exceptions_come_in_order() -> None:
    first, second = prefetch.Process(numbers())
    assert (first == np.arange(3)).all() and second == "two"  # type: ignore[attr-defined]
    came = []
    with pytest.raises(ValueError, match="torn"):
        came.extend(prefetch.Process(numbers(ValueError("torn"))))
        raise AssertionError(came)


def endless() -> Iterator[bytes]:
    while True:
        yield bytes(100_000)


@forks
def test_who_wants_no_more_leaves_no_process_behind() -> None:
    items = prefetch.Process(endless())
    next(iter(items))
    items.close()
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def killed() -> Iterator[bytes]:
    yield b"one"
    os.kill(os.getpid(), signal.SIGKILL)


@forks
@pytest.mark.usefixtures("processes")
def test_a_cancelled_session_leaves_no_process_behind() -> None:
    session = Session([str(ROOT / "captures/real/publish-play-nginx.pcap")], Options())
    session.run(lambda _: False)
    session.close()
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


@forks
def test_a_killed_process_is_told() -> None:
    with pytest.raises(MemoryError):
        list(prefetch.Process(killed()))


@pytest.mark.parametrize("ahead", [False, pytest.param(True, marks=forks)])
def test_of_a_cancelled_session_only_what_was_taken_counts(
    ahead: bool, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Reading is ahead of that: nobody was silent in the time that only the reader knows."""
    if ahead:
        request.getfixturevalue("processes")
    talk = builder.Talk().publishing()
    talk.send(builder.C, builder.metadata(), builder.avc_config(), builder.aac_config())
    first, second = tmp_path / "1.pcap", tmp_path / "2.pcap"
    first.write_bytes(builder.capture(talk.media(2)))
    after = wire.pcap([(900_000_000_000, wire.ethernet(wire.ip4(wire.tcp(b""))))] * 3)
    second.write_bytes(after)
    alone, cut = Session([str(first)]), Session([str(first), str(second)])
    alone.run()

    def stop(session: Session) -> bool:
        time.sleep(0.05)  # the reader goes on
        return False

    cut.run(stop)
    assert cut.cancelled and not alone.cancelled
    assert cut.packets == alone.packets
    assert cut.capture.duration_ns == alone.capture.duration_ns
    assert [item.rule for item in cut.diagnostics] == [item.rule for item in alone.diagnostics]
    assert "CAP-07" in {item.rule for item in cut.diagnostics}
    cut.close()
