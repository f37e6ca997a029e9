"""No captured byte reaches a terminal, a document or another program as anything but text."""

import io
import os
import re
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from analyzer import cli
from analyzer.export import DETAILS, FORMATS
from analyzer.session import Session
from analyzer.sources import Reading, SourceError, live
from tests.analyzer import talk, wire
from tests.dissectors.bodies import NULL, num
from tests.dissectors.chunk_builder import Message, build
from tests.fuzz.invariants import RAW, outputs

ROOT = Path(__file__).parents[1]
NASTY = (
    b"\x1b]0;owned\x07\x1b[2J\x9b31m\xc2\x9b31m\xc2\x85\x7f\r\x08"  # escapes: C0, DEL, C1
    + "\u202eevil\u2066x\u2069\u200f\ufeff\u2028".encode()  # bidi controls, separators
    + b"\xff\xfe\xed\xa0\x80\xf0\x9f"  # no UTF-8
    + b"[bold]b[/bold][@click=app.quit]c[/]<script>pwn()</script>{{7*7}}{%x%}&]]>`|--><"
)
"""What a hostile peer would send."""
GREETING = b"\x03" + bytes(range(256)) * 12


def text(raw: bytes = NASTY) -> bytes:
    return b"\x02" + struct.pack(">H", len(raw)) + raw


def members(*items: tuple[bytes, bytes], marker: bytes = b"\x03") -> bytes:
    pairs = b"".join(struct.pack(">H", len(key)) + key + value for key, value in items)
    return marker + pairs + b"\0\0\x09"


def called(name: bytes, *values: bytes, kind: int = 20, msid: int = 0) -> Message:
    return Message(3, kind, msid, 0, text(name) + num(1) + b"".join(values))


def everything() -> tuple[list[Message], list[Message]]:
    """Messages with `NASTY` wherever a string can stand."""
    connect = members(
        *((key, text()) for key in (b"app", b"tcUrl", b"flashVer", b"swfUrl", b"pageUrl", b"type")),
        (NASTY, text()),
        (b"fourCcList", b"\x0a\0\0\0\2" + text() + text(b"hvc1")),
    )
    status = members(*((key, text()) for key in (b"level", b"code", b"description", NASTY)))
    shared = struct.pack(">H", len(NASTY)) + NASTY + bytes(12)
    change = struct.pack(">H", len(NASTY)) + NASTY + text()
    shared += b"\4" + struct.pack(">I", len(change)) + change
    amf3 = b"\x0a\x0b" + _amf3(NASTY) + _amf3(NASTY) + b"\x06" + _amf3(NASTY) + b"\x01"
    client = [
        called(b"connect", connect),
        called(b"publish", NULL, text(), text(), msid=1),
        called(NASTY, NULL, text(), members((NASTY, text()), marker=b"\x10\0\1\x1b")),
        called(b"x", b"\x0f\0\0\0" + bytes((len(NASTY),)) + NASTY, b"\x11" + amf3),
        Message(3, 17, 0, 0, b"\0" + text() + num(0) + b"\x11" + amf3),
        Message(4, 18, 1, 0, text(b"onMetaData") + members((NASTY, text()), (b"encoder", text()))),
        Message(4, 18, 1, 0, text() + text()),
        Message(3, 19, 0, 0, shared),
        Message(6, 9, 1, 0, b"\x90" + b"\x1b]0;" + NASTY),
        Message(4, 8, 1, 0, b"\x90\x9b\x1b\x07\x08" + NASTY),
        Message(5, 200, 1, 0, NASTY),
    ]
    server = [
        called(b"_result", NULL, status),
        called(b"onStatus", NULL, status, msid=1),
        called(b"_error", NULL, text()),
    ]
    return client, server


def _amf3(raw: bytes) -> bytes:
    """A U29 string header (AMF3 §1.3.2) and the string."""
    head = len(raw) << 1 | 1
    return bytes((head >> 7 | 0x80, head & 0x7F)) + raw


def rtmp() -> bytes:
    client, server = everything()
    first, second = (GREETING + bytes(build(each).data) for each in (client, server))
    return talk.streams(first, second)


def proxied() -> bytes:
    client, server = (GREETING + bytes(build(each).data) for each in everything())
    return talk.streams(b"PROXY TCP4 " + NASTY[:20] + b" 10.1.1.1 5 6\r\n" + client, server)


def tunnelled() -> bytes:
    """RTMPT: what HTTP headers and bodies say."""
    head = b"POST /open/1 HTTP/1.1\r\nHost: " + NASTY.replace(b"\r", b"") + b"\r\n"
    head += b"User-Agent: " + NASTY.replace(b"\r", b"") + b"\r\nContent-Length: 1\r\n\r\n\0"
    reply = b"HTTP/1.1 200 \x1b]0;x\x07\r\nServer: \x9b31m\r\nContent-Length: 5\r\n\r\n\x1b]0;\n"
    return talk.streams(head * 3, reply * 3)


def commented() -> bytes:
    """pcapng with names and comments everywhere, and a block that ends the reading."""
    option = struct.pack("<HH", 2, len(NASTY)) + NASTY + bytes(-len(NASTY) % 4)
    comment = struct.pack("<HH", 1, len(NASTY)) + NASTY + bytes(-len(NASTY) % 4)
    section = struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1) + comment + option
    interface = struct.pack("<HHI", 1, 0, 0) + option + comment
    blocks = wire.block(0x0A0D0D0A, section) + wire.block(1, interface)
    for record in wire.records(rtmp())[1]:
        blocks += wire.enhanced(10**9, record[16:])
    return blocks + wire.enhanced(1, b"x", 7) + b"\x1b]0;x\x07\x9b31m" + b"\x1b" * 40


CAPTURES = {each.__name__: each for each in (rtmp, proxied, tunnelled, commented)}


@pytest.mark.parametrize("name", CAPTURES)
def test_no_raw_control_or_bidi_character_in_any_format(name: str) -> None:
    session = Session([io.BytesIO(CAPTURES[name]())])
    session.run()
    written = outputs(session)  # which looks for them
    assert set(written) == set(FORMATS)
    for form in ("html", "svg"):
        assert form not in written or "<script>pwn" not in written[form]
    session.close()


@pytest.mark.parametrize("name", CAPTURES)
def test_no_raw_character_from_the_program_whatever_it_is_asked(name: str, tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"\x1b]0;name\x07\xe2\x80\xae[bold]\xff.pcap")
    path.write_bytes(CAPTURES[name]())
    asked = [["check"], ["-F", "list", "-v"], ["-VV", "-x"], ["--json", "--no-redact"]]
    asked += [["--ndjson", "-l", "--detail", detail] for detail in DETAILS]
    asked += [["--color", "always", "-F", "list"], ["-Y", "command.name == '\x1b]0;x\x07'"]]
    for words in asked:
        command = [sys.executable, "-m", "analyzer", *words, str(path)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=60)
        out = done.stdout.decode("utf-8", "surrogateescape")
        if "always" in words:
            out = re.sub("\x1b\\[[0-9;]*m", "", out)  # the program's own colours
        for shown in (out, done.stderr.decode("utf-8", "surrogateescape")):
            found = RAW.search(shown)
            where = found and shown[max(found.start() - 60, 0) : found.end() + 20]
            assert found is None, (words, where)


def test_what_a_capture_program_says_is_made_safe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "tcpdump"
    program.write_text(
        "#!/bin/sh\n"
        "printf '1.lo\\033]0;x\\007 \\342\\200\\256[Up]\\n' | tee /dev/stderr\n"
        'test "$1" = -D -a ! -e "$0.fail"\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setenv(live.CHOICE, "tcpdump")
    assert "1.lo␛]0;x␇" in live.interfaces()
    (tmp_path / "tcpdump.fail").touch()
    for fail in (live.interfaces, lambda: live.Interface("\x1b[2J\u202e").open(Reading())):
        with pytest.raises(SourceError) as error:
            fail()
        assert "1.lo␛]0;x␇" in str(error.value)
        assert not RAW.search(str(error.value))


TYPED = "\x1b]0;x\x07\x9b31m\u202e\nrtmp-analyze: "
"""What a user's shell may hand over, a name out of a hostile archive for example."""
GOOD = str(ROOT / "captures/edge/hs-pipelined.pcap")


def typed() -> list[list[str]]:
    """Return command lines with `TYPED` at every place that takes text."""
    name = f"/nowhere/{TYPED}.pcap"
    options = ("-F", "--format", "-Y", "--detail", "--color", "--report", "--fail-on", "-c", "-d")
    options += ("--max-input-bytes", "--ring", "--keep", "-r", "--nonsense")
    asked = [
        [name],
        [name, GOOD],
        ["-i", TYPED],
        ["-i", "lo", "-f", TYPED],
        ["-i", "lo", "-w", name],
    ]
    asked += [[GOOD, option, TYPED] for option in options]
    asked += [
        [GOOD, "-o", name],
        ["check", GOOD, "-o", name],
        [GOOD, "--report", f"json={name}"],
        [GOOD, "-Y", f"'{TYPED}' == 1"],
    ]
    asked += [[GOOD, "-Y", f'command.name matches "({TYPED}"'], [GOOD, f"--json={TYPED}"]]
    gate = ("--policy", "--profile", "--baseline", "--select", "--ignore", "--param", "--expect")
    gate += ("--forbid", "--fail-on", "--detail", "--report")
    asked += [["check", GOOD, option, TYPED] for option in gate]
    asked += [["check", GOOD, "--param", f"TS-01.{TYPED}=1"], ["check", name, GOOD, "-F", "json"]]
    asked += [["check", GOOD, "--report", f"{form}={name}"] for form in ("junit", "json")]
    asked += [["extract", name], ["extract", GOOD, "-o", f"/dev/null/{TYPED}"]]
    asked += [["extract", GOOD, "-Y", TYPED], ["extract", GOOD, "--offset", TYPED]]
    asked += [
        ["diff", name, GOOD],
        ["diff", GOOD, GOOD, "-o", name],
        ["diff", GOOD, GOOD, "-Y", TYPED],
    ]
    asked += [["redact", name, "-o", "x"], ["redact", GOOD, "-o", name], ["schema", TYPED]]
    return asked


@pytest.mark.parametrize("words", typed(), ids=lambda words: " ".join(words).encode().hex()[-24:])
def test_what_the_user_typed_is_quoted_safely(
    words: list[str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(live.CHOICE, "none of them")
    code = cli.main(words)
    said = capsys.readouterr()
    assert code in (cli.USAGE, cli.UNREADABLE) and said.err, said
    for text in said:
        assert not RAW.search(text), text
        assert not any(line == "rtmp-analyze: " for line in text.splitlines()), text
