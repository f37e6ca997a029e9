"""Options, exit codes, streams: what scripts rely on."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from analyzer import __version__, cli
from analyzer.model import Diagnostic, Verdict
from analyzer.rules.engine import Judgement
from analyzer.session import Session
from tests.analyzer import talk

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("captures") / "talk.pcap"
    path.write_bytes(talk.pcap(talk.publish(), talk.answer()))
    return str(path)


def program(*words: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "analyzer", *words]
    where = os.environ | environment
    return subprocess.run(command, cwd=ROOT, env=where, capture_output=True, timeout=60)


def test_summary_when_not_a_terminal(capture: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([capture]) == 0
    out, err = capsys.readouterr()
    assert "publish app 'live'" in out and err == ""


@pytest.mark.parametrize(
    ("words", "start"),
    [
        (["--json"], '{"schema": '),
        (["-F", "json"], '{"schema": '),
        (["--ndjson"], '{"kind": "header"'),
        (["--format", "list"], "    time  dir"),
        (["-F", "list", "-l"], "        time  conn  dir"),
        (["-F", "summary"], "talk.pcap: pcap"),
        (["--tree"], "c0.handshake"),
        (["-V"], "c0.handshake"),
        (["-VV"], "c0.handshake"),
        (["-x"], "c0.handshake"),
        (["-Y", "video"], "    time  dir"),
    ],
)
def test_formats(
    capture: str, words: list[str], start: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([capture, *words]) == 0
    out, err = capsys.readouterr()
    assert out.startswith(start) and err == ""


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_terminal_gets_the_tui(capture: str, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[bool, str | None, bool]] = []

    def show(session: Session, text: str | None, redact: bool, paths: list[str]) -> int:
        calls.append((session.done, text, redact))
        assert [Path(path) for path in paths] == [Path(capture).absolute()]
        return 0

    monkeypatch.setitem(sys.modules, "analyzer.tui.app", SimpleNamespace(run=show))
    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr(sys, "stdout", Terminal())
    assert cli.main([capture]) == 0
    assert cli.main([capture, "-Y", "video", "--redact"]) == 0
    # It indexes by itself, in the background.
    assert calls == [(False, None, False), (False, "video", True)]
    assert cli.main([capture, "-F", "summary"]) == 0
    assert cli.main(["check", capture]) in (0, 1)
    assert len(calls) == 2


def test_terminal_without_textual_gets_the_summary(
    capture: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    screen = Terminal()
    monkeypatch.setitem(sys.modules, "analyzer.tui.app", None)
    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr(sys, "stdout", screen)
    monkeypatch.setenv("NO_COLOR", "1")
    assert cli.main([capture]) == 0
    assert "publish app 'live'" in screen.getvalue() and "\x1b" not in screen.getvalue()
    assert "no terminal interface" in capsys.readouterr().err


def test_the_tui_needs_a_terminal(capture: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([capture, "-F", "tui"]) == 2
    assert capsys.readouterr().err == "rtmp-analyze: -F tui needs a terminal\n"


def test_a_usage_error_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--bogus"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(("closed", "code"), [("stdin", 0), ("stdout", 2), ("stderr", 0)])
def test_closed_standard_streams(
    capture: str, closed: str, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody gets what is written to a closed standard output, and should know."""
    monkeypatch.setattr(sys, closed, None)
    assert cli.main([capture, "-F", "list"]) == code


def test_vv_shows_plumbing(capture: str, capsys: pytest.CaptureFixture[str]) -> None:
    cli.main([capture, "-V"])
    assert "AMF0 type" not in capsys.readouterr().out
    cli.main([capture, "-VV"])
    assert "AMF0 type: String (0x02)" in capsys.readouterr().out


def test_filter_and_packet_count(capture: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["-r", capture, "--json", "-Y", "rtmpt.header.typeid == 9"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert {m["type_id"] for m in report["messages"]} == {9}
    assert cli.main([capture, "--json", "-c", "16"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["capture"]["packets"] == 16 and 0 < len(report["messages"]) < 21


def test_filter_error_has_a_caret(capture: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([capture, "-Y", "type_id == 9 and cside == 3"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "rtmp-analyze: filter: unknown field 'cside'; did you mean 'csid'?",
        "type_id == 9 and cside == 3",
        "                 ^^^^^",
    ]


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--no-such-option"],
        ["x.pcap", "-F", "pdf"],
        ["x.pcap", "-c", "0"],
        ["x.pcap", "-c", "-5"],
        ["x.pcap", "-d", "udp.port==1,rtmp"],
        ["x.pcap", "-d", "tcp.port==70000,rtmp"],
        ["x.pcap", "--report", "json"],
        ["x.pcap", "--report", "pdf=x"],
        ["check", "x.pcap", "--fail-on", "sometimes"],
        ["x.pcap", "-o", "/no/such/folder/file"],
        ["schema", "extra"],
    ],
)
def test_usage_errors(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(words) == 2
    out, err = capsys.readouterr()
    assert out == "" and err and "Traceback" not in err


@pytest.mark.parametrize(
    "words", [["x.pcap", "-f", "tcp"], ["x.pcap", "-w", "y"], ["-i", "lo", "x"]]
)
def test_live_options_go_with_an_interface(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(words) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_an_interface_that_does_not_exist(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["-i", "nosuch0"]) == 3
    assert capsys.readouterr().err.count("\n") == 1


def test_unreadable_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "text").write_text("this is no capture at all")
    for path in (tmp_path / "missing.pcap", tmp_path / "text", tmp_path):
        assert cli.main([str(path)]) == 3
        out, err = capsys.readouterr()
        assert out == "" and len(err.splitlines()) == 1 and err.startswith("rtmp-analyze: ")


def test_no_rtmp_is_4_with_output(capsys: pytest.CaptureFixture[str]) -> None:
    path = str(talk.CAPTURES / "edge" / "rtmps.pcap")
    assert cli.main([path, "--json"]) == 4
    out, err = capsys.readouterr()
    assert json.loads(out)["summary"]["verdict"] == "inconclusive"
    assert len(err.splitlines()) == 1
    assert cli.main(["check", path]) == 4


def test_truncated_capture_is_read(
    capture: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "cut.pcap"
    path.write_bytes(Path(capture).read_bytes()[:-100])
    assert cli.main([str(path), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["capture"]["truncated"] is True and report["messages"]


def test_check(
    capture: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    severity = ["warning"]

    def judgement(self: Session) -> Judgement:
        found = Diagnostic("CHK-01", severity[0], "odd", message="c0.c2s.1", id="d0")
        return Judgement([found], [], [Verdict("c0", "pass", None, "odd")])

    assert cli.main(["check", capture]) in (0, 1)
    capsys.readouterr()
    monkeypatch.setattr(Session, "judgement", property(judgement))
    assert cli.main(["check", capture]) == 0
    assert capsys.readouterr().out.startswith("pass: talk.pcap: 0 errors, 1 warning, 0 notes")
    assert cli.main(["check", capture, "--fail-on", "warning"]) == 1
    assert "warning: CHK-01  c0.c2s.1" in capsys.readouterr().out
    severity[0] = "error"
    assert cli.main(["check", capture]) == 1
    assert capsys.readouterr().out.startswith("fail: ")
    assert cli.main(["check", capture, "--fail-on", "never"]) == 0
    assert cli.main([capture, "--fail-on", "error"]) == 1
    assert cli.main([capture]) == 0


def test_capture_named_like_a_command(
    capture: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "check").write_bytes(Path(capture).read_bytes())
    monkeypatch.chdir(tmp_path)
    assert cli.main(["./check"]) == 0
    assert cli.main(["check", "./check"]) in (0, 1)


def test_several_outputs_from_one_pass(
    capture: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, two, main = (str(tmp_path / name) for name in ("a.json", "b.txt", "main"))
    words = [capture, "--report", f"json={one}", "--report", f"list={two}", "-o", main]
    assert cli.main(words) == 0
    assert capsys.readouterr() == ("", "")
    assert json.loads(Path(one).read_text())["summary"]["messages"] == 21
    assert Path(two).read_text("utf-8").count("\n") == 22
    assert Path(main).read_text("utf-8").startswith("talk.pcap: ")


def test_two_outputs_do_not_share_a_file(
    capture: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(tmp_path / "out")
    assert cli.main([capture, "-o", path, "--report", f"json={path}"]) == cli.USAGE
    assert "named for two outputs" in capsys.readouterr().err
    assert cli.main([capture, "-o", os.devnull, "--report", f"json={os.devnull}"]) == cli.OK


def test_capture_is_never_overwritten(capture: str, capsys: pytest.CaptureFixture[str]) -> None:
    before = Path(capture).read_bytes()
    assert cli.main([capture, "-o", capture]) == 2
    assert cli.main([capture, "--report", f"json={capture}"]) == 2
    assert Path(capture).read_bytes() == before


def test_redaction_defaults(capture: str, capsys: pytest.CaptureFixture[str]) -> None:
    def shown(*words: str) -> tuple[bool, str]:
        assert cli.main([capture, *words]) == 0
        out, err = capsys.readouterr()
        return "s3cr3t" in out, err

    for form in ("json", "ndjson"):
        assert shown("-F", form) == (False, "")
        visible, err = shown("-F", form, "--no-redact")
        assert visible and "not redacted" in err and len(err.splitlines()) == 1
    for form in ("summary", "list", "tree"):
        assert shown("-F", form) == (True, "")
        assert shown("-F", form, "--redact") == (False, "")


def test_color(capture: str, capsys: pytest.CaptureFixture[str]) -> None:
    for words, colored in (
        (["--color", "always"], True),
        (["--color", "never"], False),
        ([], False),
    ):
        cli.main([capture, "-F", "list", *words])
        assert ("\x1b[" in capsys.readouterr().out) is colored


def test_schema_and_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["schema"]) == 0
    assert json.loads(capsys.readouterr().out)["$schema"].endswith("2020-12/schema")
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"rtmp-analyze {__version__}\n"


def test_internal_error_is_one_line(
    capture: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(self: Session, progress: object = None) -> None:
        raise RuntimeError("odd\n\x1b[31m")

    monkeypatch.delenv("RTMP_ANALYZE_DEBUG", raising=False)
    monkeypatch.setattr(Session, "run", broken)
    assert cli.main([capture]) == 70
    err = capsys.readouterr().err
    assert err.startswith("rtmp-analyze: internal error: RuntimeError") and "report" in err
    assert len(err.splitlines()) == 1 and "\x1b" not in err
    monkeypatch.setenv("RTMP_ANALYZE_DEBUG", "1")
    assert cli.main([capture]) == 70
    assert "Traceback" in capsys.readouterr().err


def test_interrupt(capture: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(self: Session, progress: object = None) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Session, "run", interrupted)
    assert cli.main([capture]) == 130


@pytest.mark.parametrize("module", ["analyzer.cli", "analyzer.session"])
def test_interrupt_during_imports(capture: str, module: str) -> None:
    """Ctrl-C while the program starts; numpy makes an ImportError of it where it is let."""
    code = f"""
import os, signal, sys
class Finder:
    def find_spec(name, path, target=None):
        if name == {module!r}:
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Finder)
from analyzer.__main__ import main
sys.argv = ["rtmp-analyze", {capture!r}, "--json"]
sys.exit(main())
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"")


def test_closed_pipe() -> None:
    path = talk.CAPTURES / "real" / "publish-play-nginx.pcap"
    command = [sys.executable, "-m", "analyzer", str(path), "--tree"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None and process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait(30) == 141


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_full_disk(capture: str) -> None:
    for words in (["-o", "/dev/full"], ["--report", "json=/dev/full"]):
        done = program(capture, *words)
        assert done.returncode == 2 and len(done.stderr.splitlines()) == 1
    with Path("/dev/full").open("wb") as full:
        command = [sys.executable, "-m", "analyzer", capture, "--tree"]
        run = subprocess.run(command, cwd=ROOT, stdout=full, stderr=subprocess.PIPE, timeout=60)
    assert run.returncode == 2 and len(run.stderr.splitlines()) == 1


def test_standard_input(capture: str) -> None:
    command = [sys.executable, "-m", "analyzer", "-", "--json"]
    data = Path(capture).read_bytes()
    done = subprocess.run(command, cwd=ROOT, input=data, capture_output=True, timeout=60)
    assert done.returncode == 0 and done.stderr == b""
    assert json.loads(done.stdout)["summary"]["messages"] == 21


@pytest.mark.parametrize("form", ["json", "ndjson", "summary", "list", "tree"])
def test_output_is_deterministic(form: str) -> None:
    path = str(talk.CAPTURES / "real" / "publish-denied.pcap")
    places = [
        {"PYTHONHASHSEED": "1", "TZ": "UTC", "LC_ALL": "C"},
        {"PYTHONHASHSEED": "77", "TZ": "Asia/Tokyo", "LC_ALL": "de_DE.UTF-8"},
        {"PYTHONHASHSEED": "3", "PYTHONIOENCODING": "latin-1", "LANG": "POSIX"},
    ]
    runs = [program("-F", form, path, **place) for place in places]
    assert {run.returncode for run in runs} <= {0, 4}
    assert runs[0].stdout and len({run.stdout for run in runs}) == 1


def modules(*words: str) -> set[str]:
    """Return the top-level modules that a run of the program has loaded."""
    code = (
        "import sys; from analyzer import cli; code = cli.main(sys.argv[1:]); "
        "print(*sorted({name.split('.')[0] for name in sys.modules}), file=sys.stderr)"
    )
    command = [sys.executable, "-c", code, *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    return set(done.stderr.split())


def test_what_is_imported(capture: str) -> None:
    for word in ("--help", "--version"):
        assert not modules(word) & {"numpy", "dpkt", "scapy", "textual", "rich", "dataclasses"}
    loaded = modules("--json", capture)
    assert "numpy" in loaded and not loaded & {"textual", "rich", "scapy"}


def test_decode_as_is_not_advised_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "http.pcap"
    path.write_bytes(talk.streams(b"GET / HTTP/1.1\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n"))
    assert cli.main([str(path), "-F", "summary"]) == 4
    assert "-d tcp.port==PORT,rtmp" in capsys.readouterr().out
    assert cli.main([str(path), "-F", "summary", "-d", "tcp.port==1935,rtmp"]) == 4
    told = capsys.readouterr().out
    assert "Nothing at port 1935 (-d) is RTMP" in told and "PORT" not in told
