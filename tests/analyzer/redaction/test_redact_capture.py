"""The copy has the same packets and messages, and none of the secrets."""

import gzip
import io
import random
import struct
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analyzer.cli import main
from tests.analyzer import talk, wire
from tests.analyzer.redaction.shared import SECRET, packets, redact, rows, sums_are_right
from tests.analyzer.talk import CAPTURES, answer, command, publish
from tests.dissectors.bodies import NULL, num, obj, string
from tests.dissectors.chunk_builder import Message, Style, build

QUIET = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def greeting() -> bytes:
    return b"\x03" + random.Random(5).randbytes(1536) * 2


def frame(stream: bytes, offset: int, size: int, *, cut: int = 0, flags: int = 0x18) -> bytes:
    """A client's packet with `size` bytes of its stream; `cut` are not captured."""
    payload = stream[offset : offset + size]
    head = struct.pack(">HHIIBBHHH", 50000, 1935, 1001 + offset, 0, 5 << 4, flags, 512, 0, 0)
    whole = wire.ethernet(wire.ip4(head + payload, source=wire.A4, target=wire.B4))
    return whole[: len(whole) - cut]


@QUIET
@given(chunk=st.integers(1, 40), segment=st.integers(1, 60), seed=st.integers(0, 9))
def test_secret_split_by_chunks_and_segments(
    tmp_path: Path, chunk: int, segment: int, seed: int
) -> None:
    """Segments are sent twice now and then, or in the wrong order."""
    random_ = random.Random(seed)
    messages = publish(SECRET, url=f"rtmp://u:{SECRET}@h/live?k={SECRET}")[:5]
    style = Style(chunk_size=chunk)
    chunked = bytes(build([Message(2, 1, 0, 0, struct.pack(">I", chunk))]).data)
    stream = greeting() + chunked + bytes(build(messages, style).data)
    starts = [0, *range(len(greeting()), len(stream), segment)]
    pieces = list(zip(starts, [*starts[1:], len(stream)], strict=True))
    pieces += random_.sample(pieces, len(pieces) // 4)
    pieces = pieces[:1] + sorted(pieces[1:], key=lambda piece: piece[0] + random_.randrange(90))
    frames = [frame(stream, 0, 0, flags=2)[: -0 or None]]
    frames += [frame(stream, low, high - low) for low, high in pieces]
    frames[0] = frame(stream, -1, 0, flags=2)
    data = wire.pcap([(1000 * n, each) for n, each in enumerate(frames)])
    copy = redact(tmp_path, data)
    assert len(copy) == len(data)
    before, after = talk.opened(tmp_path / "in.pcap"), talk.opened(tmp_path / "out.pcap")
    assert rows(before) == rows(after) and len(rows(after)) == 6
    names = {stream.name for stream in after.connections[0].streams}
    assert names == {"~key1~".ljust(len(SECRET), "~")} or len(names) == 1
    assert SECRET.encode() not in b"".join(after.body(row).data for row in after.order().tolist())
    for old, new in zip(packets(data), packets(copy), strict=True):
        assert old == new or sums_are_right(new)


def test_only_the_secrets_and_checksums_change(tmp_path: Path) -> None:
    data = talk.pcap(publish(SECRET), answer(f"{SECRET} is now published."))
    copy = redact(tmp_path, data)
    new = b"~key1~".ljust(len(SECRET), b"~")

    def bare(packet: bytes) -> bytes:
        return packet[:24] + packet[26:50] + packet[52:]

    for before, after in zip(packets(data), packets(copy), strict=True):
        assert bare(after) == bare(before).replace(SECRET.encode(), new)
    assert copy.count(new) == data.count(SECRET.encode()) == 3


def test_every_form_of_a_secret(tmp_path: Path) -> None:
    name = "cam-77/x?tok=a/b&c=d9d9"
    values = ["cam-77%2Fx%3Ftok%3Da%2Fb%26c%3Dd9d9", name.encode().hex(), f"<{name}>"]
    extra = obj(*((f"p{n}", string(value)) for n, value in enumerate(values)))
    data = talk.pcap([*publish(name), command("note", 9, NULL, extra)], answer())
    copy = redact(tmp_path, data)
    for value in (*values[:2], name, "cam-77", "d9d9"):
        assert value.encode() not in copy


def test_secret_in_another_protocol(tmp_path: Path) -> None:
    """A web server's callback names the stream, in one segment or in two."""
    data = talk.pcap(publish(SECRET), answer())
    call = f"GET /on_publish?name={SECRET}&x=1 HTTP/1.1\r\n\r\n".encode()
    split, records = call.index(b"k3y") + 5, []
    for seq, payload in ((1, call), (2000, call[:split]), (2000 + split, call[split:])):
        ports = struct.pack(">HHIIBBHHH", 40000, 80, seq, 1, 5 << 4, 0x18, 512, 0, 0)
        packet = wire.ethernet(wire.ip4(ports + payload))
        records.append(struct.pack("<IIII", 9, 9, len(packet), len(packet)) + packet)
    copy = redact(tmp_path, data + b"".join(records))
    assert SECRET.encode() not in copy and SECRET[:5].encode() not in copy
    assert SECRET[5:].encode() not in copy
    assert all(sums_are_right(each) for each in packets(copy)[-3:])


def test_what_a_gap_leaves_of_a_secret(tmp_path: Path) -> None:
    stream = greeting() + bytes(build(publish(SECRET)).data)
    at = stream.rfind(SECRET.encode())
    frames = [
        frame(stream, -1, 0, flags=2),
        frame(stream, 0, at + 6),
        frame(stream, at + 9, len(stream) - at - 9),
    ]
    copy = redact(tmp_path, wire.pcap([(1000 * n, each) for n, each in enumerate(frames)]))
    assert SECRET[:6].encode() not in copy and SECRET[9:].encode() not in copy


def test_packets_cut_by_the_capture(tmp_path: Path) -> None:
    stream = greeting() + bytes(build(publish(SECRET)).data)
    at = stream.rfind(SECRET.encode())
    frames = [
        frame(stream, -1, 0, flags=2),
        frame(stream, 0, at + 10, cut=3),
        frame(stream, at + 10, 100),
    ]
    records = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)]
    for number, each in enumerate(frames):
        wirelen = len(each) + (3 if number == 1 else 0)
        records.append(struct.pack("<IIII", number, 0, len(each), wirelen) + each)
    copy = redact(tmp_path, b"".join(records))
    assert SECRET[:7].encode() not in copy
    assert packets(copy)[1][50:52] == b"\0\0"


def test_short_and_ordinary_names(tmp_path: Path) -> None:
    """`live` as a stream's name hides no application and no publishing type."""
    redact(tmp_path, talk.pcap(publish("live"), answer()))
    found = talk.opened(tmp_path / "out.pcap")
    infos = [found.info(row) for row in found.order().tolist()]
    assert "connect('live')" in infos and "publish('~1~~')" in infos
    publishing = next(found.summary(row) for row in found.order() if "publish(" in found.info(row))
    assert publishing and publishing[1]["arguments"] == ["~1~~", "live"]
    redact(tmp_path, talk.pcap(publish("a"), answer()))
    assert talk.opened(tmp_path / "out.pcap").connections[0].streams[0].name == "~"


def test_again_changes_nothing(tmp_path: Path) -> None:
    copy = redact(tmp_path, talk.pcap(publish(SECRET), answer()))
    assert redact(tmp_path, copy) == copy


@pytest.mark.parametrize(
    "name", ["real/publish-play-nginx.pcap", "lab/nginx-audio-only.pcapng", "lab/nginx-ipv6.pcap"]
)
def test_real_captures(tmp_path: Path, name: str) -> None:
    data = (CAPTURES / name).read_bytes()
    redact(tmp_path, data, suffix=name.rpartition(".")[2])
    suffix = name.rpartition(".")[2]
    before, after = talk.opened(tmp_path / f"in.{suffix}"), talk.opened(tmp_path / f"out.{suffix}")
    assert rows(before) == rows(after) and len(rows(after)) > 20
    assert before.capture.format == after.capture.format


def test_pcapng_keeps_packets_only(tmp_path: Path) -> None:
    def option(code: int, text: bytes) -> bytes:
        return struct.pack("<HH", code, len(text)) + text + bytes(-len(text) % 4)

    plain = wire.pcapng([(0, b"")])
    frames = [(1000 * n, each) for n, each in enumerate(packets(talk.pcap(publish(), answer())))]
    body = wire.pcapng(frames)[len(wire.section() + wire.interface(1, "<", 9)) :]
    packet = struct.pack("<IIIII", 0, 0, 9, 4, 4) + b"abcd" + option(1, b"said by Joe") + bytes(4)
    interface = struct.pack("<HHI", 1, 0, 0) + option(2, b"eth-joe") + option(9, b"\x09") + bytes(4)
    data = (
        wire.block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1) + option(3, b"joe-pc"))
        + wire.block(1, interface)
        + wire.block(10, struct.pack("<II", 0x544C534B, 12) + b"CLIENT_RANDO")
        + wire.block(4, struct.pack("<HH", 1, 14) + b"\x0a\0\0\1joes-host\0\0\0" + bytes(4))
        + wire.block(6, packet)
        + body
        + wire.block(0xBAD, b"joe's own")
    )
    copy = redact(tmp_path, data, suffix="pcapng")
    for text in (b"joe", b"Joe", b"CLIENT_RANDO", talk.NAME.encode()):
        assert text not in copy
    assert b"altered by rtmp-analyze redact" in copy and plain[:4] == copy[:4]
    before, after = talk.opened(tmp_path / "in.pcapng"), talk.opened(tmp_path / "out.pcapng")
    assert rows(before) == rows(after)
    assert before.capture.start_ns == after.capture.start_ns
    assert before.capture.packets == after.capture.packets


def test_packet_of_no_interface_is_blanked(tmp_path: Path) -> None:
    frames = [(1000 * n, each) for n, each in enumerate(packets(talk.pcap(publish(), answer())))]
    stray = wire.enhanced(0, b"GET /" + talk.NAME.encode(), number=7)
    copy = redact(tmp_path, wire.pcapng(frames) + stray, suffix="pcapng")
    assert talk.NAME.encode() not in copy
    assert talk.opened(tmp_path / "out.pcapng").capture.packets == len(frames) + 1


def test_compressed_input_and_pipe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    data = talk.pcap(publish(SECRET), answer())
    (tmp_path / "in.gz").write_bytes(gzip.compress(data))
    target = tmp_path / "copy.pcap"
    assert main(["redact", str(tmp_path / "in.gz"), "-o", str(target)]) == 0
    assert SECRET.encode() not in target.read_bytes() and len(target.read_bytes()) == len(data)
    assert b"1 secret replaced; 1 of 19 packets changed" in capfdbinary.readouterr().err

    class Standard(io.BytesIO):
        buffer = property(lambda self: self)

    monkeypatch.setattr(sys, "stdin", Standard(data))
    assert main(["redact", "-", "-o", "-", "-q"]) == 0
    assert capfdbinary.readouterr().out == target.read_bytes()


def test_inputs_are_never_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = talk.pcap(publish(), answer())
    source, link = tmp_path / "in.pcap", tmp_path / "link.pcap"
    source.write_bytes(data)
    link.symlink_to(source)
    for target in (source, link):
        assert main(["redact", str(source), "-o", str(target)]) == 2
    assert source.read_bytes() == data
    assert "is the capture itself" in capsys.readouterr().err
    assert main(["redact", str(source), "-o", str(tmp_path / "no" / "x.pcap")]) == 2
    assert main(["redact", str(tmp_path / "none.pcap"), "-o", str(tmp_path / "x.pcap")]) == 3
    assert main(["redact", str(source), "-o", "-", "--verify"]) == 2
    assert main(["redact", str(source), "-o", str(tmp_path / "x.pcap"), "--salt", "s"]) == 2


def test_metadata_and_credentials(tmp_path: Path) -> None:
    body = string("@setDataFrame") + string("onMetaData")
    body += obj(("streamKey", string("metadata-key-1")), ("width", num(320)))
    connect = obj(
        ("app", string("live?auth=appsecret1")),
        ("tcUrl", string("rtmp://joe:hunter22@h/live?sig=0123abcd")),
        ("pageUrl", string("https://h/watch?session=deadbeefcafe")),
    )
    client = [
        command("connect", 1, connect, string("argument-secret")),
        command("publish", 4, NULL, string(SECRET), string("live"), msid=1),
        Message(4, 18, 1, 0, body),
        Message(3, 99, 1, 0, b"-" + SECRET.encode() + b"-"),
        Message(6, 9, 1, 40, b"\x27\x01\0\0\x50" + SECRET.encode() + bytes(200)),
    ]
    reject = "[ AccessManager.Reject ] : ?reason=needauth&user=joe7&challenge=PuW4Bg9&opaque=Qk93"
    copy = redact(tmp_path, talk.pcap(client, answer(reject)))
    for secret in (
        "metadata-key-1 appsecret1 hunter22 joe: 0123abcd deadbeefcafe argument-secret PuW4Bg9 "
        f"joe7 Qk93 {SECRET}"
    ).split():
        assert secret.encode() not in copy, secret
    assert talk.opened(tmp_path / "out.pcap").connections[0].app == "live?~key1~~~~~~~~~~"


def test_capture_without_rtmp(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What looks like a command in a lone packet is replaced, and nobody takes that for proof."""
    stray = command("publish", 4, NULL, string(SECRET), msid=1).body
    packet = wire.ethernet(wire.ip4(wire.tcp(b"\x03" + stray[:20] + b"\xc3" + stray[20:])))
    (tmp_path / "in.pcap").write_bytes(wire.pcap([(0, packet)]))
    target = tmp_path / "out.pcap"
    assert main(["redact", str(tmp_path / "in.pcap"), "-o", str(target)]) == 4
    assert "no RTMP was found" in capsys.readouterr().err
    assert SECRET.encode() not in target.read_bytes()


def test_words_of_the_protocol_behind_a_hole_are_no_secrets(tmp_path: Path) -> None:
    """What a hole leaves of `publish` is not looked for in FCPublish."""
    client = [*publish(SECRET), command("FCPublish", 9, NULL, string("x"))]
    stream = greeting() + bytes(build(client).data)
    at = stream.index(string("publish"))
    frames = [
        frame(stream, -1, 0, flags=2),
        frame(stream, 0, at + 8),
        frame(stream, at + 12, len(stream) - at - 12),
    ]
    redact(tmp_path, wire.pcap([(1000 * n, each) for n, each in enumerate(frames)]))
    after = talk.opened(tmp_path / "out.pcap")
    assert "FCPublish('~')" in [after.info(row) for row in after.order().tolist()]
