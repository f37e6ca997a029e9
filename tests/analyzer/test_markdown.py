"""Markdown and GitHub's workflow commands: captured text is neither markup nor a command."""

import re

from markdown_it import MarkdownIt

from analyzer.check.outcome import unreadable
from tests.analyzer.check import outcomes
from tests.analyzer.check.outcomes import outcome, recorded, written

DENIED = "lab/nginx-publish-denied.pcap"


def rendered(text: str) -> str:
    return MarkdownIt("commonmark", {"html": True}).enable("table").render(text)


def test_summary_of_several_captures() -> None:
    text = written(
        "markdown",
        outcome(recorded(DENIED), "publish.started"),
        outcome(recorded("real/publish-play-nginx.pcap")),
        unreadable("gone.pcap", "No such file"),
    )
    page = rendered(text)
    assert page.count("<h2>") == 3 and page.count("<table>") >= 4
    assert "publish ✗" in page and "CMD-05" in page and "No such file" in page


def test_hostile_text_in_markdown() -> None:
    found = outcome(outcomes.hostile(), "publish.started")
    found.capture.name = outcomes.HOSTILE
    text = written("markdown", found)
    page = rendered(text)
    assert not re.search(r"<(script|img|a|em|code)\b", page)
    assert "<script>alert" not in text and not re.search(r"(?<!\\)[<>`]", text)
    assert "@here" not in text, "a mention notifies people"
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    for line in rows:
        assert len(re.findall(r"(?<!\\)\|", line)) in (4, 5, 7)


def test_commands_of_github() -> None:
    lines = written("github", outcome(recorded(DENIED), "publish.started")).splitlines()
    assert lines[0].startswith("::error file=nginx-publish-denied.pcap,title=CMD-05 ")
    assert "%0ATry: " in lines[0]
    assert any(line.startswith("::error") and "publish.started" in line for line in lines)
    assert lines[-1].startswith("rtmp-analyze: fail: ")


def test_inconclusive_and_unreadable_are_told() -> None:
    text = written("github", outcome(recorded("edge/rtmps.pcap")), unreadable("x", "No such file"))
    assert "::warning file=rtmps.pcap,title=inconclusive::no RTMP" in text
    assert "::error file=x,title=unreadable::No such file" in text


def test_hostile_text_cannot_give_commands() -> None:
    found = outcome(outcomes.hostile())
    found.capture.name = "x,title=y::z\n::stop-commands::q"
    for line in written("github", found).splitlines():
        assert re.fullmatch(r"::(error|warning|notice) file=[^,:]*,title=[^,:]*::.*"
                            r"|rtmp-analyze: \w+: .*", line)  # fmt: skip
        assert not re.search(r"[\x00-\x1f\x7f-\x9f\u202e]", line)
