"""The plugin in a pytest of its own, found by its entry point."""

import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

from tests.analyzer.talk import CAPTURES

TESTS = f"""
import pytest
GOOD = {str(CAPTURES / "real/publish-play-nginx.pcap")!r}
DENIED = {str(CAPTURES / "lab/nginx-publish-denied.pcap")!r}
RTMPS = {str(CAPTURES / "edge/rtmps.pcap")!r}

def test_good(rtmp_capture):
    capture = rtmp_capture(GOOD)
    capture.assert_no_findings()
    capture.assert_expect("publish.started and video.codec == h264")
    capture.assert_forbid("rule.CMD-05")
    assert len(capture.session.connections) == 2

def test_denied(rtmp_capture):
    capture = rtmp_capture(DENIED)
    assert "CMD-05" in [item.rule for item in capture.findings("error")]
    for call in (
        capture.assert_no_findings,
        lambda: capture.assert_expect("publish.started"),
        lambda: capture.assert_forbid("rule.CMD-05"),
        lambda: capture.assert_expect("gop.max <= 2s"),
        lambda: capture.assert_forbid("gop.max <= 2s"),
        lambda: capture.assert_expect("gop.max <= 2"),
        lambda: rtmp_capture(RTMPS).assert_no_findings(),
    ):
        with pytest.raises(pytest.fail.Exception):
            call()

def test_no_capture(rtmp_capture):
    rtmp_capture("nowhere.pcap")

def test_misspelt(rtmp_capture):
    rtmp_capture(GOOD).assert_no_findings("errors")

def test_findings(rtmp_capture):
    rtmp_capture(DENIED).assert_no_findings()

def test_ignored(rtmp_capture):
    rtmp_capture(DENIED).assert_no_findings(ignore=["CMD-05"])

def test_message(rtmp_capture):
    rtmp_capture(DENIED).assert_expect("publish.started")
"""


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)


def test_fixture_and_assertions(tmp_path: Path) -> None:
    (tmp_path / "test_capture.py").write_text(TESTS)
    done = run(tmp_path)
    assert "4 failed, 3 passed" in done.stdout, done.stdout + done.stderr
    said = done.stdout.splitlines()
    assert "expect publish.started: fail: publish.started is false (c0)" in said
    assert "nowhere.pcap: No such file or directory" in said
    assert "'errors' is none of note, warning, error" in said
    assert "1 finding:" in said
    assert "During handling" not in done.stdout and "def test_" not in done.stdout


def test_it_is_an_entry_point_and_documented(tmp_path: Path) -> None:
    found = entry_points(group="pytest11", name="rtmp_analyze")
    assert [entry.value for entry in found] == ["analyzer.pytest_plugin"]
    assert "rtmp_capture" in run(tmp_path, "--fixtures").stdout


def test_loading_it_is_cheap() -> None:
    """Every pytest on the machine loads it."""
    script = (
        "import pytest, sys\nbefore = set(sys.modules)\nimport analyzer.pytest_plugin\n"
        "new = set(sys.modules) - before\n"
        "assert new <= {'analyzer', 'analyzer.pytest_plugin'}, new\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, cwd=CAPTURES.parent)
