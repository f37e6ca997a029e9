"""Capture while it happens: pipes, growing files, and real interfaces where that is allowed."""

import contextlib
import io
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from queue import Empty, Queue
from typing import IO

import pytest

from analyzer.export.request import Request
from analyzer.export.streaming import Streamer
from analyzer.options import Options
from analyzer.session import Session
from analyzer.sources import FilterRefusedError, Reading, SourceError, live, open_captures
from tests.analyzer import talk
from tests.dissectors.chunk_builder import build

ROOT = Path(__file__).parents[2]
PROGRAMS = ("dumpcap", "tcpdump", "scapy")


def _may_capture() -> bool:
    try:
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW).close()
    except (OSError, AttributeError):
        return False
    return True


def needs(program: str) -> None:
    if not _may_capture():
        pytest.skip("capturing needs root or CAP_NET_RAW")
    if program != "scapy" and not shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin"):
        pytest.skip(f"{program} is not installed")


class Lines:
    """The output of a process, line by line, with a clock."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._queue: Queue[bytes] = Queue()
        self.all: list[str] = []
        self._thread = threading.Thread(target=self._read, args=(stream,), daemon=True)
        self._thread.start()

    def _read(self, stream: IO[bytes]) -> None:
        for line in stream:
            self._queue.put(line)

    def wait(self, text: str, seconds: float) -> str:
        """Return the first line that has `text`, which must come within `seconds`."""
        end = time.monotonic() + seconds
        while True:
            try:
                line = self._queue.get(timeout=max(end - time.monotonic(), 0)).decode()
            except Empty:
                raise AssertionError(f"no {text!r} in {seconds} s but {self.all}") from None
            self.all.append(line)
            if text in line:
                return line

    def rest(self) -> list[str]:
        self._thread.join(10)
        while not self._queue.empty():
            self.all.append(self._queue.get().decode())
        return self.all


@contextlib.contextmanager
def program(*words: str, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "analyzer", *words],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | environment,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            assert stream is not None
            with contextlib.suppress(OSError):
                stream.close()


def streams(process: subprocess.Popen[bytes]) -> tuple[IO[bytes], Lines, IO[bytes]]:
    assert process.stdin and process.stdout and process.stderr
    return process.stdin, Lines(process.stdout), process.stderr


# -- a pipe ------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["list", "tree", "ndjson"])
def test_messages_of_a_pipe_are_shown_at_once(form: str) -> None:
    data = talk.pcap(talk.publish(), talk.answer())
    middle = data.index(b"@setDataFrame") + 2000
    with program("-l", "-F", form, "-") as process:
        pipe, lines, _ = streams(process)
        pipe.write(data[:middle])
        pipe.flush()
        lines.wait("connect(", 20)  # the program has to start first
        lines.wait("publish(", 1)
        pipe.write(data[middle:])
        pipe.flush()
        lines.wait("onStatus" if form != "tree" else "Audio Data", 1)
        pipe.close()
        assert process.wait(10) == 0
    if form == "ndjson":
        found = [json.loads(line) for line in lines.rest()]
        kinds = list(dict.fromkeys(item["kind"] for item in found))
        assert kinds[:3] == ["header", "message", "connection"] and kinds[-1] == "end"
        assert found[-1]["complete"] and found[-1]["messages"] == 21
        assert found[-1]["capture"]["packets"] > found[0]["capture"]["packets"]
        assert talk.NAME not in "".join(lines.all) and "‹key#1›" in str(found)


def test_ndjson_of_a_pipe_is_that_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "talk.pcap"
    path.write_bytes(talk.pcap(talk.publish(), talk.answer()))
    outputs = []
    for name in (str(path), "-"):
        with program("--ndjson", name) as process:
            pipe, lines, _ = streams(process)
            pipe.write(path.read_bytes() if name == "-" else b"")
            pipe.close()
            assert process.wait(20) == 0
        outputs.append([line.replace('"talk.pcap"', '"-"') for line in lines.rest()])
    assert outputs[0] == outputs[1]


def test_streamed_ndjson_says_what_the_document_says() -> None:
    data = talk.pcap(talk.publish(), talk.answer())

    def output(streamed: bool) -> list[dict[str, object]]:
        out = io.StringIO()
        session = Session([io.BytesIO(data)], Options(streamed=streamed))
        if streamed:
            streamer = Streamer("ndjson", out, Request(), redacted=False)
            session.run(streamer)
            streamer.finish(session)
        else:
            from analyzer.export.report import write_lines

            session.run()
            write_lines(session, out, Request())
        return [json.loads(line) for line in out.getvalue().splitlines()]

    def of(lines: list[dict[str, object]], kind: str) -> list[dict[str, object]]:
        return [line for line in lines if line["kind"] == kind]

    whole, streamed = output(False), output(True)
    for line in [*whole, *streamed]:  # calls and replies find each other at the end only
        line.pop("command", None)
        line.pop("info", None)
    for kind in ("message", "connection", "diagnostic"):
        assert of(whole, kind) == of(streamed, kind)


def test_ctrl_c_ends_a_pipe_with_its_report() -> None:
    data = talk.pcap(talk.publish(), talk.answer())
    with program("-l", "-F", "ndjson", "-") as process:
        pipe, lines, errors = streams(process)
        pipe.write(data[:-100])  # in the middle of a record, and the writer goes on
        pipe.flush()
        lines.wait('"kind": "message"', 20)
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGINT)  # as `timeout -s INT` does
        assert process.wait(10) == 0
        rest = [json.loads(line) for line in lines.rest()]
        assert rest[-1]["kind"] == "end"
        assert "CAP-08" not in [line.get("rule") for line in rest]  # damaged: it was only stopped
        assert errors.read() == b""


def test_follow_shows_what_is_added(tmp_path: Path) -> None:
    data = talk.pcap(talk.publish(), talk.answer())
    path = tmp_path / "growing.pcap"
    path.write_bytes(data[:5000])
    with program("-F", "list", "--follow", str(path)) as process:
        _, lines, _ = streams(process)
        lines.wait("info", 20)
        with path.open("ab") as file:
            file.write(data[5000:])
        lines.wait("publish(", 2)
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0


# -- the capture program -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (
            "tcpdump: eth9: No such device exists\n(No such device exists)",
            "eth9: no such interface",
        ),
        ('dumpcap: There is no device named "eth9".', "eth9: no such interface"),
        ("tcpdump: eth9: You don't have permission to perform this", "no permission to capture"),
        ("dumpcap: cap_set_proc() fail return: Operation not permitted", "no permission"),
        ("tcpdump: eth9: That device is not up", "eth9: the interface is down"),
        ("Capturing on 'x'\ndumpcap: something \x1b[31m else", "eth9: something"),
        ("", "eth9: tcpdump ended without a word"),
    ],
)
def test_last_words_become_one_line(words: str, text: str) -> None:
    error = live.explain(words, "eth9", "tcpdump")
    assert text in str(error) and "\n" not in str(error)
    assert not isinstance(error, FilterRefusedError)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("tcpdump: can't parse filter expression: syntax error", "syntax error"),
        ("tcpdump: unknown ether host 'zz'", "unknown ether host 'zz'"),
        ("tcpdump: expression rejects all packets", "expression rejects all packets"),
        (
            "dumpcap: Invalid capture filter \"port 99999\" for interface 'lo'.\n\nThat string "
            "isn't a valid capture filter (illegal port number 99999 > 65535).\nSee the Guide.",
            "illegal port number 99999 > 65535",
        ),
        (
            "scapy: Failed to compile filter expression 'tcp prt 1' (can't parse filter "
            "expression: syntax error)",
            "syntax error",
        ),
    ],
)
def test_a_filter_that_libpcap_refuses(words: str, reason: str) -> None:
    error = live.explain(words, "eth9", "tcpdump")
    assert isinstance(error, FilterRefusedError) and str(error) == f"capture filter: {reason}"


@pytest.mark.parametrize("program", ["tcpdump", "dumpcap", "python3.11"])
def test_missing_rights_are_never_given_to_the_interpreter(program: str) -> None:
    text = str(live.explain("Operation not permitted", "eth9", program))
    assert "sudo tcpdump -i eth9 -U -w - | rtmp-analyze -" in text
    assert ("setcap" in text) == (program == "tcpdump") and "python3.11" not in text


def test_any_needs_a_capture_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(live.CHOICE, "scapy")
    with pytest.raises(SourceError, match=r"-D lists them.*install"):
        live.Interface("any").open(Reading())


def fake(tmp_path: Path, script: str) -> dict[str, str]:
    """Put a program of the name tcpdump first in the path."""
    path = tmp_path / "tcpdump"
    path.write_text("#!/bin/sh\n" + script)
    path.chmod(0o755)
    return {"PATH": f"{tmp_path}:{os.environ['PATH']}", live.CHOICE: "tcpdump"}


def test_drops_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "data").write_bytes(talk.pcap(talk.publish(), talk.answer()))
    words = "7 packets dropped by kernel"
    script = f"cat {tmp_path}/data; echo '30 packets captured' >&2; echo '{words}' >&2"
    with program("-i", "x", "-F", "ndjson", **fake(tmp_path, script)) as process:
        _, lines, errors = streams(process)
        assert process.wait(20) == 0
        found = [json.loads(line) for line in lines.rest()]
        drops = [item for item in found if item.get("rule") == "CAP-09"]
        assert drops and "7 packets" in drops[0]["text"]
        assert b"dropped packets before they could be written: 7" in errors.read()


def test_a_program_that_fails_midway_or_hangs(tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(talk.pcap(talk.publish(), talk.answer()))
    script = f"cat {tmp_path}/data; echo 'tcpdump: the interface disappeared' >&2; exit 1"
    with program("-i", "x", "-F", "summary", **fake(tmp_path, script)) as process:
        out, _ = process.communicate(timeout=20)
        assert "the capture ended early: the interface disappeared" in out.decode()
    for end, text in (("kill -9 $$", "tcpdump was ended by signal 9"), ("exit 0", "tcpdump ended")):
        script = f"cat {tmp_path}/data; {end}"
        with program("-i", "x", "-F", "list", **fake(tmp_path, script)) as process:
            _, errors = process.communicate(timeout=20)
            said = errors.decode()
            assert said.splitlines() == [f"rtmp-analyze: the capture ended early: {text}"]
    script = f"trap '' INT TERM; cat {tmp_path}/data; exec sleep 600"
    with program("-i", "x", "-F", "list", **fake(tmp_path, script)) as process:
        _, lines, _ = streams(process)
        lines.wait("publish(", 20)
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_no_capture_program_outlives_a_signal(tmp_path: Path, number: int) -> None:
    """Also one that says nothing for hours, and would not notice that nobody reads."""
    (tmp_path / "data").write_bytes(talk.pcap(talk.publish(), talk.answer()))
    script = f"echo $$ > {tmp_path}/pid; cat {tmp_path}/data; exec sleep 600"
    with program("-i", "x", "-l", "-F", "list", **fake(tmp_path, script)) as process:
        _, lines, _ = streams(process)
        lines.wait("publish(", 20)
        process.send_signal(number)
        assert process.wait(20) == 0
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_a_copy_that_is_not_whole_is_told(tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(talk.pcap(talk.publish(), talk.answer()))
    script = f"cat {tmp_path}/data"
    words = ("-i", "x", "-F", "summary", "-q", "-w", "/dev/full")
    with program(*words, **fake(tmp_path, script)) as process:
        out, errors = process.communicate(timeout=20)
        assert process.returncode == 2 and b"publish app" in out
        assert b"the copy of the capture is not whole: No space left" in errors


def test_wrong_uses() -> None:
    for words in (["-f", "tcp"], ["-i", "lo", "x.pcap"], ["--ring", "many", "-i", "lo"]):
        with program(*words) as process:
            _, errors = process.communicate(timeout=20)
            assert process.returncode == 2 and len(errors.splitlines()) == 1


# -- real interfaces -----------------------------------------------------------------------


def conversation(port: int) -> None:
    """Send a small publish over loopback."""
    client, server = build(talk.publish()).data, build(talk.answer()).data
    greeting = b"\x03" + bytes(range(256)) * 12
    with socket.create_server(("127.0.0.1", port)) as listening:
        first = socket.create_connection(("127.0.0.1", port))
        second, _ = listening.accept()
        with first, second:
            for one, other, data in ((first, second, client), (second, first, server)):
                one.sendall(greeting[:3073] + bytes(data))
                left = 3073 + len(data)
                while left:
                    left -= len(other.recv(65536))


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
        return port


@pytest.mark.parametrize("name", PROGRAMS)
def test_live_capture(name: str, tmp_path: Path) -> None:
    needs(name)
    port, saved = free_port(), tmp_path / "saved.pcap"
    words = ["-i", "lo", "-f", f"tcp port {port}", "-d", f"tcp.port=={port},rtmp", "-F", "ndjson"]
    with program(*words, "-w", str(saved), **{live.CHOICE: name}) as process:
        _, lines, errors = streams(process)
        deadline = time.monotonic() + 20
        while not (saved.exists() and saved.stat().st_size) and time.monotonic() < deadline:
            time.sleep(0.05)
        conversation(port)
        lines.wait("connect(", 3)
        process.send_signal(signal.SIGINT)
        assert process.wait(15) == 0, errors.read()
        found = [json.loads(line) for line in lines.rest()]
        assert found[-1]["kind"] == "end" and found[-1]["messages"] == 21
        assert found[-1]["capture"]["format"] == "pcap" and errors.read() == b""
    again = Session([str(saved)], Options(decode_as=frozenset({port})))
    again.run()
    assert len(again.messages) == 21 and not again.captures.problems
    again.close()


@pytest.mark.parametrize("name", PROGRAMS)
def test_what_cannot_be_captured(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    needs(name)
    monkeypatch.setenv(live.CHOICE, name)
    assert "lo" in live.interfaces()
    with pytest.raises(SourceError, match=r"nowhere0: no such interface \(-D lists them\)"):
        open_captures(live.Interface("nowhere0"), Reading(live=True))
    with pytest.raises(FilterRefusedError, match=r"^capture filter: .*"):
        open_captures(live.Interface("lo", "tcp prt 5"), Reading(live=True))


@pytest.mark.skipif(not shutil.which("setpriv"), reason="setpriv is not installed")
@pytest.mark.parametrize("name", ["dumpcap", "tcpdump"])
def test_without_privileges(name: str, tmp_path: Path) -> None:
    needs(name)
    found = shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin")
    script = tmp_path / "tcpdump"
    environment = fake(tmp_path, f'exec setpriv --reuid=65534 --clear-groups {found} "$@"\n')
    if name == "dumpcap":
        script.rename(tmp_path / "dumpcap")
        environment[live.CHOICE] = "dumpcap"
    with program("-i", "lo", "-F", "list", **environment) as process:
        _, errors = process.communicate(timeout=20)
        assert process.returncode == 3 and len(errors.splitlines()) == 1
        assert b"no permission to capture" in errors
