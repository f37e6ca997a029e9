"""`rtmp-analyze check`: exit codes, several captures, baselines, reports, faults in one line."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import jsonschema
import pytest

from analyzer import cli
from analyzer.export import FORMATS
from tests.analyzer import talk

ROOT = Path(__file__).parents[3]
GOOD = str(talk.CAPTURES / "real/publish-play-nginx.pcap")
DENIED = str(talk.CAPTURES / "lab/nginx-publish-denied.pcap")
RTMPS = str(talk.CAPTURES / "edge/rtmps.pcap")
LATE = str(talk.CAPTURES / "lab/nginx-late-start.pcap")
Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Policies are looked for in the current folder."""
    monkeypatch.chdir(tmp_path)


def check(*words: str) -> int:
    return cli.main(["check", *words])


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ([GOOD], 0),
        ([GOOD, "--expect", "publish.started", "--forbid", "rule.CMD-05"], 0),
        ([GOOD, "--expect", "video.codec == hevc"], 1),
        ([GOOD, "--forbid", "video.codec == h264"], 1),
        ([GOOD, "--profile", "youtube"], 0),
        ([GOOD, "--profile", "spec"], 0),
        ([DENIED], 1),
        ([DENIED, "--fail-on", "never"], 0),
        ([DENIED, "--ignore", "CMD,END"], 0),
        ([DENIED, "--select", "CAP"], 0),
        ([DENIED, "--select", "CMD-05"], 1),
        ([DENIED, "--fail-on", "never", "--expect", "gop.max <= 2s"], 4),
        ([DENIED, "--expect", "gop.max <= 2s"], 1),
        ([RTMPS], 4),
        ([LATE], 4),
        ([LATE, "--expect", "video.codec == h264 or rule.CAP-01"], 0),
        (["gone.pcap"], 3),
        ([GOOD, DENIED], 1),
        ([GOOD, RTMPS], 4),
        ([DENIED, RTMPS], 1),
        ([GOOD, DENIED, RTMPS, "gone.pcap"], 3),
    ],
)
def test_exit_codes(words: list[str], code: int, capsys: Capture) -> None:
    assert check(*words) == code
    out, _ = capsys.readouterr()
    word = {0: "pass", 1: "fail", 3: "unreadable", 4: "inconclusive"}[code]
    assert f"{word}: " in out


@pytest.mark.parametrize(
    ("words", "message", "marked"),
    [
        (["--expect", "gop.max <= 2"], "--expect: expected a duration with its unit", "2"),
        (
            ["--forbid", "rule.TS-99 and errors"],
            "--forbid: unknown field 'rule.TS-99'",
            "rule.TS-99",
        ),
        (["--param", "CMD-99.x=1"], "--param: unknown rule 'CMD-99'", "CMD-99"),
        (["--select", "CMD,XX-1"], "unknown rule or group 'XX-1'", "XX-1"),
        (["--ignore", "TT"], "unknown rule or group 'TT'", "TT"),
        (["--profile", "yt"], "unknown profile 'yt'", ""),
        (["--policy", "none.toml"], "none.toml: No such file", ""),
        (["--baseline", "none.json"], "--write-baseline makes it", ""),
        (["--write-baseline"], "needs --baseline FILE", ""),
        (["--report", "junitt=x"], "should be FORMAT=PATH", ""),
        (["--report", "junit=/nowhere/x"], "No such file", ""),
        ([GOOD, "--json"], "of several, give a path with {capture}", ""),
    ],
)
def test_faults_are_told_in_a_line(
    words: list[str], message: str, marked: str, capsys: Capture
) -> None:
    assert check(GOOD, *words) == 2
    out, err = capsys.readouterr()
    first, *rest = err.splitlines()
    assert out == "" and message in first
    if marked:
        line, carets = rest
        assert line[carets.index("^") : carets.rindex("^") + 1].startswith(marked)
    else:
        assert not rest


def test_the_text_is_a_screen_with_the_verdict_first(capsys: Capture) -> None:
    check(DENIED, "--profile", "youtube", "--expect", "publish.started")
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) <= 25
    assert lines[0].startswith("fail: nginx-publish-denied.pcap: ")
    assert lines[2].split() == "TCP ✓ handshake ✓ connect ✓ createStream ✓ publish ✗".split()
    text = "\n".join(lines)
    assert "frame 34" in text and "try: " in text and "blame: server" in text


def test_code_and_description_are_verbatim(tmp_path: Path, capsys: Capture) -> None:
    words = "[ AccessManager.Reject ] : [ code=403 need auth; authmod=adobe ] : "
    data = talk.pcap(talk.publish()[:1], [talk.answer()[0], talk.refusal(words)])
    (tmp_path / "x.pcap").write_bytes(data)
    assert check("x.pcap") == 1
    out, _ = capsys.readouterr()
    assert "connect ✗ NetConnection.Connect.Rejected: " + words in out


def test_policy_of_the_current_folder(tmp_path: Path) -> None:
    (tmp_path / "rtmp-analyze.toml").write_text('expect = ["connections == 1"]')
    assert check(GOOD) == 1
    assert check(DENIED, "--fail-on", "never") == 0


def test_baseline(tmp_path: Path, capsys: Capture) -> None:
    assert check(DENIED, "--baseline", "b.json", "--write-baseline", "-q") == 0
    text = (tmp_path / "b.json").read_text()
    assert any(item["rule"] == "CMD-05" for item in json.loads(text)["findings"])
    capsys.readouterr()
    assert check(DENIED, "--baseline", "b.json") == 0
    out, err = capsys.readouterr()
    assert "known: CMD-05" in out and err == ""
    assert check(GOOD, "--baseline", "b.json") == 0
    assert "gone since the baseline: error CMD-05" in capsys.readouterr().err
    assert check(DENIED, "--baseline", "b.json", "--expect", "publish.started") == 1


def test_all_reports_from_one_pass(tmp_path: Path, capsys: Capture) -> None:
    reports = [f"{name}=r-{{capture}}.{name}" for name in FORMATS if not FORMATS[name].judged]
    reports += [f"{name}=all.{name}" for name in FORMATS if FORMATS[name].judged]
    words = [word for report in reports for word in ("--report", report)]
    assert check(GOOD, DENIED, RTMPS, *words) == 1
    assert capsys.readouterr().err == ""
    for name, form in FORMATS.items():
        files = list(tmp_path.glob(f"all.{name}" if form.judged else f"r-*.pcap.{name}"))
        assert len(files) == (1 if form.judged else 3), name
        assert any(file.stat().st_size for file in files), name


@pytest.mark.parametrize(
    "words",
    [
        ["--report", "html=c.pcap"],
        ["--report", "html={capture}"],
        ["-o", "./c.pcap"],
        ["--write-baseline", "--baseline", "c.pcap"],
    ],
)
def test_a_report_does_not_overwrite_the_capture(words: list[str], tmp_path: Path) -> None:
    copy = tmp_path / "c.pcap"
    copy.write_bytes(Path(GOOD).read_bytes())
    assert check("c.pcap", *words) == 2
    assert copy.read_bytes() == Path(GOOD).read_bytes()


def test_secrets_stay_here_unless_asked_for(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "x.pcap").write_bytes(talk.pcap(talk.publish(), talk.answer()))
    judged = [name for name in FORMATS if FORMATS[name].redacted]
    words = [word for name in judged for word in ("--report", f"{name}=out.{name}")]
    check("x.pcap", *words)
    for name in judged:
        text = (tmp_path / f"out.{name}").read_text()
        assert "s3cr3t" not in text and "cam7" not in text, name
    check("x.pcap", "--no-redact", *words)
    assert "not redacted" in capsys.readouterr().err
    assert "cam7" in (tmp_path / "out.html").read_text()


def test_same_bytes_whatever_the_environment(tmp_path: Path) -> None:
    names = [name for name in FORMATS if FORMATS[name].judged]
    seen = []
    for number, (seed, zone, language) in enumerate(
        [("0", "UTC", "C"), ("4711", "Asia/Tokyo", "de_DE.UTF-8")]
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        words = [word for name in names for word in ("--report", f"{name}={folder}/{name}")]
        command = [sys.executable, "-m", "analyzer", "check", GOOD, DENIED, RTMPS, *words]
        where = os.environ | {"PYTHONHASHSEED": seed, "TZ": zone, "LANG": language, "LC_ALL": "C"}
        done = subprocess.run(command, cwd=ROOT, env=where, capture_output=True, timeout=60)
        assert done.returncode == 1
        seen.append([done.stdout, *((folder / name).read_bytes() for name in names)])
    assert seen[0] == seen[1]


def test_the_main_form_writes_these_reports_too(tmp_path: Path, capsys: Capture) -> None:
    assert cli.main([GOOD, "-F", "junit", "--report", "sarif=x.sarif"]) == 0
    assert capsys.readouterr().out.startswith("<?xml")
    assert json.loads((tmp_path / "x.sarif").read_text())["version"] == "2.1.0"


def test_captures_of_one_name_get_files_of_their_own(tmp_path: Path) -> None:
    for folder, source in (("a", GOOD), ("b", DENIED)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x.pcap").write_bytes(Path(source).read_bytes())
    assert check("a/x.pcap", "b/x.pcap", "--report", "json={capture}.json") == 1
    verdicts = [json.loads((tmp_path / name).read_text())["summary"]["verdict"]
                for name in ("x.pcap.json", "x.pcap-2.json")]  # fmt: skip
    assert verdicts == ["pass", "fail"]
    assert check(GOOD, "--report", "html=x", "--report", "junit=x") == 2


@pytest.mark.parametrize("form", ["check", "markdown", "html", "mermaid"])
def test_captures_of_one_name_are_told_apart(form: str, tmp_path: Path, capsys: Capture) -> None:
    for folder in ("a", "b", "c"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x.pcap").write_bytes(Path(DENIED).read_bytes())
    os.chdir(tmp_path / "c")
    captures = ["x.pcap", str(tmp_path / "a/x.pcap"), str(tmp_path / "b/x.pcap")]
    assert check(*captures, "-F", form) == 1
    said = capsys.readouterr().out
    assert "x.pcap (2)" in said.replace("\\", "") and str(tmp_path) not in said
    os.chdir(tmp_path)
    assert check("a/x.pcap", "b/x.pcap", GOOD, "-F", form) == 1
    said = capsys.readouterr().out
    assert all(name in said for name in ("a/x.pcap", "b/x.pcap", Path(GOOD).name))
    assert "captures/real" not in said


def test_json_has_the_assertions_and_the_verdict_of_the_exit_code(capsys: Capture) -> None:
    schema = json.loads((ROOT / "analyzer" / "export" / "schema.json").read_text("utf-8"))
    for words, code, verdict in (
        ([GOOD, "--expect", "gop.max <= 1ms"], 1, "fail"),
        ([DENIED, "--fail-on", "never", "--expect", "gop.max <= 1ms"], 4, "inconclusive"),
        ([GOOD], 0, "pass"),
    ):
        assert check(*words, "--json") == code
        report = json.loads(capsys.readouterr().out)
        jsonschema.validate(report, schema)
        assert report["summary"]["verdict"] == verdict
        assert [item["status"] for item in report["summary"]["assertions"]] == (
            [verdict] if len(words) > 1 else []
        )


def test_one_placeholder_per_secret_over_all_captures(tmp_path: Path) -> None:
    """The same key in two captures is the same placeholder, and each is hidden in both."""
    for name, key in (("a", "firstkey99"), ("b", "secondkey77"), ("c", "firstkey99")):
        data = talk.pcap(talk.publish(name=key), talk.answer(f"{key} is now published"))
        (tmp_path / f"{name}.pcap").write_bytes(data)
    check("a.pcap", "b.pcap", "c.pcap", "--report", "markdown=all.md")
    text = (tmp_path / "all.md").read_text()
    assert "firstkey99" not in text and "secondkey77" not in text
    titles = [line for line in text.splitlines() if line.startswith("### c0")]
    assert [line.count("key\\#1") for line in titles] == [1, 0, 1]
    assert "key\\#2" in titles[1]


def test_what_cannot_be_written_spoils_nothing(tmp_path: Path, capsys: Capture) -> None:
    kept = tmp_path / "old.html"
    kept.write_text("precious")
    with_two = [GOOD, DENIED, "--report", f"html={kept}", "--report", "json=one.json"]
    assert check(*with_two) == cli.USAGE
    assert kept.read_text() == "precious"
    assert "{capture}" in capsys.readouterr().err


def test_a_report_of_each_capture(tmp_path: Path, capsys: Capture) -> None:
    assert check(GOOD, DENIED, "--report", "mermaid=of-{capture}.mmd") == cli.FINDINGS
    written = sorted(path.name for path in tmp_path.glob("*.mmd"))
    assert written == ["of-nginx-publish-denied.pcap.mmd", "of-publish-play-nginx.pcap.mmd"]


def test_one_mermaid_file_is_one_diagram(tmp_path: Path) -> None:
    check(GOOD, DENIED, "--report", "mermaid=all.mmd")
    lines = Path("all.mmd").read_text("utf-8").splitlines()
    assert [n for n, line in enumerate(lines) if "sequenceDiagram" in line] == [0]
    assert sum(line.startswith("    participant C") for line in lines) == 3


def test_reports_for_machines_name_captures_by_their_paths(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, capsys: Capture
) -> None:
    far = tmp_path_factory.mktemp("far") / "x.pcap"
    near = [Path("a/x.pcap"), Path("b/x.pcap"), Path("c d/x.pcap")]
    for path in (*near, far):
        path.parent.mkdir(exist_ok=True)
        shutil.copy(DENIED, path)
    given = ["./a/x.pcap", "b/x.pcap", str(tmp_path / "c d/x.pcap"), str(far), "b/gone.pcap"]
    reports = ("junit=r.xml", "sarif=r.sarif", "github=r.txt")
    check(*given, *(word for name in reports for word in ("--report", name)))
    names = ["a/x.pcap", "b/x.pcap", "c d/x.pcap", "x.pcap", "b/gone.pcap"]
    assert [suite.get("name") for suite in ET.parse("r.xml").getroot()] == names
    annotated = re.findall(r"::\w+ file=([^,]*),", Path("r.txt").read_text("utf-8"))
    assert list(dict.fromkeys(annotated)) == names
    artifacts = json.loads(Path("r.sarif").read_text("utf-8"))["runs"][0]["artifacts"]
    uris = [name.replace(" ", "%20") for name in names]
    assert [each["location"]["uri"] for each in artifacts] == uris
    capsys.readouterr()
    check("a/x.pcap", "--json", "--detail", "summary")
    assert json.loads(capsys.readouterr().out)["capture"]["name"] == "x.pcap"


def test_the_summary_of_a_github_step_keeps_what_it_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    summary = str(tmp_path / "summary.md")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", summary)
    for path in (summary, "other.md"):
        check(GOOD, "--report", f"markdown={path}")
        check(DENIED, "--report", f"markdown={path}")
    both, last = Path(summary).read_text("utf-8"), Path("other.md").read_text("utf-8")
    assert both.endswith("\n" + last) and len(both) > len(last)
