"""Real captures: nothing worse than a note where all went well, else the right cause first."""

import json
from pathlib import Path

import pytest

from analyzer import cli
from analyzer.model import Verdict
from tests.analyzer import talk

CAPTURES = Path(__file__).parents[3] / "captures"
FAULTY = {
    "lab/nginx-aborted.pcap": {"END-04"},
    "lab/nginx-capture-drops.pcap": {"CAP-04"},
    "lab/nginx-exttime-above.pcap": {"TS-07"},
    "lab/nginx-late-start.pcap": {"CAP-01"},
    "lab/nginx-lossy-sender.pcap": {"NET-02"},
    "lab/nginx-lossy.pcap": {"NET-02"},
    "lab/nginx-play-missing.pcap": {"CMD-11"},
    "lab/nginx-play-refused.pcap": {"CMD-05"},
    "lab/nginx-publish-denied.pcap": {"CMD-05"},
    "lab/nginx-publish-duplicate.pcap": {"CMD-04"},
    "lab/nginx-snaplen96.pcap": {"CAP-03"},
    "lab/nms-exttime-above.pcap": {"TS-07"},
    "real/play-missing.pcap": {"CMD-11"},
    "real/publish-denied.pcap": {"CMD-10"},
}
"""What is wrong by intention: the rules that name it."""
BLAME = {
    "lab/nginx-aborted.pcap": ("pass", "client", "END-04"),
    "lab/nginx-late-start.pcap": ("inconclusive", "capture", "CAP-01"),
    "lab/nginx-lossy.pcap": ("fail", "network", "NET-02"),
    "lab/nginx-play-missing.pcap": ("fail", "client", "CMD-11"),
    "lab/nginx-play-refused.pcap": ("fail", "server", "CMD-05"),
    "lab/nginx-publish-denied.pcap": ("fail", "server", "CMD-05"),
    "lab/nginx-publish-duplicate.pcap": ("fail", "client", "CMD-04"),
    "lab/nginx-snaplen96.pcap": ("inconclusive", "capture", "CAP-03"),
    "real/publish-denied.pcap": ("fail", "server", "CMD-10"),
}


def names() -> list[str]:
    found = [*CAPTURES.glob("lab/*.pcap*"), *CAPTURES.glob("real/*.pcap*")]
    return sorted(path.relative_to(CAPTURES).as_posix() for path in found)


@pytest.mark.parametrize("name", names())
def test_only_what_is_wrong_is_worse_than_a_note(name):
    session = talk.opened(name)
    worse = [item for item in session.diagnostics if item.severity != "note"]
    assert {item.rule for item in worse if item.cause is None} == FAULTY.get(name, set())


@pytest.mark.parametrize("name", BLAME)
def test_verdict(name):
    session = talk.opened(name)
    verdicts: list[Verdict] = session.judgement.verdicts
    lead = {item.id: item.rule for item in session.diagnostics}
    said = [(v.status, v.blame, lead.get(v.diagnostic or "")) for v in verdicts]
    assert BLAME[name] in said


def test_the_same_packets_in_another_file_give_the_same_report(tmp_path):
    reports = []
    for form in ("pcap", "pcapng", "pcap.gz"):
        out = tmp_path / form
        capture = str(CAPTURES / "lab" / f"nginx-audio-only.{form}")
        assert cli.main(["check", capture, "-F", "json", "-o", str(out)]) == 0
        reports.append(json.loads(out.read_text("utf-8")))
        del reports[-1]["capture"]
    assert reports[0]["diagnostics"] and reports[1:] == reports[:-1]
