"""Two runs of one client say the same; other clients are told apart."""

import json
import struct
from pathlib import Path
from typing import Any

import pytest

from analyzer.cli import main
from tests.analyzer import talk
from tests.analyzer.rules import builder
from tests.analyzer.talk import CAPTURES, answer, command
from tests.dissectors.bodies import NULL, num, obj, string
from tests.dissectors.chunk_builder import Message

LAB, REAL = CAPTURES / "lab", CAPTURES / "real"


def diff(tmp_path: Path, a: bytes | Path, b: bytes | Path, *options: str) -> Any:
    paths = []
    for name, data in (("a.pcap", a), ("b.pcap", b)):
        path = data if isinstance(data, Path) else tmp_path / name
        if isinstance(data, bytes):
            path.write_bytes(data)
        paths.append(str(path))
    out = tmp_path / "diff.json"
    code = main(["diff", *paths, "--json", "--exit-code", "-q", "-o", str(out), *options])
    found = json.loads(out.read_text())
    assert code == (0 if found["equal"] else 1)
    return found


def differences(found: Any, stage: str) -> dict[str, tuple[Any, Any]]:
    return {
        each["key"]: (each["a"], each["b"])
        for pair in found["connections"]
        for each in pair["differences"]
        if each["stage"] == stage
    }


def client(
    name: str = "first-key",
    server: str = "10.1.1.1",
    *,
    media: int = 40,
    first: int = 2,
    extra: list[Message] | None = None,
    flash: str = "FMLE/3.0",
) -> list[Message]:
    """A publisher whose run differs in what no second run repeats."""
    url = f"rtmp://{server}:1935/live"
    connect = obj(("app", string("live")), ("flashVer", string(flash)), ("tcUrl", string(url)))
    meta = obj(("width", num(320)), ("duration", num(media)), ("creationdate", string(name)))
    return [
        command("connect", 1, connect),
        *(extra or []),
        command("releaseStream", first, NULL, string(name)),
        command("createStream", first + 1, NULL),
        command("publish", first + 2, NULL, string(name), string("live"), msid=1),
        Message(4, 18, 1, 0, string("@setDataFrame") + string("onMetaData") + meta),
        Message(6, 9, 1, 0, talk.CONFIG),
        *(Message(6, 9, 1, 40 * n, b"\x27\x01\0\0\x50" + bytes(200)) for n in range(1, media)),
        command("deleteStream", first + 3, NULL, num(1)),
    ]


def server(name: str = "first-key", number: int = 7) -> list[Message]:
    said = answer(f"{name} is now published. client {number}12345")
    ping = Message(2, 4, 0, 0, struct.pack(">HI", 6, number))
    return [*said[:2], command("_result", 3, NULL, num(1)), ping, said[3]]


def test_what_no_second_run_repeats_is_no_difference(tmp_path: Path) -> None:
    one = talk.pcap(client(), server())
    other = talk.pcap(
        client("another-key-9", "192.168.7.7", media=60, first=5),
        server("another-key-9", 8),
        segment=777,
    )
    found = diff(tmp_path, one, other)
    assert found["equal"] and found["connections"][0]["role"] == "publish"
    assert found["connections"][0]["differences"] == []


@pytest.mark.parametrize("name", ["nginx-two-players", "ertmp-multitrack", "nginx-lossy"])
def test_a_capture_equals_itself(tmp_path: Path, name: str) -> None:
    assert diff(tmp_path, LAB / f"{name}.pcap", LAB / f"{name}.pcap")["equal"]


def test_the_same_client_recorded_twice(tmp_path: Path) -> None:
    """The same source to the same server, on another port and another address family."""
    assert diff(tmp_path, LAB / "ffmpeg-listen.pcap", LAB / "ffmpeg-listen.pcap")["equal"]
    ports = diff(tmp_path, LAB / "nginx-port-40123.pcap", LAB / "nginx-ipv6.pcap")
    assert ports["equal"], ports


def test_connect_properties(tmp_path: Path) -> None:
    found = diff(
        tmp_path, talk.pcap(client(), server()), talk.pcap(client(flash="LNX 9"), server())
    )
    assert differences(found, "connect") == {"flashVer": (["'FMLE/3.0'"], ["'LNX 9'"])}
    assert {each["stage"] for each in found["connections"][0]["differences"]} == {"connect"}


def test_order_of_messages(tmp_path: Path) -> None:
    one = talk.pcap(client(), server())
    found = diff(tmp_path, one, talk.pcap(client()[:1] + client()[2:], server()))
    assert differences(found, "client messages") == {
        "connect": (["releaseStream('<secret>')"], None)
    }
    asked = command("checkBandwidth", 9, NULL, string("x"))
    found = diff(tmp_path, one, talk.pcap(client(extra=[asked]), server()))
    assert differences(found, "client messages") == {"connect": (None, ["checkBandwidth('x')"])}


def test_what_the_capture_lacks_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole, cut = LAB / "nginx-capture-drops-whole.pcap", LAB / "nginx-capture-drops.pcap"
    found = diff(tmp_path, whole, cut)
    assert not found["connections"][0]["incomplete_a"]
    assert "bytes are missing" in found["connections"][0]["incomplete_b"][0]


def test_media_and_chunk_streams(tmp_path: Path) -> None:
    moved = [
        each._replace(
            csid=7, body=each.body[:-1] + b"\x42" if each.body == talk.CONFIG else each.body
        )
        if each.type == 9
        else each
        for each in client()
    ]
    found = diff(tmp_path, talk.pcap(client(), server()), talk.pcap(moved, server()))
    assert differences(found, "client chunk streams") == {
        "Video Data": (["csid 6, msid 1"], ["csid 7, msid 1"])
    }
    assert "client video: configuration" in differences(found, "media")


def test_rates_differ_beyond_a_tolerance(tmp_path: Path) -> None:
    def rate(step: int) -> bytes:
        messages = [
            each._replace(time=each.time // 40 * step) if each.type == 9 else each
            for each in client(media=80)
        ]
        return talk.pcap(messages, server())

    assert diff(tmp_path, rate(40), rate(40))["equal"]
    found = diff(tmp_path, rate(40), rate(20))
    assert differences(found, "timing")["client video: frame rate"] == (
        ["25000 mHz"],
        ["50000 mHz"],
    )


def video(times: list[int], *, cts: int = 0, other_config_at: int = -1) -> bytes:
    """A publisher of video and of audio each 20 ms; `times` of the pictures, ms."""
    messages = [each for each in client(media=1) if each.type != 20 or b"delete" not in each.body]
    other = talk.CONFIG[:-1] + b"\x42"
    messages.append(Message(5, 8, 1, 0, b"\xaf\0\x12\x10"))
    picture = b"\x27\x01" + (cts & 0xFFFFFF).to_bytes(3, "big") + bytes(200)
    for number, time in enumerate(times):
        if number == other_config_at:
            messages.append(Message(6, 9, 1, time, other))
        messages.append(Message(6, 9, 1, time, picture))
        messages += [
            Message(5, 8, 1, 40 * number + more, b"\xaf\1" + bytes(20)) for more in (0, 20)
        ]
    return talk.pcap(messages, server())


STEADY = [40 * number for number in range(100)]


@pytest.mark.parametrize(
    ("other", "key", "more"),
    [
        (video(STEADY, cts=-40), "client video: composition time below zero", -40),
        (
            video([time // 80 * 80 for time in STEADY]),
            "client video: repeated timestamps",
            500,  # of a thousand frames
        ),
        (video([*STEADY[:50], 1900, *STEADY[51:]]), "client video: timestamps that go back", 1),
        (video([time + 5000 for time in STEADY]), "client A/V skew: mean", 5000),
    ],
)
def test_timestamps(tmp_path: Path, other: bytes, key: str, more: int) -> None:
    found = differences(diff(tmp_path, video(STEADY), other), "timing")
    a, b = (int(side[0].split()[0]) for side in found[key])
    assert b - a == more


def test_timestamps_of_another_run_jitter(tmp_path: Path) -> None:
    jittered = video([time + number % 3 for number, time in enumerate(STEADY)])
    assert diff(tmp_path, video(STEADY), jittered)["equal"]


def test_a_configuration_in_mid_stream(tmp_path: Path) -> None:
    found = diff(tmp_path, video(STEADY), video(STEADY, other_config_at=50))
    ((key, (a, b)),) = differences(found, "media").items()
    assert key == "client video: configuration 2" and a is None
    assert b[0].startswith(f"{len(talk.CONFIG) - 5} bytes, hash ")


def test_connections_are_paired_by_what_they_do(tmp_path: Path) -> None:
    found = diff(tmp_path, LAB / "nginx-two-players.pcap", REAL / "publish-play-nginx.pcap")
    assert [(pair["a"], pair["b"], pair["role"]) for pair in found["connections"]] == [
        ("c0", "c0", "publish"),
        ("c1", "c1", "play"),
    ]
    assert [each["id"] for each in found["only_a"]] == ["c2"] and not found["only_b"]
    chosen = diff(
        tmp_path,
        LAB / "nginx-two-players.pcap",
        REAL / "publish-play-nginx.pcap",
        "-Y",
        'command.name == "publish"',
    )
    assert len(chosen["connections"]) == 1 and not chosen["only_a"]


def test_no_stream_name_in_the_output(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a, b = tmp_path / "a", tmp_path / "b"
    a.write_bytes(talk.pcap(client("s3cr3t-A1"), server("s3cr3t-A1")))
    other = [*client("s3cr3t-B2"), command("mine-s3cr3t-B2", 9, NULL, string("x s3cr3t-B2"))]
    b.write_bytes(talk.pcap(other, answer("refused")))
    assert main(["diff", str(a), str(b)]) == 0
    text = capsys.readouterr().out
    assert "s3cr3t" not in text and "<secret>" in text
    assert text.startswith("--- a\n+++ b\n\nc0 ↔ c0  publish\n")


def test_two_clients_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    one, other = LAB / "gst-rtmp2sink.pcap", LAB / "gst-rtmpsink-librtmp.pcap"
    assert main(["diff", str(one), str(other), "--exit-code"]) == 1
    text = capsys.readouterr().out
    assert "    - flashVer: 'LNX 10,0,32,18'\n" in text
    assert "      connect\n    - Window Acknowledgement Size 5000000\n" in text
    assert main(["diff", str(one), str(one)]) == 0
    said = capsys.readouterr()
    assert said.out == "" and "no differences in 1 connection" in said.err


def test_errors(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = str(LAB / "gst-rtmp2sink.pcap")
    assert main(["diff", good]) == 2
    assert main(["diff", "-", "-"]) == 2
    assert main(["diff", good, str(tmp_path / "none")]) == 3
    assert main(["diff", good, str(CAPTURES / "edge" / "rtmps.pcap")]) == 4
    assert main(["diff", good, good, "-Y", "nonsense =="]) == 2
    assert main(["diff", good, good, "-o", good]) == 2
    assert "is the capture itself" in capsys.readouterr().err


def test_a_command_that_is_sent_again_is_no_difference(tmp_path: Path) -> None:
    plain, lossy = (builder.Talk().connected() for _ in range(2))
    for call in (plain, lossy):
        for name in ("releaseStream", "FCPublish", "createStream"):
            call.send(builder.C, builder.command(name, 2, NULL, string("cam7")))
    at = next(n for n, (_, data, _) in enumerate(lossy.packets) if b"releaseStream" in data)
    later = lossy.packets[at + 3][0] + 0.05
    lossy.packets.append((later, *lossy.packets.pop(at)[1:]))
    assert diff(tmp_path, builder.capture(plain), builder.capture(lossy))["equal"]


def test_the_same_session_seen_from_both_ends(tmp_path: Path) -> None:
    """One path loses packets: one end sees them sent again, the other sees them late."""
    assert diff(tmp_path, LAB / "nginx-lossy.pcap", LAB / "nginx-lossy-sender.pcap")["equal"]
