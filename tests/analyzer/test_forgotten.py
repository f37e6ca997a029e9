"""What is forgotten of an input without end is counted in its report all the same."""

import io
import random
import re

import pytest

from analyzer.export import summary
from analyzer.export.request import Request
from analyzer.options import Options
from analyzer.session import Session
from analyzer.sources import Reading
from tests.analyzer import talk
from tests.dissectors.chunk_builder import Message

STEPS = (100, 101, 300, 550, 800)
"""Messages whose timestamp goes back."""


def capture() -> bytes:
    media = [
        Message(
            6,
            9,
            1,
            40 * n - 400 * (n in STEPS),
            b"\x27\x01\0\0\x50" + random.Random(n).randbytes(900),
        )
        for n in range(1, 900)
    ]
    return talk.pcap([*talk.publish(), *media, talk.command("FCUnpublish", 9)], talk.answer(), 1400)


def analysed(rows: int | None) -> Session:
    bounded = {} if rows is None else {"endless": True, "rows": rows}
    session = Session([io.BytesIO(capture())], Options(reading=Reading(live=True), **bounded))  # type: ignore[arg-type]
    session.run()
    return session


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analyzer.captures.BLOCK", 1 << 12)
    monkeypatch.setattr("analyzer.sources.capture.BLOCK", 1 << 16)


def counted(session: Session) -> list[str]:
    """Return the summary's lines of messages by direction and type, without rates."""
    out = io.StringIO()
    summary.write(session, out, Request())
    lines = out.getvalue().splitlines()
    return [
        re.sub(r", [\d,]+ kbit/s", "", line)
        for number, line in enumerate(lines)
        if any(
            "→ " in each and "message" in each for each in lines[max(number - 1, 0) : number + 1]
        )
    ]


def test_messages_are_counted() -> None:
    whole, last = analysed(None), analysed(200)
    assert last.messages.first > 500
    assert counted(last) == counted(whole) and len(counted(whole)) >= 4


def test_findings_are_told_and_counted_once() -> None:
    whole, last = analysed(None), analysed(200)
    found = [{item.rule: item for item in each.diagnostics} for each in (whole, last)]
    assert found[1]["TS-01"].count == len(STEPS)
    for rule in ("TS-01", "VID-06", "VID-09", "CMD-07", "SEC-01", "CAP-07"):
        first, second = found[0][rule], found[1][rule]
        assert first.count == second.count
        assert (first.message, first.time_ns) == (second.message, second.time_ns)
    numbers = [item.id for item in last.diagnostics]
    assert numbers == [f"d{number}" for number in range(len(numbers))]
