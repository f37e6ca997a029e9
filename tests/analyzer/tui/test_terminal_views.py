"""The views in a real terminal, in black and white: story, evidence, ladder, timeline."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.analyzer.tui.test_terminal import CAPTURE, leave, pytestmark, start, tmux, wait_for

__all__ = ["pytestmark"]


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[None]:
    """A shell in an 80x24 terminal without colours."""
    settings = ("-e", f"XDG_STATE_HOME={tmp_path}", "-e", "NO_COLOR=1")
    tmux("new-session", "-d", "-s", "views", "-x", "80", "-y", "24", *settings, "sh")
    yield
    leave("views")


def test_from_the_story_to_the_evidence_and_through_the_views(terminal: None) -> None:
    start("captures/lab/nginx-publish-denied.pcap")
    shown = wait_for("without")
    assert "PUBLISH  closed/cam" in shown and "fail, server" in shown
    tmux("send-keys", "j", "Enter")  # the verdict's evidence
    wait_for("publish('cam')")
    tmux("send-keys", "L")
    wait_for("├─ publish('cam')")
    tmux("send-keys", "e")
    wait_for("What to try")
    tmux("send-keys", "Escape")  # the way back, place by place
    wait_for("├─ publish('cam')")
    tmux("send-keys", "q")
    wait_for("Messages")
    tmux("send-keys", "q")
    wait_for("fail, server")
    tmux("send-keys", "q")
    wait_for("code=0")


def test_timeline_and_follow(terminal: None) -> None:
    start(CAPTURE)
    wait_for("live/livestream")
    tmux("send-keys", "T")
    assert "kbit/s" in wait_for("→ video bitrate")
    tmux("send-keys", ">", ">", "Enter")
    wait_for("Messages")
    tmux("send-keys", "F")
    wait_for("both sides, values")
    tmux("send-keys", "g", "f", "f")
    wait_for("02 00 07 63 6f 6e 6e")
    tmux("send-keys", "S")
    wait_for("Message types")
    tmux("send-keys", "I")
    wait_for("chunk streams")
    tmux("send-keys", "m")
    wait_for("Messages")
    tmux("send-keys", "C-q")
    wait_for("code=0")
