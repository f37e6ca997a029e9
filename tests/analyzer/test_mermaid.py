"""Sequence diagrams: lines of the grammar, captured text by number."""

import re

from analyzer.check import sequence
from tests.analyzer.check import outcomes
from tests.analyzer.check.outcomes import outcome, recorded, written

TEXT = r"(?:[\w .,=/()→✓✗?'‹›…-]|#\d+;)*"
LINE = re.compile(
    rf"sequenceDiagram|    (?:%% {TEXT}|participant [CS] as {TEXT}|Note over C,S: {TEXT}"
    rf"|[CS](?:->>|--\)|-x)[CS]: {TEXT})|"
)


def test_a_publish_in_order() -> None:
    text = written("mermaid", outcome(recorded("lab/nginx-publish-denied.pcap")))
    lines = text.splitlines()
    assert all(LINE.fullmatch(line) for line in lines), lines
    said = [line.split(": ", 1)[1] for line in lines if "->>" in line]
    calls = ("connect", "releaseStream", "FCPublish", "createStream", "publish")
    assert tuple(name for name in (text.partition("(")[0] for text in said) if name in calls) == (
        calls
    )
    assert "    S-xC: FIN" in lines and "publish ✗" in text


def test_media_is_one_line_per_run() -> None:
    text = written("mermaid", outcome(recorded("real/publish-play-nginx.pcap")))
    assert re.search(r"C--\)S: \d+ video, \d+ audio messages, [\d,]+ bytes", text)
    assert text.count("sequenceDiagram") == 2
    for diagram in text.split("sequenceDiagram")[1:]:
        assert len(diagram.splitlines()) <= sequence.MAX_STEPS + 10


def test_hostile_text_stays_in_its_line() -> None:
    found = outcome(outcomes.hostile())
    found.capture.name = outcomes.HOSTILE
    text = written("mermaid", found)
    assert all(LINE.fullmatch(line) for line in text.splitlines())
    assert not re.search(r"\bend\b|[;<>{}](?<!#\d\d;)(?<!#\d\d\d;)(?<!>>)(?<!#\d{5};)(?<!#\d{4};)"
                         r"(?<!->)", text)  # fmt: skip
