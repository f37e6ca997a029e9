"""The real program in a real terminal: keys in, screen out (needs tmux)."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
CAPTURE = "captures/real/publish-play-nginx.pcap"
SOCKET = f"rtmp-analyze-test-{os.getpid()}"

pytestmark = pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")


def tmux(*words: str) -> str:
    command = ["tmux", "-L", SOCKET, "-f", "/dev/null", *words]
    return subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout


def screen() -> str:
    return tmux("capture-pane", "-p")


def wait_for(text: str, seconds: float = 60) -> str:
    end = time.monotonic() + seconds
    while text not in (shown := screen()):
        assert time.monotonic() < end, f"{text!r} did not appear:\n{shown}"
        time.sleep(0.05)
    return shown


def leave(session: str) -> None:
    """End a session, and with it the server: who comes next must not find it dying."""
    tmux("kill-session", "-t", session)
    command = ["tmux", "-L", SOCKET, "list-sessions"]
    end = time.monotonic() + 5
    while True:
        done = subprocess.run(command, capture_output=True, check=False)
        if done.returncode and b"exited" not in done.stderr:  # there is no server any more
            return
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[None]:
    """A shell in an 80x24 terminal. Ends with its session; other servers are not touched."""
    state = f"XDG_STATE_HOME={tmp_path}"  # what the person at this machine is used to
    tmux("new-session", "-d", "-s", "tui", "-x", "80", "-y", "24", "-e", state, "sh")
    yield
    leave("tui")


def start(*words: str) -> None:
    tmux("send-keys", "-l", " ".join([sys.executable, "-m", "analyzer", *words, "; echo code=$?"]))
    tmux("send-keys", "Enter")


def test_browse_and_quit(terminal: None) -> None:
    start(CAPTURE)
    wait_for("PUBLISH")  # it opens on the story
    tmux("send-keys", "m")
    wait_for("Messages 485")
    tmux("send-keys", "G")
    wait_for("485 of 485")
    tmux("send-keys", "1", "g")
    wait_for("1 of 485")
    tmux("send-keys", "Tab", "j", "j", "j")
    wait_for("Chunk Stream ID: 3")
    tmux("send-keys", "a")
    wait_for("Messages 13 of 485")
    tmux("send-keys", "Escape")
    wait_for("Messages 485")
    tmux("send-keys", "q")
    wait_for("PUBLISH")
    tmux("send-keys", "q")
    wait_for("code=0")


def test_filter_from_the_command_line_and_by_hand(terminal: None) -> None:
    start("-F", "tui", "-Y", "'command.name == \"publish\"'", CAPTURE)
    wait_for("Messages 1 of 485")
    tmux("send-keys", "/", "C-u")
    tmux("send-keys", "-l", "type_id == 9 and bogus")
    wait_for("unknown field")
    tmux("send-keys", *["BSpace"] * 10, "Enter")
    wait_for("filter type_id == 9")
    wait_for("H.264")
    tmux("send-keys", "?")
    wait_for("Find text, /regex/")
    tmux("send-keys", "q", "q")
    wait_for("code=0")


def test_without_arguments_it_asks(terminal: None) -> None:
    program = f"PYTHONPATH={ROOT} {sys.executable} -m analyzer; echo code=$?"
    tmux("send-keys", "-l", f"cd captures/edge; {program}")
    tmux("send-keys", "Enter")
    wait_for("Captures in this folder")
    tmux("send-keys", "Enter")
    wait_for("q quit  ? help")
    tmux("send-keys", "q")
    wait_for("code=0")
    tmux("send-keys", "-l", f"clear; {program}")
    tmux("send-keys", "Enter")
    wait_for("Opened lately")
    tmux("send-keys", "q")
    wait_for("code=0")


def test_units_search_and_copy_by_hand(terminal: None) -> None:
    start(CAPTURE)
    wait_for("PUBLISH")
    tmux("send-keys", "Enter")
    wait_for("Messages")
    tmux("send-keys", "r")
    wait_for("Chunks 295")
    tmux("send-keys", "r")
    wait_for("TCP segments")
    tmux("send-keys", "r")
    wait_for("Messages 294")
    tmux("send-keys", "C-f")
    wait_for("Find")
    tmux("send-keys", "-l", "/^onStatus/")
    tmux("send-keys", "Enter")
    wait_for("found '/^onStatus/'")
    tmux("send-keys", "Y")
    wait_for("the field's path")
    tmux("send-keys", "l")
    wait_for("copied: 0.175  c0  ←  5  1  AMF0 Command  0  105  onStatus('NetStream")
    tmux("send-keys", "c")
    wait_for("Space shows")
    tmux("send-keys", "q")
    time.sleep(0.5)
    tmux("send-keys", "q")
    wait_for("PUBLISH")
    tmux("send-keys", "q")
    wait_for("code=0")


def test_a_terminal_that_goes_away_takes_the_program_with_it(terminal: None) -> None:
    tmux("new-session", "-d", "-s", "gone", f"exec {sys.executable} -m analyzer -F tui {CAPTURE}")
    pid = tmux("list-panes", "-t", "gone", "-F", "#{pane_pid}").strip()
    end = time.monotonic() + 15
    while "PUBLISH" not in tmux("capture-pane", "-p", "-t", "gone") and time.monotonic() < end:
        time.sleep(0.05)
    tmux("kill-session", "-t", "gone")
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < end
        time.sleep(0.1)


def test_what_was_opened_is_remembered_while_the_program_runs(
    terminal: None, tmp_path: Path
) -> None:
    start(CAPTURE)
    wait_for("PUBLISH")
    assert CAPTURE in (tmp_path / "rtmp-analyze" / "tui.json").read_text()


def test_the_screen_is_drawn_though_errors_go_to_a_file(terminal: None, tmp_path: Path) -> None:
    errors = tmp_path / "errors"
    start(CAPTURE, f"2>{errors}")
    wait_for("PUBLISH")
    tmux("send-keys", "q")
    wait_for("code=0")
    assert errors.read_bytes() == b""


def test_a_pipe_that_goes_on(terminal: None) -> None:
    capture = "captures/lab/nginx-publish-denied.pcap"
    program = f"(cat {capture}; exec sleep 60) | {sys.executable} -m analyzer -"
    tmux("send-keys", "-l", program)
    tmux("send-keys", "Enter")
    assert "pkt/s" in wait_for("so far fail, server")
    tmux("send-keys", "m")
    wait_for("^c stops")
    tmux("send-keys", "C-c")
    tmux("send-keys", "q")
    wait_for("verdict     fail, server")
