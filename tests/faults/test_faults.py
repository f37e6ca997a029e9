"""Bundled captures of real programs, with a fault put into their messages: the right cause first.

Where no fault is put in, nothing is found: the way there changes nothing.
"""

from pathlib import Path

import pytest

from tests.faults.judge import first_cause
from tests.faults.replay import analysed

CAPTURES = Path(__file__).parents[2] / "captures"
PUBLISHERS = ("real/publish-chunk60000.pcap", "lab/nms-publish-play.pcap")
"""FFmpeg to nginx and to node-media-server, H.264 with B-frames and AAC."""
FAULTS = (
    ("times-go-back", "TS-01", "client"),
    ("times-freeze", "TS-02", "client"),
    ("times-jump", "TS-03", "client"),
    ("times-cut-to-24-bits", "TS-05", "client"),
    ("audio-late", "TS-08", "client"),
    ("no-video-header", "VID-01", "client"),
    ("late-video-header", "VID-01", "client"),
    ("annex-b", "VID-05", "client"),
    ("false-keyframes", "VID-08", "client"),
    ("presentation-times", "VID-11", "client"),
    ("no-audio-header", "AUD-01", "client"),
    ("adts", "AUD-03", "client"),
    ("no-metadata", "META-01", "client"),
    ("wrong-width", "META-03", "client"),
    ("wrong-frame-rate", "META-03", "client"),
    ("wrong-sample-rate", "META-03", "client"),
    ("malformed-metadata", "AMF-02", "client"),
    ("wrong-message-stream", "CMD-08", "client"),
    ("chunk-size-lie", "CHK-01", "client"),
    ("illegal-chunk-size", "CHK-02", "client"),
    ("no-extended-timestamp", "CHK-05", "client"),
    ("no-acknowledgement", "CTL-01", "server"),
    ("handshake-not-echoed", "HS-01", "server"),
    ("connect-refused", "CMD-01", "client"),
    ("connect-redirected", "CMD-02", "client"),
)
ALSO = {"no-extended-timestamp": {"TS-07"}}
"""That timestamp is huge from the first frame on."""


@pytest.mark.parametrize("name", PUBLISHERS)
def test_without_a_fault_nothing_is_found(name):
    assert first_cause(analysed(CAPTURES / name, "nothing"))[1] is None


@pytest.mark.parametrize("name", PUBLISHERS)
@pytest.mark.parametrize(("fault", "rule", "blame"), FAULTS)
def test_the_right_cause_first(name, fault, rule, blame):
    session = analysed(CAPTURES / name, fault)
    _, lead = first_cause(session)
    assert lead is not None and (lead.rule, lead.blame) == (rule, blame)
    worse = [item for item in session.diagnostics if item.severity != "note"]
    beside = {item.rule for item in worse if item.cause is None} - {rule}
    assert beside <= ALSO.get(fault, set()), "what follows is folded, nothing is made up"
