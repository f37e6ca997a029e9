"""SARIF 2.1.0: structure by the specification's sections, places that point into the file."""

import io
import json
import re

from analyzer.check import records
from analyzer.check.outcome import unreadable
from analyzer.rules import RULES
from tests.analyzer import talk, wire
from tests.analyzer.check import outcomes
from tests.analyzer.check.outcomes import outcome, recorded, written

LEVELS = {"none", "note", "warning", "error"}


def parsed(*found, secrets=None):
    """What §3.13, §3.14, §3.19 and §3.27 ask for."""
    log = json.loads(written("sarif", *found, secrets=secrets))
    assert log["version"] == "2.1.0" and "sarif-2.1.0" in log["$schema"]
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert len({rule["id"] for rule in rules}) == len(rules)
    for rule in rules:
        assert rule["shortDescription"]["text"]
        assert rule["defaultConfiguration"]["level"] in LEVELS
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] in LEVELS and result["message"]["text"]
        (place,) = result["locations"]
        artifact = place["physicalLocation"]["artifactLocation"]
        assert run["artifacts"][artifact["index"]]["location"]["uri"] == artifact["uri"]
        assert not re.search(r"[^A-Za-z0-9._~%/-]", artifact["uri"]), "a URI reference (RFC 3986)"
    return run


def test_a_clean_capture_declares_all_rules_and_has_an_empty_list():
    clean = outcome(recorded("real/publish-play-nginx.pcap"))
    clean.findings = []
    run = parsed(clean)
    assert run["results"] == []
    declared = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert declared[:-1] == [rule.id for rule in RULES]
    assert run["invocations"] == [{"executionSuccessful": True}]


def test_findings_point_at_the_frames_bytes():
    path = talk.CAPTURES / "lab/nginx-publish-denied.pcap"
    found = outcome(recorded("lab/nginx-publish-denied.pcap"))
    records.locate(found, [str(path)])
    header, packets = wire.records(path.read_bytes())
    results = [r for r in parsed(found)["results"] if r["properties"]["frame"]]
    assert results
    for result in results:
        region = result["locations"][0]["physicalLocation"]["region"]
        before = result["properties"]["frame"] - 1
        at = len(header) + sum(map(len, packets[:before])) + 16
        assert (region["byteOffset"], region["byteLength"]) == (at, len(packets[before]) - 16)


def test_what_cannot_be_read_again_has_no_region():
    found = outcome(recorded("lab/nginx-publish-denied.pcap"))
    records.locate(found, ["-"])
    records.locate(found, ["gone.pcap"])
    assert not found.records and "a pipe" in found.no_records
    packed = outcome(recorded("lab/nginx-audio-only.pcap.gz"))
    records.locate(packed, [str(talk.CAPTURES / "lab/nginx-audio-only.pcap.gz")])
    assert packed.findings and not packed.records
    run = parsed(packed)
    assert "compressed (gzip)" in run["artifacts"][0]["description"]["text"]
    assert not any("region" in r["locations"][0]["physicalLocation"] for r in run["results"])


def test_fingerprints_say_what_it_is_and_not_where():
    """The same conversation a hundred frames later has the same fingerprints."""
    messages = talk.publish(), [*talk.answer()[:1], talk.refusal("no")]
    sessions = []
    for segment in (500, 60):
        from analyzer.session import Session

        session = Session([io.BytesIO(talk.pcap(*messages, segment=segment))])
        session.run()
        sessions.append({
            (r["ruleId"], r["partialFingerprints"]["rtmpAnalyze/v1"]): r["properties"]["frame"]
            for r in parsed(outcome(session))["results"] if r["level"] == "error"
        })  # fmt: skip
    first, second = sessions
    assert first.keys() == second.keys() and first
    assert set(first.values()) != set(second.values())


def test_failed_assertions_are_results_and_doubts_are_notifications():
    denied = recorded("lab/nginx-publish-denied.pcap")
    run = parsed(outcome(denied, "publish.started"))
    assert [r for r in run["results"] if r["ruleId"] == "ASSERTION"]
    run = parsed(outcome(denied, "gop.max < 2s", fail_on="never"), unreadable("x", "no file"))
    notes = run["invocations"][0]["toolExecutionNotifications"]
    assert [note["level"] for note in notes] == ["warning", "error"]
    assert run["invocations"][0]["executionSuccessful"] is False


def test_hostile_text_is_ascii_json_without_controls():
    found = outcome(outcomes.hostile())
    assert written("sarif", found).isascii()
    run = parsed(found)
    strings = re.findall(r'"((?:[^"\\]|\\.)*)"', json.dumps(run, ensure_ascii=False))
    assert all(text.isprintable() for text in strings)
