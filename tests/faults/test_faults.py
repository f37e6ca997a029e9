"""Bundled captures of real programs, with a fault put into their messages: the right cause first.

Where no fault is put in, nothing is found: the way there changes nothing.
"""

from pathlib import Path

import pytest

from analyzer.model import DIRECTIONS
from tests.faults.judge import first_cause
from tests.faults.replay import analysed
from tests.faults.truth import TRUTHS

CAPTURES = Path(__file__).parents[2] / "captures"
PUBLISHERS = ("real/publish-chunk60000.pcap", "lab/nms-publish-play.pcap")
"""FFmpeg to nginx and to node-media-server, H.264 with B-frames and AAC."""
REPLAYED = TRUTHS.keys() - {
    "no-answer-to-connect",
    "no-answer-to-create-stream",
    "no-publish-start",
    "no-audio",
    "ping-unanswered",
}
"""All but those in which the other side would do something else, or that take longer."""
ALSO = {"no-extended-timestamp": {"TS-07"}}
"""That timestamp is huge from the first frame on."""


@pytest.mark.parametrize("name", PUBLISHERS)
def test_without_a_fault_nothing_is_found(name):
    session, replay = analysed(CAPTURES / name, "nothing")
    assert first_cause(session)[1] is None
    assert not any(item.changed for sent in replay.sent for item in sent)


@pytest.mark.parametrize("name", PUBLISHERS)
@pytest.mark.parametrize("fault", sorted(REPLAYED))
def test_the_right_cause_first(name, fault):
    """The rule, whose fault, in what words, and the message, frame and time it is tied to."""
    truth = TRUTHS[fault]
    session, replay = analysed(CAPTURES / name, fault)
    _, lead = first_cause(session)
    assert lead is not None and (lead.rule, lead.blame) == (truth.rule, truth.blame)
    assert truth.says in lead.text
    if truth.place is not None:
        sent = replay.sent[truth.direction]
        number = truth.place(sent)
        assert lead.message == f"c0.{DIRECTIONS[truth.direction]}.{number}"
        assert lead.frame in sent[number].frames
        assert lead.time_ns == replay.times_ns[lead.frame - 1]
    worse = [item for item in session.diagnostics if item.severity != "note"]
    beside = {item.rule for item in worse if item.cause is None} - {truth.rule}
    assert beside <= ALSO.get(fault, set()), "what follows is folded, nothing is made up"


def test_a_clock_that_runs_away_leads():
    """Not the interleaving, which is bad because of it."""
    session, _ = analysed(CAPTURES / PUBLISHERS[0], "audio-clock-fast")
    _, lead = first_cause(session)
    assert lead is not None and (lead.rule, lead.blame) == ("TS-09", "client")
    assert "clock of audio" in lead.text
