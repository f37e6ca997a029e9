"""Several captures read as one: their order, and what becomes of those that cannot be read."""

import gzip
import os
import random
import struct
import zipfile
from collections.abc import Callable
from itertools import permutations
from pathlib import Path

import pytest

from analyzer import cli, merging
from analyzer.captures import CaptureSet
from analyzer.options import Options
from analyzer.session import Session
from analyzer.sources import Reading, SourceError, as_written, open_capture
from tests.analyzer import talk, wire

FRAMES = [(10**18 + 10**6 * number, random.Random(number).randbytes(90)) for number in range(500)]
DATA = wire.pcap(FRAMES, nanoseconds=True)
LATER = wire.pcap([(time + 10**9, frame) for time, frame in FRAMES], nanoseconds=True)


def zipped(path: Path, members: dict[str, bytes]) -> str:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return str(path)


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_set_is_read_in_the_order_of_its_times(
    tmp_path: Path, pack: Callable[[bytes], bytes]
) -> None:
    """However it is given: by name, by hand, and from an archive."""
    names = ("b.pcap", "a.pcap", "c.pcap")
    parts = [wire.pcap(FRAMES[at : at + 10]) for at in (0, 10, 20)]
    for name, part in zip(names, parts, strict=True):
        (tmp_path / name).write_bytes(pack(part))
    archive = zipped(tmp_path / "x.zip", dict(zip(names, parts, strict=True)))
    given = [[str(tmp_path / name) for name in order] for order in permutations(names)]
    for paths in (*given, [archive]):
        session = Session(paths)
        session.run()
        read = [name.rpartition("/")[2] for name in session.capture.name.split(", ")]
        assert (read, session.packets) == ([*names], 30) and not session.captures.problems
        session.close()


def test_a_pipe_keeps_its_place_in_a_set(tmp_path: Path) -> None:
    """Nothing more than its head is there when the order is decided."""
    for name, part in (("1", FRAMES[:10]), ("2", FRAMES[10:20])):
        (tmp_path / name).write_bytes(wire.pcap(part))
    out, into = os.pipe()
    os.write(into, wire.pcap(FRAMES[20:21])[:30])
    with os.fdopen(out, "rb", buffering=0) as pipe:
        given = [str(tmp_path / "2"), pipe, str(tmp_path / "1")]
        captures = CaptureSet(given, Reading(live=True))
        assert [file.name[-1] for file in captures.files][::2] == ["1", "2"]
        assert captures.files[1].name not in ("1", "2")
        os.write(into, wire.pcap(FRAMES[20:21])[30:])
        os.close(into)
        assert sum(len(batch) for batch in captures.batches()) == 21
        assert not captures.problems  # a few milliseconds do not count
        captures.close()


def test_packets_without_a_time_leave_a_set_as_it_was_given(tmp_path: Path) -> None:
    simple = wire.block(3, struct.pack("<I", 60) + bytes(60))
    data = wire.section() + wire.interface() + simple
    for name in "ab":
        (tmp_path / name).write_bytes(data)
    captures = CaptureSet([str(tmp_path / name) for name in "ba"])
    assert sum(len(batch) for batch in captures.batches()) == 2
    assert [file.name for file in captures.files] == ["b", "a"] and not captures.problems
    captures.close()


def test_what_cannot_be_read_of_a_set_is_left_out(tmp_path: Path) -> None:
    whole = talk.CAPTURES / "real/publish-play-nginx.pcap"
    (tmp_path / "notes.txt").write_text("no capture at all, but some text")
    (tmp_path / "torn.pcap").write_bytes(DATA[:10])
    names = [str(tmp_path / name) for name in ("notes.txt", "torn.pcap", "gone.pcap")]
    session = Session([names[0], str(whole), *names[1:]])
    session.run()
    assert session.packets == 1233 and len(session.captures.left_out) == 3
    found = [item.text for item in session.diagnostics if item.rule == "CAP-13"]
    assert len(found) == 3 and all(text.endswith("left out") for text in found)
    session.close()
    with pytest.raises(SourceError, match=r"notes.txt: not a pcap.*2 more"):
        Session(names)


def test_a_damaged_member_does_not_lose_the_archive(tmp_path: Path) -> None:
    path = Path(zipped(tmp_path / "x.zip", {"a.pcap": DATA, "b.pcap": DATA[:10], "c.pcap": LATER}))
    session = Session([str(path)])
    session.run()
    assert session.packets == 2 * len(FRAMES)
    [problem] = session.captures.problems
    assert problem.code == "not_opened" and "b.pcap: cut short" in problem.text
    session.close()


def test_more_files_than_a_process_usually_may_open(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    count = 400
    if before[1] != resource.RLIM_INFINITY and before[1] < 4 * count:
        pytest.skip("the system allows no more")
    paths = [tmp_path / f"{number}.pcap" for number in range(count)]
    for number, path in enumerate(paths):
        path.write_bytes(wire.pcap(FRAMES[number : number + 1]))
    opened = max(
        int(each.name) for each in Path("/dev/fd").iterdir()
    )  # by the tests before this one
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (opened + 200, before[1]))
        captures = CaptureSet([str(path) for path in reversed(paths)])
        assert [file.name for file in captures.files] == [f"{n}.pcap" for n in range(count)]
        captures.close()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_a_rotated_set_comes_as_a_pattern_sorts_it(tmp_path: Path) -> None:
    names = ["cap.pcap", *(f"cap.pcap{number}" for number in range(1, 13))]
    for number, name in enumerate(names):
        (tmp_path / name).write_bytes(wire.pcap(FRAMES[number : number + 1]))
    given = sorted(str(tmp_path / name) for name in names)
    assert given != [str(tmp_path / name) for name in names]
    session = Session(given)
    session.run()
    assert session.capture.name == ", ".join(names) and not session.captures.problems
    session.close()
    other = [given[3], given[0]]  # chosen by hand
    assert as_written(other) == other


def test_an_empty_file_among_others_is_left_out(tmp_path: Path) -> None:
    """A rotated set that is still being written ends in one."""
    whole, empty = talk.CAPTURES / "real/publish-play-nginx.pcap", tmp_path / "next.pcap"
    empty.touch()
    session = Session([str(whole), str(empty)])
    session.run()
    session.close()
    assert session.packets == 1233
    assert [each.text for each in session.captures.problems] == ["next.pcap: empty file, left out"]
    with pytest.raises(SourceError, match="empty file"):
        Session([str(empty)])


def cut(path: Path, *bounds: tuple[int, int]) -> list[str]:
    """Write ranges of the frames of a capture into files of their own."""
    frames: list[wire.Frame] = []
    link = 0
    for batch in CaptureSet([str(path)]).batches():
        link = int(batch.link[0])
        places = zip(batch.time_ns.tolist(), batch.offset, batch.caplen, strict=True)
        frames += [(time, batch.data[at : at + size]) for time, at, size in places]
    names = [f"{number}.pcap" for number in range(len(bounds))]
    for name, (start, end) in zip(names, bounds, strict=True):
        Path(name).write_bytes(wire.pcap(frames[start:end], link=link, nanoseconds=True))
    return names


def test_messages_go_on_from_file_to_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file for every three frames: bodies are those of the capture they were cut from."""
    monkeypatch.chdir(tmp_path)
    whole = talk.CAPTURES / "edge/pub-small-21935.pcap"
    bodies = []
    for paths in ([str(whole)], cut(whole, *((at, at + 3) for at in range(0, 1034, 3)))):
        session = Session(paths)
        session.run()
        bodies.append([session.body(row) for row in session.order().tolist()])
        session.close()
    assert bodies[0] == bodies[1] and not any(body.missing for body in bodies[0])
    assert sum(len(body.data) > 3 * 1448 for body in bodies[0])


def picked(whole: Path, *which: Callable[[int, bytes], bool]) -> list[str]:
    """Write files, each with the frames that its function of number and bytes takes."""
    with open_capture(str(whole)) as capture:
        link = 1
        frames = [
            (int(time), batch.data[at : at + size])
            for batch in capture.batches()
            for at, size, time in zip(
                batch.offset.tolist(), batch.caplen.tolist(), batch.time_ns.tolist(), strict=True
            )
        ]
    names = [f"part-{number}.pcap" for number in range(len(which))]
    for name, wanted in zip(names, which, strict=True):
        chosen = [frame for number, frame in enumerate(frames) if wanted(number, frame[1])]
        Path(name).write_bytes(wire.pcap(chosen, link=link, nanoseconds=True))
    return names


OVERLAPS: dict[str, list[Callable[[int, bytes], bool]]] = {
    "a file for each direction": [
        lambda _, frame: frame[26:30] < frame[30:34],
        lambda _, frame: frame[26:30] >= frame[30:34],
    ],
    "in turns": [lambda number, _, part=part: number % 3 == part for part in range(3)],  # type: ignore[misc]
    "a copied ring": [lambda number, _: number < 700, lambda number, _: number >= 300],
    "twice": [lambda *_: True, lambda *_: True],
}


def gzipped(names: list[str]) -> list[str]:
    for name in names:
        Path(f"{name}.gz").write_bytes(gzip.compress(Path(name).read_bytes(), 1))
    return [f"{name}.gz" for name in names]


GIVEN: dict[str, Callable[[list[str]], list[str]]] = {
    "plain": lambda names: names,
    "gzip": gzipped,
    "gzip and plain, last first": lambda names: [*gzipped(names[1:])[::-1], names[0]],
    "zip": lambda names: [zipped(Path("x.zip"), {name: Path(name).read_bytes() for name in names})],
    "zip of gzip, and a file": lambda names: [
        zipped(Path("x.zip"), {name: Path(name).read_bytes() for name in gzipped(names[1:])}),
        names[0],
    ],
}


@pytest.mark.parametrize("given", GIVEN)
@pytest.mark.parametrize("kind", OVERLAPS)
def test_files_of_the_same_time_are_one_capture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, given: str
) -> None:
    """As mergecap would have made it, without what two files both have."""
    monkeypatch.chdir(tmp_path)
    whole = talk.CAPTURES / "edge/pub-small-21935.pcap"
    found = []
    for paths in ([str(whole)], GIVEN[given](picked(whole, *OVERLAPS[kind]))):
        session = Session(paths)
        session.run()
        rows = session.order().tolist()
        found.append(
            (
                session.packets,
                [session.body(row).data for row in rows],
                [(session.message_id(row), session.value(row, "time_ns")) for row in rows],
                [(item.rule, item.text) for item in session.diagnostics],
            )
        )
        session.close()
    assert found[1] == found[0]


def test_more_files_than_are_merged_are_told(tmp_path: Path) -> None:
    for number in range(merging.MOST + 2):
        frames = [(10**9 + number + 100 * step, bytes(60)) for step in range(9)]
        (tmp_path / f"{number:03}").write_bytes(wire.pcap(frames, nanoseconds=True))
    captures = CaptureSet([str(path) for path in sorted(tmp_path.iterdir())])
    assert sum(len(batch) for batch in captures.batches()) == 9 * (merging.MOST + 2)
    assert {problem.code for problem in captures.problems} == {"overlapping_files"}
    captures.close()


def test_each_file_keeps_its_own_order(tmp_path: Path) -> None:
    """A clock that was set back in one of two."""
    times = {"a": [10, 20, 15, 40], "b": [12, 18, 30, 50]}
    for name, each in times.items():
        frames = [(10**9 + time, f"{name}{time}".encode() * 8) for time in each]
        (tmp_path / name).write_bytes(wire.pcap(frames, nanoseconds=True))
    captures = CaptureSet([str(tmp_path / name) for name in times])
    found = []
    for batch in captures.batches():
        for at, size in zip(batch.offset.tolist(), batch.caplen.tolist(), strict=True):
            frame = captures.read(batch.base + at, size)
            assert frame == batch.data[at : at + size] == captures.pread(batch.base + at, size)
            found.append(frame[:3].decode())
    captures.close()
    assert found == ["a10", "b12", "b18", "a20", "a15", "b30", "a40", "b50"]


def test_a_file_of_the_same_time_as_a_pipe_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a pipe brings, and when, nobody knows before; in files it does."""
    monkeypatch.chdir(tmp_path)
    whole = talk.CAPTURES / "real/publish-play-nginx.pcap"
    rules = {}
    for kind, bounds in {
        "rotated": [(0, 100), (100, 1233)],
        "both": [(0, 100), (50, 1233)],
    }.items():
        first, second = cut(whole, *bounds)
        out, into = os.pipe()
        os.write(into, Path(first).read_bytes())
        os.close(into)
        with os.fdopen(out, "rb", buffering=0) as pipe:
            session = Session([pipe, second], Options(reading=Reading(live=True)))
            session.run()
            rules[kind] = {item.rule for item in session.diagnostics}
            session.close()
    assert "CAP-10" in rules["both"] and "CAP-10" not in rules["rotated"]


def test_doubles_at_the_edges_of_blocks(tmp_path: Path) -> None:
    """Frames of one time, of which one file's block has a part only."""
    frames = [(10**9 + step // 4, step.to_bytes(4, "big") * 40) for step in range(1000)]
    (tmp_path / "a").write_bytes(wire.pcap(frames, nanoseconds=True))
    (tmp_path / "b").write_bytes(wire.pcap([(10**9, bytes(90)), *frames], nanoseconds=True))
    captures = CaptureSet(gzipped([str(tmp_path / name) for name in "ab"]))
    found = [
        (time, captures.pread(batch.base + at, size))
        for batch in captures.batches()
        for time, at, size in zip(
            batch.time_ns.tolist(), batch.offset.tolist(), batch.caplen.tolist(), strict=True
        )
    ]
    captures.close()
    assert len(found) == 1001 and sorted(found) == sorted([(10**9, bytes(90)), *frames])


def test_a_file_without_a_packet_hinders_no_merging(tmp_path: Path) -> None:
    """A ring's next file, begun already."""
    parts = {"a": FRAMES[::2], "b": FRAMES[1::2], "c": []}
    for name, part in parts.items():
        (tmp_path / name).write_bytes(wire.pcap(part, nanoseconds=True))
    captures = CaptureSet([str(tmp_path / name) for name in "cba"])
    times = [time for batch in captures.batches() for time in batch.time_ns.tolist()]
    assert times == [time for time, _ in FRAMES] and not captures.problems
    captures.close()


def test_exit_code_of_a_set(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Everything that can be read is, and the code says that something was not."""
    whole = str(talk.CAPTURES / "real/publish-play-nginx.pcap")
    assert cli.main([whole, str(tmp_path / "gone.pcap"), "-F", "list"]) == cli.UNREADABLE
    said = capsys.readouterr()
    assert said.err.count("gone.pcap: No such file or directory: left out") == 1
    assert len(said.out.splitlines()) > 100
    (tmp_path / "empty.pcap").touch()
    assert cli.main([whole, str(tmp_path / "empty.pcap"), "-F", "list"]) == cli.OK
