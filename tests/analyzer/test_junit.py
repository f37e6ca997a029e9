"""JUnit XML: well-formed whatever was captured; its numbers agree with the exit code."""

from xml.etree import ElementTree as ET

from analyzer.check.outcome import FAIL, INCONCLUSIVE, PASS, unreadable
from analyzer.rules import RULES
from tests.analyzer.check import outcomes
from tests.analyzer.check.outcomes import outcome, recorded, written


def parsed(*found, secrets=None):
    root = ET.fromstring(written("junit", *found, secrets=secrets))
    for element in (root, *root):
        cases = list(element.iter("testcase"))
        assert int(element.get("tests")) == len(cases)
        for name, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert int(element.get(name)) == sum(case.find(tag) is not None for case in cases)
    return root


def test_a_pass_has_no_failure():
    found = outcome(recorded("real/publish-play-nginx.pcap"), "publish.started")
    root = parsed(found)
    assert found.status == PASS
    assert (root.get("failures"), root.get("errors")) == ("0", "0")
    names = {case.get("name").partition(" ")[0] for case in root.iter("testcase")}
    assert names <= {rule.id for rule in RULES} | {"expect"}
    assert {"c0", "c1"} <= {case.get("classname") for case in root.iter("testcase")}


def test_each_failing_finding_and_assertion_is_a_failure():
    found = outcome(recorded("lab/nginx-publish-denied.pcap"), "publish.started", "errors == 1")
    root = parsed(found)
    assert found.status == FAIL
    failures = [case for case in root.iter("testcase") if case.find("failure") is not None]
    assert len(failures) == len(found.failing) + 1
    text = failures[0].find("failure").text
    assert failures[0].get("name").startswith("CMD-05") and "frame 34" in text and "try:" in text


def test_findings_below_the_threshold_do_not_fail():
    session = recorded("lab/nginx-publish-denied.pcap")
    root = parsed(outcome(session, fail_on="never"))
    assert root.get("failures") == "0"
    assert any("not failing" in (case.findtext("system-out") or "") for case in root.iter())


def test_inconclusive_is_skipped_with_its_reason():
    found = outcome(recorded("lab/nginx-publish-denied.pcap"), "gop.max <= 2s", fail_on="never")
    skipped = [s.get("message") for s in parsed(found).iter("skipped")]
    assert found.status == INCONCLUSIVE
    assert any(m.startswith("inconclusive: no video") for m in skipped)
    encrypted = parsed(outcome(recorded("edge/rtmps.pcap")))
    assert (encrypted.get("failures"), int(encrypted.get("skipped")) >= 1) == ("0", True)


def test_an_unreadable_capture_is_an_error():
    root = parsed(unreadable("x.pcap", "no such file"))
    assert root.get("errors") == "1"


def test_a_suite_per_capture():
    pair = [outcome(recorded(f"real/{n}.pcap")) for n in ("publish-denied", "publish-play-nginx")]
    assert [suite.get("name") for suite in parsed(*pair)] == [o.name for o in pair]


def test_hostile_text_stays_text():
    root = parsed(outcome(outcomes.hostile()))
    assert {element.tag for element in root.iter()} <= {
        "testsuites", "testsuite", "testcase", "failure", "skipped", "system-out", "error",
    }  # fmt: skip
    assert "<script>alert(1)</script>" in "".join(root.itertext())
