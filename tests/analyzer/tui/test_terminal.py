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


def wait_for(text: str, seconds: float = 15) -> str:
    end = time.monotonic() + seconds
    while text not in (shown := screen()):
        assert time.monotonic() < end, f"{text!r} did not appear:\n{shown}"
        time.sleep(0.05)
    return shown


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[None]:
    """A shell in an 80x24 terminal. Ends with its session; other servers are not touched."""
    state = f"XDG_STATE_HOME={tmp_path}"  # what the person at this machine is used to
    tmux("new-session", "-d", "-s", "tui", "-x", "80", "-y", "24", "-e", state, "sh")
    yield
    tmux("kill-session", "-t", "tui")


def start(*words: str) -> None:
    tmux("send-keys", "-l", " ".join([sys.executable, "-m", "analyzer", *words, "; echo code=$?"]))
    tmux("send-keys", "Enter")


def test_browse_and_quit(terminal: None) -> None:
    start(CAPTURE)
    wait_for("PUBLISH")  # it opens on the story
    tmux("send-keys", "q")
    wait_for("connect('live')")
    tmux("send-keys", "G")
    wait_for("491/491")
    tmux("send-keys", "4", "g")
    wait_for("4/491")
    tmux("send-keys", "Tab", "j", "j", "j")
    wait_for("Chunk Stream ID: 3")
    tmux("send-keys", "a")
    wait_for("Messages 13 of 485")
    tmux("send-keys", "Escape")
    wait_for("Messages 491")
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
    wait_for("copied: onStatus")
    tmux("send-keys", "c")
    wait_for("Space shows")
    tmux("send-keys", "q")
    time.sleep(0.5)
    tmux("send-keys", "q")
    wait_for("code=0")
