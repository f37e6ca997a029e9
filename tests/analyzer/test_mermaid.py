"""Sequence diagrams: one per file, lines of the grammar, captured text by number."""

import re

from analyzer.check import sequence
from analyzer.check.outcome import unreadable
from analyzer.export import mermaid
from tests.analyzer.check import outcomes
from tests.analyzer.check.outcomes import outcome, recorded, written

TEXT = r"(?:[\w .,=/()→✓✗?'‹›…-]|#\d+;)*"
LINE = re.compile(
    rf"    (?:participant (?:[CSX]\d+|M) as {TEXT}|Note over (?:C(\d+),S\1|X\d+): {TEXT}"
    rf"|(?:C(\d+)(?:->>|--\)|-x)S\2|S(\d+)(?:->>|--\)|-x)C\3): {TEXT})"
)


def statements(text: str) -> list[str]:
    """Return the lines after the first, which begins the only diagram."""
    first, *lines = text.splitlines()
    assert first == "sequenceDiagram" and all(LINE.fullmatch(line) for line in lines), lines
    names = [line.split()[1] for line in lines if line.startswith("    participant")]
    assert names and len(set(names)) == len(names)
    return lines


def test_a_publish_in_order() -> None:
    text = written("mermaid", outcome(recorded("lab/nginx-publish-denied.pcap")))
    lines = statements(text)
    said = [line.split(": ", 1)[1] for line in lines if "->>" in line]
    calls = ("connect", "releaseStream", "FCPublish", "createStream", "publish")
    assert tuple(name for name in (text.partition("(")[0] for text in said) if name in calls) == (
        calls
    )
    assert "    S0-xC0: FIN" in lines and "publish ✗" in text


def test_media_is_one_line_per_run() -> None:
    text = written("mermaid", outcome(recorded("real/publish-play-nginx.pcap")))
    assert re.search(r"C\d--\)S\d: \d+ video, \d+ audio messages, [\d,]+ bytes", text)
    for number in (0, 1):
        mine = [line for line in statements(text) if f"C{number}" in line]
        assert 0 < len(mine) <= sequence.MAX_STEPS + 10


def test_several_connections_and_captures_are_one_diagram() -> None:
    both = outcome(recorded("real/publish-play-nginx.pcap"))
    lines = statements(written("mermaid", both, unreadable("gone.pcap", "No such file"), both))
    named = [line.strip() for line in lines if "participant" in line]
    assert [line.split(" as ")[0] for line in named] == [
        f"participant {name}" for name in ("C0", "S0", "C1", "S1", "X2", "C3", "S3", "C4", "S4")
    ]
    assert "    Note over X2: unreadable, No such file" in lines


def test_no_more_than_mermaid_draws() -> None:
    both = outcome(recorded("real/publish-play-nginx.pcap"))
    text = written("mermaid", *[both] * 30)
    lines = statements(text)
    drawn = sum("participant C" in line for line in lines)
    assert 0 < drawn <= mermaid.MAX_CONNECTIONS and len(text) < 50_000
    assert lines[-1] == f"    participant M as and {60 - drawn} more"


def test_hostile_text_stays_in_its_line() -> None:
    found = outcome(outcomes.hostile())
    found.capture.name = outcomes.HOSTILE
    text = written("mermaid", found)
    assert statements(text)
    assert not re.search(r"\bend\b|[;<>{}](?<!#\d\d;)(?<!#\d\d\d;)(?<!>>)(?<!#\d{5};)(?<!#\d{4};)"
                         r"(?<!->)", text)  # fmt: skip
