"""Files that players read, as they were sent; what is missing is told."""

import json
import shutil
import struct
import subprocess
from pathlib import Path
from typing import Any

import pytest

from analyzer.cli import main
from tests.analyzer import talk, wire
from tests.analyzer.rules import builder
from tests.analyzer.talk import CAPTURES, CONFIG, answer, publish
from tests.dissectors.bodies import num, obj, string
from tests.dissectors.chunk_builder import Message

Tag = tuple[int, int, bytes]


def extract(tmp_path: Path, data: bytes, *options: str) -> dict[str, bytes]:
    source = tmp_path / "in.pcap"
    source.write_bytes(data)
    assert main(["extract", str(source), "-o", str(tmp_path / "out"), "-q", *options]) == 0
    return {path.name: path.read_bytes() for path in sorted((tmp_path / "out").iterdir())}


def beside(files: dict[str, bytes], name: str = "c0-c2s-1.json") -> Any:
    return json.loads(files[name])


def read_flv(data: bytes) -> list[Tag]:
    """Return (type, timestamp, body) of each tag, FLV 10.1 §E.4.1; back pointers must agree."""
    assert data[:4] == b"FLV\x01" and data[5:13] == struct.pack(">II", 9, 0)
    found, at = [], 13
    while at < len(data):
        size = int.from_bytes(data[at + 1 : at + 4], "big")
        time = int.from_bytes(data[at + 4 : at + 7], "big") | data[at + 7] << 24
        assert data[at + 8 : at + 11] == bytes(3)
        found.append((data[at], time, data[at + 11 : at + 11 + size]))
        assert int.from_bytes(data[at + 11 + size : at + 15 + size], "big") == size + 11
        at += size + 15
    return found


def test_flv_has_every_tag_as_sent(tmp_path: Path) -> None:
    messages = publish()
    files = extract(tmp_path, talk.pcap(messages, answer()))
    assert list(files) == ["c0-c2s-1.flv", "c0-c2s-1.json"]
    assert files["c0-c2s-1.flv"][4] == 5
    sent = [(each.type, each.time, each.body) for each in messages if each.type in (8, 9, 18)]
    got = read_flv(files["c0-c2s-1.flv"])
    assert got[1:] == sent[1:]
    # @setDataFrame is for the server; the file has what follows (E-RTMP, FLV 10.1 §E.5).
    assert sent[0][2] == string("@setDataFrame") + got[0][2]
    assert beside(files)["gaps"] == [] and beside(files)["left_out"] == []


def test_large_timestamps_and_offset(tmp_path: Path) -> None:
    late = 0xFFFFFFF0
    messages = [*publish()[:4], Message(6, 9, 1, late, CONFIG)]
    messages.append(Message(6, 9, 1, late + 8, b"\x27\x01\0\0\0\0\0\0\1\x41"))
    data = talk.pcap(messages, answer())
    times = [tag[1] for tag in read_flv(extract(tmp_path, data)["c0-c2s-1.flv"])]
    assert times == [late, late + 8]
    moved = extract(tmp_path, data, "--offset", "20")
    assert [tag[1] for tag in read_flv(moved["c0-c2s-1.flv"])] == [4, 12]
    assert beside(moved)["timestamp_offset"] == 20
    zero = extract(tmp_path, data, "--offset", "start")
    assert [tag[1] for tag in read_flv(zero["c0-c2s-1.flv"])] == [0, 8]


def test_aggregates_are_unpacked(tmp_path: Path) -> None:
    """RTMP 1.0 §7.1.6: times count from the first sub-message, which has the aggregate's."""

    def sub(kind: int, time: int, body: bytes) -> bytes:
        head = bytes([kind]) + len(body).to_bytes(3, "big") + time.to_bytes(3, "big") + bytes(4)
        return head + body + (len(body) + 11).to_bytes(4, "big")

    body = sub(9, 500, b"\x27\x01\0\0\0v") + sub(8, 523, b"\xaf\x01a")
    messages = [*publish()[:4], Message(6, 22, 1, 1000, body)]
    files = extract(tmp_path, talk.pcap(messages, answer()))
    assert read_flv(files["c0-c2s-1.flv"]) == [
        (9, 1000, b"\x27\x01\0\0\0v"),
        (8, 1023, b"\xaf\x01a"),
    ]


def test_gaps_are_told_not_filled(tmp_path: Path) -> None:
    header, frames = wire.records(talk.pcap(publish(), answer(), segment=250))
    client = [n for n, each in enumerate(frames) if each[16 + 34 : 16 + 36] == b"\xc3\x50"]
    del frames[client[-4]]
    files = extract(tmp_path, header + b"".join(frames))
    told = beside(files)
    assert told["gap_count"] == 1 and told["gaps"][0]["length"] == 250
    assert told["left_out_count"] > 0 and told["left_out"][0]["missing"]
    whole = {(each.type, each.time, each.body) for each in publish()}
    assert set(read_flv(files["c0-c2s-1.flv"])[1:]) <= whole


def test_tracks_become_files(tmp_path: Path) -> None:
    """E-RTMP v2 multitrack: ManyTracks of Opus has no bare form; two of H.264 have."""
    record = CONFIG[5:]
    start = b"\x96\x10avc1" + b"".join(
        bytes([n]) + len(record).to_bytes(3, "big") + record for n in (0, 1)
    )
    frame = b"\x96\x11avc1" + b"".join(
        bytes([n]) + (10).to_bytes(3, "big") + b"\0\0\0\0\0\0\3\x65" + bytes([n, 9]) for n in (0, 1)
    )
    opus = b"\x91Opusframe"
    messages = [*publish()[:4], Message(6, 9, 1, 0, start), Message(6, 9, 1, 40, frame)]
    files = extract(
        tmp_path, talk.pcap([*messages, Message(4, 8, 1, 40, opus)], answer()), "--video", "--audio"
    )
    assert list(files) == ["c0-c2s-1-audio.flv", "c0-c2s-1-t1.h264", "c0-c2s-1.h264",
                           "c0-c2s-1.json"]  # fmt: skip
    assert files["c0-c2s-1.h264"].endswith(b"\0\0\0\1\x65\0\x09")
    assert files["c0-c2s-1-t1.h264"].endswith(b"\0\0\0\1\x65\1\x09")
    assert read_flv(files["c0-c2s-1-audio.flv"]) == [(8, 40, opus)]


def test_metadata_hides_credentials(tmp_path: Path) -> None:
    body = string("@setDataFrame") + string("onMetaData")
    body += obj(("width", num(320)), ("streamkey", string("s3cr3t-key")))
    messages = [*publish(), Message(4, 18, 1, 99, body)]
    files = extract(tmp_path, talk.pcap(messages, answer()), "--metadata")
    found = json.loads(files["c0-c2s-1.metadata.json"])
    assert [each["timestamp"] for each in found] == [0, 99]
    assert found[1]["values"][1]["width"] == 320
    assert b"s3cr3t-key" not in b"".join(files.values())
    files = extract(tmp_path, talk.pcap(messages, answer()), "--metadata", "--no-redact")
    assert b"s3cr3t-key" in files["c0-c2s-1.metadata.json"]


def test_raw_directions(tmp_path: Path) -> None:
    files = extract(tmp_path, talk.pcap(publish(), answer(), segment=700), "--raw")
    assert list(files) == ["c0-c2s.bin", "c0-c2s.timing.json", "c0-s2c.bin", "c0-s2c.timing.json"]
    data, timing = files["c0-c2s.bin"], json.loads(files["c0-c2s.timing.json"])
    assert data[0] == 3 and talk.NAME.encode() in data and timing["bytes"] == len(data)
    offset, length, time, frame = timing["segments"][-1]
    assert offset + length == len(data) and offset == 700 * (len(timing["segments"]) - 1)
    assert time == 1_000_000 * (frame - 1)


def test_raw_leaves_holes_out(tmp_path: Path) -> None:
    """A hole of a gigabyte is a line in the JSON, not a gigabyte in the file."""
    data = (CAPTURES / "lab" / "nginx-capture-drops.pcap").read_bytes()
    files = extract(tmp_path, data, "--raw")
    timing = json.loads(files["c0-c2s.timing.json"])
    missing = sum(gap["length"] for gap in timing["gaps"])
    assert missing and len(files["c0-c2s.bin"]) == timing["bytes"] - missing
    assert sum(each[1] for each in timing["segments"]) == len(files["c0-c2s.bin"])


def test_filter_chooses_connections(tmp_path: Path) -> None:
    source = CAPTURES / "real" / "publish-play-nginx.pcap"
    out = tmp_path / "out"
    words = ["extract", str(source), "-o", str(out), "-q", "-Y", 'command.name == "play"']
    assert main(words) == 0
    assert sorted(path.name for path in out.iterdir()) == ["c1-s2c-1.flv", "c1-s2c-1.json"]


def test_errors(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    denied = str(CAPTURES / "real" / "publish-denied.pcap")
    assert main(["extract", denied, "-o", str(tmp_path)]) == 4
    assert "nothing to extract" in capsys.readouterr().err
    assert main(["extract", str(tmp_path / "none"), "-o", str(tmp_path)]) == 3
    assert main(["extract", denied, "-Y", "csid ==", "-o", str(tmp_path)]) == 2
    assert main(["extract", denied, "--offset", "soon"]) == 2
    (tmp_path / "file").write_bytes(b"")
    assert main(["extract", denied, "-o", str(tmp_path / "file")]) == 2
    trap = tmp_path / "c0-c2s-1.flv"
    shutil.copy(CAPTURES / "real" / "publish-play-nginx.pcap", trap)
    before = trap.read_bytes()
    assert main(["extract", str(trap), "-o", str(tmp_path)]) == 2
    assert trap.read_bytes() == before


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
@pytest.mark.parametrize("form", ["h264", "adts"])
def test_ffmpeg_makes_the_same_of_the_flv(tmp_path: Path, form: str) -> None:
    source = CAPTURES / "real" / "publish-play-nginx.pcap"
    out = tmp_path / "out"
    words = ["extract", str(source), "-o", str(out), "-q", "--flv", "--video", "--audio"]
    assert main(words) == 0
    for name in ("c0-c2s-1", "c1-s2c-1"):
        stream = "v" if form == "h264" else "a"
        words = f"-v error -i {name}.flv -map 0:{stream} -c copy -f {form} -".split()
        made = subprocess.run(
            ["ffmpeg", *words], cwd=out, capture_output=True, check=True, timeout=60
        ).stdout
        ours = (out / f"{name}.{'h264' if form == 'h264' else 'aac'}").read_bytes()
        if form == "adts":
            assert ours == made
        else:
            slices = [{unit for unit in units(each) if unit[0] & 31 < 6} for each in (ours, made)]
            assert slices[0] == slices[1] and len(slices[0]) > 40


def units(data: bytes) -> list[bytes]:
    """NAL units between start codes of three or four bytes."""
    return [unit.rstrip(b"\0") for unit in data.split(b"\0\0\1") if unit.rstrip(b"\0")]


def test_a_late_retransmission_does_not_change_the_order(tmp_path: Path) -> None:
    """The first picture is lost on the way and sent again after the second."""
    plain, lossy = (builder.Talk().publishing() for _ in range(2))
    for call in (plain, lossy):
        call.send(builder.C, builder.avc_config(), *(builder.picture(40 * n) for n in range(4)))
    at = next(n for n, (_, data, _) in enumerate(lossy.packets) if b"\x27\x01\0\0\0" in data)
    later = lossy.packets[at + 3][0] + 0.05
    lossy.packets.append((later, *lossy.packets.pop(at)[1:]))
    files = []
    for name, call in (("a", plain), ("b", lossy)):
        (tmp_path / name).mkdir()
        files.append(extract(tmp_path / name, builder.capture(call), "--flv", "--video"))
    assert files[0]["c0-c2s-1.flv"] == files[1]["c0-c2s-1.flv"]
    assert files[0]["c0-c2s-1.h264"] == files[1]["c0-c2s-1.h264"]
    assert [time for kind, time, _ in read_flv(files[1]["c0-c2s-1.flv"])] == [0, 0, 40, 80, 120]


def test_a_capture_in_the_folder_is_not_overwritten(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = talk.pcap(publish(), answer())
    source = tmp_path / "in.pcap"
    source.write_bytes(data)
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "other.flv").write_bytes(b"of somebody else")
    (folder / "c0-c2s-1.flv").symlink_to(source)
    assert main(["extract", str(source), "-o", str(folder), "-q"]) == 2
    assert "is the capture itself" in capsys.readouterr().err
    assert source.read_bytes() == data
