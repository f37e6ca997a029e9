"""Inputs that are packed, bounded, in sets, or still growing."""

import bz2
import gzip
import io
import lzma
import os
import random
import threading
import time
import zipfile
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from analyzer import cli
from analyzer.captures import CaptureSet
from analyzer.export import summary
from analyzer.export.request import Request
from analyzer.index import MessageTable
from analyzer.options import Options
from analyzer.retention import Kept
from analyzer.session import Session
from analyzer.sources import (
    Capture,
    Reading,
    SourceError,
    inflate,
    open_capture,
    open_captures,
)
from analyzer.sources import archive as archives
from analyzer.sources import spool as spools
from analyzer.sources.growing import Pipe
from analyzer.sources.spool import Spool
from dissectors import spec
from tests.analyzer import talk, wire
from tests.dissectors.chunk_builder import Message

FRAMES = [(10**18 + 10**6 * number, random.Random(number).randbytes(900)) for number in range(3000)]
DATA = wire.pcap(FRAMES, nanoseconds=True)
Pack = Callable[[bytes], bytes]


def zstd(data: bytes) -> bytes:
    package = pytest.importorskip("zstandard", reason="zstandard is not installed")
    packed: bytes = package.ZstdCompressor().compress(data)
    return packed


def lz4(data: bytes) -> bytes:
    pytest.importorskip("lz4", reason="lz4 is not installed")
    packed: bytes = import_module("lz4.frame").compress(data)
    return packed


def frames(capture: Capture) -> list[bytes]:
    with capture:
        return [
            batch.data[at : at + size]
            for batch in capture.batches()
            for at, size in zip(batch.offset, batch.caplen, strict=True)
        ]


def codes(capture: Capture) -> list[str]:
    return [problem.code for problem in capture.problems]


@pytest.mark.parametrize("pack", [zstd, lz4])
def test_packed(pack: Pack) -> None:
    for data in (pack(DATA), pack(DATA[:100_000]) + pack(DATA[100_000:])):
        capture = open_capture(io.BytesIO(data))
        assert capture.compression == pack.__name__
        assert frames(capture) == [frame for _, frame in FRAMES] and not capture.problems


@pytest.mark.parametrize("pack", [zstd, lz4])
def test_packed_and_damaged(pack: Pack) -> None:
    whole = pack(DATA)
    torn = open_capture(io.BytesIO(whole[: len(whole) * 3 // 4]))
    assert frames(torn) and "torn_compression" in codes(torn)
    tail = open_capture(io.BytesIO(whole + b"something else"))
    assert len(frames(tail)) == len(FRAMES) and codes(tail) == ["trailing_garbage"]
    broken = bytearray(whole)
    broken[len(whole) // 2 : len(whole) // 2 + 64] = bytes(64)
    for seed in range(20):
        random.Random(seed).shuffle(broken_part := broken[40:200])
        broken[40:200] = broken_part
        try:
            capture = open_capture(io.BytesIO(bytes(broken)))
        except SourceError:
            continue
        assert len(frames(capture)) <= len(FRAMES)


@pytest.mark.parametrize("name", ["zstd", "lz4"])
def test_the_package_is_missing(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ImportError(name)

    data = zstd(DATA) if name == "zstd" else lz4(DATA)
    monkeypatch.setattr(inflate, "import_module", missing)
    with pytest.raises(SourceError, match=rf"rtmp-analyze\[{name}\].*{name} -dc"):
        open_capture(io.BytesIO(data))


@pytest.mark.parametrize("pack", [zstd, lz4])
def test_a_bomb_comes_in_small_pieces(pack: Pack) -> None:
    inflater = inflate.Inflater(pack.__name__)
    bomb = pack(bytes(100 << 20))
    inflater.feed(bomb)
    sizes = []
    while piece := inflater.take():
        sizes.append(len(piece))
    assert sum(sizes) == 100 << 20 and max(sizes) <= 17 << 20


def test_max_input_bytes() -> None:
    capture = open_capture(io.BytesIO(DATA), Reading(most=100_000))
    assert len(frames(capture)) == (100_000 - 24) // 916
    assert codes(capture) == ["input_limit"] and capture.truncated


# -- zip ---------------------------------------------------------------------------------


def zipped(path: Path, members: dict[str, bytes]) -> str:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return str(path)


def test_zip(tmp_path: Path) -> None:
    members = {
        "dump/b.pcap": wire.pcap(FRAMES[5:7]),
        "dump/a.pcapng": wire.pcapng(FRAMES[:5]),
        "dump/readme.txt": b"nothing to see",
        "__MACOSX/dump/._a.pcap": wire.pcap(FRAMES[:1]),
        "../../c.pcap": wire.pcap(FRAMES[7:8]),
    }
    found = open_captures(zipped(tmp_path / "set.zip", members))
    names = ["set.zip/c.pcap", "set.zip/a.pcapng", "set.zip/b.pcap"]
    assert [capture.name for capture in found] == names
    assert {capture.compression for capture in found} == {"zip"}
    assert [len(frames(capture)) for capture in found] == [1, 5, 2]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["set.zip"]


def test_compressed_captures_in_a_zip(tmp_path: Path) -> None:
    members = {
        "a.pcap.gz": gzip.compress(wire.pcap(FRAMES[:3])),
        "b.pcapng.xz": lzma.compress(wire.pcapng(FRAMES[3:5])),
        "c.log.gz": gzip.compress(b"nothing to see"),
        "d.pcap": wire.pcap(FRAMES[5:6]),
    }
    found = open_captures(zipped(tmp_path / "set.zip", members))
    assert [capture.name[8:] for capture in found] == ["a.pcap.gz", "b.pcapng.xz", "d.pcap"]
    assert [len(frames(capture)) for capture in found] == [3, 2, 1]
    assert not any(codes(capture) for capture in found)


def test_an_archive_in_an_archive_is_named(tmp_path: Path) -> None:
    inner = Path(zipped(tmp_path / "y.zip", {"a.pcap": DATA})).read_bytes()
    [capture] = open_captures(zipped(tmp_path / "z.zip", {"y.zip": inner, "b.pcap": DATA}))
    [problem] = capture.problems
    assert problem.code == "not_opened" and "y.zip: an archive in the archive" in problem.text
    with pytest.raises(SourceError, match=r"no capture.*y\.zip: an archive in"):
        open_captures(zipped(tmp_path / "z.zip", {"y.zip": inner}))


def test_a_zip_is_analysed_as_one_capture(tmp_path: Path) -> None:
    data = talk.pcap(talk.publish(), talk.answer())
    whole = Session([io.BytesIO(data)])
    whole.run()
    cut = data.index(b"connect") + 600
    while True:  # a place between two records
        head, rest = data[:cut], data[cut:]
        with open_capture(io.BytesIO(head)) as capture:
            list(capture.batches())
            if not capture.problems:
                break
        cut += 1
    members = {"1.pcap": head, "2.pcap": data[:24] + rest}
    session = Session([zipped(tmp_path / "talk.zip", members)])
    session.run()
    assert len(session.messages) == len(whole.messages) and not session.captures.problems
    session.close()


def test_what_a_zip_may_not_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refusal(data: bytes) -> str:
        path = tmp_path / "x.zip"
        path.write_bytes(data)
        with pytest.raises(SourceError) as caught:
            open_captures(str(path))
        assert "\n" not in str(caught.value)
        return str(caught.value)

    good = Path(zipped(tmp_path / "y.zip", {"a.pcap": DATA})).read_bytes()
    nested = Path(zipped(tmp_path / "z.zip", {"y.zip": good})).read_bytes()
    assert "no capture among the 1 files" in refusal(nested)
    assert "cut short" in refusal(good[: len(good) // 2])
    locked = bytearray(good)  # the "encrypted" bit of both headers
    locked[6] |= 1
    locked[good.rindex(b"PK\x01\x02") + 8] |= 1
    assert "encrypted" in refusal(bytes(locked))
    monkeypatch.setattr(archives, "MAX_DIRECTORY", 10)
    assert "table of contents" in refusal(good)
    for seed in range(60):
        rng = random.Random(seed)
        broken = bytearray(good)
        for _ in range(8):
            broken[rng.randrange(len(broken))] ^= 1 << rng.randrange(8)
        (tmp_path / "x.zip").write_bytes(broken)
        try:
            for capture in open_captures(str(tmp_path / "x.zip")):
                frames(capture)
        except SourceError:
            continue


def test_a_zip_through_a_pipe_says_what_to_do() -> None:
    with pytest.raises(SourceError, match="zip archive is read from a file only"):
        open_capture(io.BytesIO(b"PK\x03\x04" + bytes(60)))


def test_an_unknown_link_type_is_told_with_its_own_exit_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "usb.pcap"
    path.write_bytes(wire.pcap(FRAMES[:10], link=220))
    assert cli.main([str(path), "--json"]) == cli.UNREADABLE
    out, err = capsys.readouterr()
    assert out.startswith('{"schema"')
    assert err == "rtmp-analyze: link type LINKTYPE_220 (220) is not supported: nothing was read\n"


# -- what still grows --------------------------------------------------------------------


def test_a_ring_gives_what_it_still_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spools, "SMALLEST", 1000)
    rng, spool, written = random.Random(1), Spool(1000), b""
    for _ in range(500):
        piece = rng.randbytes(rng.randrange(1, 400))
        spool.write(piece)
        written += piece
        assert spool.oldest == max(len(written) - 1000, 0)
        at = rng.randrange(len(written) + 10)
        got = spool.pread(at, 300)
        assert got == (b"" if at < spool.oldest else written[at : at + 300])
    spool.close()


def test_a_pipe_hands_on_what_came_and_can_be_stopped() -> None:
    out, into = os.pipe()
    pipe = Pipe(out)
    os.write(into, b"first")
    started = time.monotonic()
    assert pipe.read(1000) == b"first" and time.monotonic() - started < 0.5
    threading.Timer(0.1, pipe.stop).start()
    assert pipe.read(1000) == b"" and time.monotonic() - started < 3
    os.close(into)
    pipe.close()
    os.close(out)


@pytest.mark.parametrize("end", ["stop", "remove", "replace", "shorten"])
def test_follow(tmp_path: Path, end: str) -> None:
    path = tmp_path / "growing.pcap"
    path.write_bytes(DATA[:10_000])
    capture = open_capture(str(path), Reading(live=True, follow=True))
    seen: list[int] = []
    grown = threading.Event()

    def write() -> None:
        while not seen:
            time.sleep(0.01)
        with path.open("ab") as file:
            file.write(DATA[10_000:50_000])
        grown.wait(5)
        if end == "stop":
            capture.stop()
        elif end == "remove":
            path.unlink()
        elif end == "shorten":
            path.write_bytes(DATA[:5000])
        else:
            (tmp_path / "new").write_bytes(b"")
            (tmp_path / "new").replace(path)

    threading.Thread(target=write).start()
    for batch in capture.batches():
        seen.append(len(batch))
        if sum(seen) == (50_000 - 24) // 916:
            grown.set()
    assert seen[0] == (10_000 - 24) // 916 and sum(seen) == (50_000 - 24) // 916
    told = {"stop": [], "shorten": ["shortened"]}.get(end, ["torn", "follow_ended"])
    assert codes(capture) == told
    capture.close()


def test_a_file_that_becomes_shorter_while_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x.pcap"
    path.write_bytes(DATA)
    with open_capture(str(path)) as capture:
        first = next(capture.batches())
        os.truncate(path, 24 + 916 * 100)
        rest = sum(len(batch) for batch in capture.batches())
    assert len(first) + rest < 200 and codes(capture) == ["shortened"]


@pytest.mark.parametrize("size", [50_000, len(DATA)])
def test_a_followed_file_that_is_written_anew_between_two_looks(tmp_path: Path, size: int) -> None:
    """logrotate's copytruncate, and a writer that is quicker than we look."""
    path = tmp_path / "x.pcap"
    path.write_bytes(DATA[:50_000])
    capture = open_capture(str(path), Reading(live=True, follow=True))
    batches = capture.batches()
    next(batches)
    anew = DATA[:24] + bytes(reversed(DATA))
    os.truncate(path, 0)
    path.write_bytes(anew[:size])
    assert list(batches) == [] and codes(capture) == ["shortened"]
    capture.close()


def test_of_a_set_the_last_file_is_followed(tmp_path: Path) -> None:
    names = ["a.pcap", "b.pcap", "c.pcap"]
    for name in names:
        (tmp_path / name).write_bytes(DATA[:20_000] if name != "c.pcap" else b"")
    reading = Reading(live=True, follow=True)

    def write() -> None:
        with (tmp_path / "c.pcap").open("ab") as file:
            file.write(DATA[:10_000])

    writer = threading.Timer(0.05, write)
    writer.start()
    captures = CaptureSet([str(tmp_path / name) for name in names], reading)
    found = 0
    for batch in captures.batches():
        found += len(batch)
        if batch.base >= 40_000 - 2 * 916:
            captures.stop()
    assert found == 2 * ((20_000 - 24) // 916) + (10_000 - 24) // 916
    captures.close()


def test_follow_wants_a_plain_file(tmp_path: Path) -> None:
    path = tmp_path / "x.pcap.gz"
    path.write_bytes(b"\x1f\x8b" + bytes(60))
    for given in (str(path), io.BytesIO(DATA)):
        with pytest.raises(SourceError, match="only an uncompressed file"):
            open_capture(given, Reading(live=True, follow=True))


# -- what is kept of an input without end --------------------------------------------------


def test_retired_rows_keep_their_numbers() -> None:
    table = MessageTable(endless=True)
    names = list(table._columns)
    for start in range(0, 50_000, 500):
        rows = np.arange(start, start + 500)
        values = {name: np.zeros(500, table.column(name).dtype) for name in names}
        table.extend(values | {"time_ns": rows, "length": rows}, 500)
        if len(table) % 10_000 == 0:
            table.retire(len(table) - 4_000, np.array([3, 700]))
    assert list(table.order()) == [3, 700, *range(46_000, 50_000)]
    assert table.value("length", 700) == 700 and table.value("length", 701) == 0
    assert table.value("length", 49_999) == 49_999


def long_talk() -> bytes:
    media = [
        Message(6, 9, 1, 40 * n, b"\x27\x01\0\0\x50" + random.Random(n).randbytes(1800))
        for n in range(1, 900)
    ]
    return talk.pcap([*talk.publish(), *media, talk.command("FCUnpublish", 9)], talk.answer(), 1400)


def test_an_endless_input_keeps_what_explains_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spools, "SMALLEST", 1)
    monkeypatch.setattr("analyzer.retention.STEP", 100_000)
    monkeypatch.setattr("analyzer.captures.BLOCK", 1 << 12)
    monkeypatch.setattr("analyzer.sources.capture.BLOCK", 1 << 16)
    data = long_talk()
    whole = Session([io.BytesIO(data)])
    whole.run()
    reading = Reading(live=True, spool=400_000)
    session = Session([io.BytesIO(data)], Options(reading=reading, endless=True, rows=200))
    session.run()
    order = session.order().tolist()
    assert len(session.messages) == len(whole.messages) and len(order) < 300
    types = [session.value(row, "type_id") for row in order]
    commands = [row for row in order if session.value(row, "type_id") == spec.COMMAND_AMF0]
    assert types.count(spec.COMMAND_AMF0) == 8
    assert session.info(commands[0]) == "connect('live')"
    assert [session.tree(row).label for row in commands] == [
        whole.tree(row).label
        for row in whole.order().tolist()
        if whole.value(row, "type_id") == spec.COMMAND_AMF0
    ]
    last = max(row for row in order if session.value(row, "type_id") == spec.VIDEO)
    assert "Baseline" in session.info(last) or "H.264" in session.info(last)
    assert not session.body(last).missing
    out = io.StringIO()
    summary.write(session, out, Request())
    assert "Unknown" not in out.getvalue() and "H.264 sequence header" in out.getvalue()
    assert [limit.split(":")[0] for limit in session.limits_hit] == ["message rows", "spool"]
    session.close()


def test_bodies_that_left_the_ring_are_not_invented(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spools, "SMALLEST", 1)
    monkeypatch.setattr("analyzer.captures.BLOCK", 1 << 12)
    monkeypatch.setattr("analyzer.sources.capture.BLOCK", 1 << 16)
    reading = Reading(live=True, spool=400_000)
    session = Session([io.BytesIO(long_talk())], Options(reading=reading, endless=True))
    session.run()
    video = [r for r in session.order().tolist() if session.value(r, "type_id") == spec.VIDEO]
    early, late = video[30], video[-1]
    assert not session.available(early) and session.available(late)
    assert "no longer available" in session.dissect(early).info
    header, body = session.tree(early).children
    assert "no longer available" in header.label and "no longer available" in body.children[0].label
    assert session.value(early, "length") == 1805 and session.info(early).startswith("H.264")
    session.close()


def test_bodies_that_left_the_ring_are_no_findings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spools, "SMALLEST", 1)
    monkeypatch.setattr("analyzer.captures.BLOCK", 1 << 12)
    monkeypatch.setattr("analyzer.sources.capture.BLOCK", 1 << 14)
    found = []
    for options in (
        Options(),
        Options(reading=Reading(live=True, spool=60_000), endless=True),
    ):
        data = (talk.CAPTURES / "real" / "publish-play-nginx.pcap").read_bytes()
        session = Session([io.BytesIO(data)], options)
        session.run()
        found.append({item.rule for item in session.diagnostics if item.severity != "note"})
        session.close()
    assert found[1] <= found[0]


def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analyzer.retention.MAX_KEPT", 3)
    session = Session([io.BytesIO(long_talk())], Options(endless=True))
    session.run()
    assert isinstance(session._kept, Kept) and len(session._kept.bytes) == 3
    session.close()


def test_a_shortened_file_accuses_nobody(tmp_path: Path) -> None:
    """What cannot be read again, a sequence header, may have been there."""
    path = tmp_path / "x.pcap"
    path.write_bytes((talk.CAPTURES / "real/publish-play-nginx.pcap").read_bytes())
    session = Session([str(path)], Options(reading=Reading(live=True, follow=True)))

    def shorten(session: Session) -> None:
        path.write_bytes(b"")

    session.run(shorten)
    rules = {item.rule for item in session.diagnostics}
    assert "CAP-08" in rules and not any(rule.startswith(("VID", "META", "CMD")) for rule in rules)
    session.close()


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress])
def test_members_without_content(pack, monkeypatch):
    monkeypatch.setattr(inflate, "MAX_EMPTY", 5)
    parts = [pack(b"a" * 5000), *[pack(b"")] * 5, bytes(3000), pack(b"b" * 5000)]
    for empty, trouble in ((5, None), (6, "decompression_bomb")):
        inflater = inflate.Inflater("gzip" if pack is gzip.compress else "bz2")
        inflater.feed(b"".join([*parts, *[pack(b"")] * empty, pack(b"c")]))
        found = b"".join(iter(inflater.take, b""))
        assert found == b"a" * 5000 + b"b" * 5000 + (b"" if trouble else b"c")
        assert (inflater.trouble or (None,))[0] == trouble
