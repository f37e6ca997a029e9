"""The framework: three results, one finding per track, policies, causes, verdicts."""

import io
import re

import pytest

from analyzer.options import Options, Policy
from analyzer.rules import BY_ID, RULES, run
from analyzer.rules.causes import LINKS
from analyzer.rules.gates import GATES
from analyzer.session import Session
from tests.analyzer import wire
from tests.analyzer.rules.builder import (
    C,
    S,
    Talk,
    aac_config,
    avc_config,
    capture,
    command,
    connect,
    control,
    findings,
    good,
    metadata,
    picture,
    session,
    status,
)
from tests.dissectors.bodies import NULL, string
from tests.dissectors.chunk_builder import Message


def test_ids_are_unique_and_every_row_is_complete():
    assert len(BY_ID) == len(RULES)
    for rule in RULES:
        assert re.fullmatch(r"[A-Z]{2,4}-\d\d", rule.id)
        assert rule.title and rule.help.endswith((".", "?")), rule.id
        assert set(rule.gates) <= set(GATES)
        assert (rule.function.__doc__ or "").startswith(rule.id), rule.id
        for name in rule.parameters:
            assert name == name.lower()


def test_links_name_rules_that_exist():
    names = {*BY_ID, *(rule.id.partition("-")[0] for rule in RULES)}
    for link in LINKS:
        assert {link.cause, *link.effects} <= names, link


def pings(number: int) -> Talk:
    """Control messages on the wrong chunk stream."""
    talk = Talk().publishing()
    for count in range(number):
        talk.wait(1000).send(C, control(3, 1000 * count, csid=3))
    return talk


def test_one_finding_with_count_first_last_and_examples():
    [item] = [item for item in findings(pings(40)) if item.rule == "CHK-10"]
    assert item.count == 40 and item.text.endswith("(40 times)")
    assert len(item.examples) == 5 and item.examples[0].message == item.message
    assert item.last is not None and item.last.time_ns - item.time_ns == 39 * 1_000_300_000
    assert item.direction == 0 and item.span is not None and item.span[1] == 16


def test_fingerprints_say_what_it_is_not_where():
    def mark(talk: Talk) -> list[str]:
        return [item.fingerprint for item in findings(talk) if item.rule == "CHK-10"]

    late = pings(3)
    late.packets = [(ms + 777, data, size) for ms, data, size in late.packets]
    assert mark(pings(40)) == mark(late)
    other = mark(Talk().publishing().send(C, picture(0)._replace(csid=70)))
    assert other and other != mark(late)


def results(talk: Talk, rule: str) -> list[tuple[str, str | None]]:
    read = session(talk).judgement.results
    return [(item.status, item.reason) for item in read if item.rule == rule]


def test_three_results():
    assert results(good(), "CHK-01") == [("pass", None)]
    assert [status for status, _ in results(pings(1), "CHK-10")] == ["finding"]
    cut = good()
    cut.packets = cut.packets[40:]
    [(outcome, reason)] = results(cut, "CMD-07")
    assert outcome == "inconclusive" and "captured" in (reason or "")
    assert results(Talk().playing(), "NET-07") == [], "no publisher, no result"


def test_inconclusive_results_are_no_diagnostics():
    cut = good()
    cut.packets = cut.packets[40:]
    assert {item.status for item in findings(cut)} == {"finding"}


def test_evidence_behind_a_hole_decides_nothing():
    talk = Talk().publishing().media(1)
    talk.send(C, picture(1000, size=900), lost=True).media(1, start=1040)
    talk.send(C, picture(5000, msid=9)).ending()
    [(outcome, reason)] = results(talk, "CMD-08")
    assert outcome == "inconclusive" and "bytes are missing" in (reason or "")


def test_policy():
    talk = pings(2)
    assert {
        i.rule for i in session(talk, policy=Policy(select=frozenset({"CHK"}))).diagnostics
    } == {"CHK-10"}
    ignored = session(talk, policy=Policy(ignore=frozenset({"CHK-10"}))).diagnostics
    assert "CHK-10" not in {item.rule for item in ignored}
    louder = session(talk, policy=Policy(severities={"CHK-10": "error"})).diagnostics
    assert [item.severity for item in louder if item.rule == "CHK-10"] == ["error"]
    high = Talk().publishing().send(C, picture(0)._replace(csid=70))
    lenient = Policy(parameters={"CHK-10": {"csid": 100}})
    assert "CHK-10" not in {item.rule for item in session(high, policy=lenient).diagnostics}


def test_rules_run_when_somebody_asks(monkeypatch):
    read = session(good())
    asked = []
    monkeypatch.setattr("analyzer.rules.run", lambda found: asked.append(found) or run(found))
    assert read.diagnostics is read.diagnostics and asked == [read]


def test_nothing_is_said_before_the_end():
    read = Session([io.BytesIO(capture(pings(2)))])
    assert read.diagnostics == [] and read.judgement.verdicts == []


def test_verdict_pass():
    [verdict] = session(good()).judgement.verdicts
    assert (verdict.status, verdict.blame) == ("pass", None)


def test_verdict_names_the_side_the_frame_and_the_time():
    talk = Talk().connected().chunk_size(S, 4096)
    talk.chunks[C].style.chunk_size = 4096
    read = session(talk.send(C, *(picture(40 * n, size=1000) for n in range(40))))
    [verdict] = read.judgement.verdicts
    assert (verdict.status, verdict.blame) == ("fail", "client")
    assert re.search(r"\(CHK-03\) at frame \d+, \d+\.\d{3} s", verdict.text)
    lead = next(item for item in read.diagnostics if item.id == verdict.diagnostic)
    assert lead.rule == "CHK-03" and lead.cause is None


def test_verdict_a_capture_that_cannot_tell():
    cut = good()
    cut.packets = cut.packets[40:]
    [verdict] = session(cut).judgement.verdicts
    assert (verdict.status, verdict.blame) == ("inconclusive", "capture")


def opening(*messages: Message) -> Talk:
    return Talk().opened().send(C, *messages).wait(900).fin(C)


@pytest.mark.parametrize(
    ("talk", "said"),
    [
        (opening(), "the client closed after the handshake, without a message"),
        (opening(connect()), "the client closed 0.9 s after connect, before an answer came"),
        (opening(connect("live/")), "before an answer came, 1 warning: the application ends"),
    ],
)
def test_verdict_on_a_connection_that_ends_before_its_answer(talk, said):
    [verdict] = session(talk).judgement.verdicts
    assert verdict.status == "inconclusive" and said in verdict.text


def test_verdict_names_the_first_warning():
    headers = metadata(), avc_config(), aac_config()
    read = session(Talk().publishing().send(C, *headers).media(1).fin(C))
    [verdict] = read.judgement.verdicts
    lead = next(item for item in read.diagnostics if item.id == verdict.diagnostic)
    assert (verdict.status, verdict.blame, lead.rule) == ("pass", "client", "END-04")
    assert "no errors, 1 warning: the publisher is gone" in verdict.text


def test_verdict_on_one_direction():
    talk = good()
    client = wire.ip4(b"", source=wire.A4, target=wire.B4)[12:16]
    talk.packets = [packet for packet in talk.packets if packet[1][26:30] == client]
    [verdict] = session(talk).judgement.verdicts
    assert (verdict.status, verdict.blame) == ("inconclusive", "capture")


def test_consequences_are_linked_to_their_first_cause():
    """publish refused: that the server then closes is no second problem."""
    talk = Talk().connected().send(C, command("createStream", 2, NULL))
    talk.send(C, command("publish", 3, NULL, string("cam7"), string("live"), msid=1))
    talk.send(S, status("NetStream.Publish.BadName", "error")).rst(S)
    items = {item.rule: item for item in findings(talk)}
    assert items["CMD-04"].cause is None
    assert items["NET-06"].cause == items["CMD-04"].id


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_every_rule_bears_an_empty_and_a_foreign_connection(rule):
    half = Talk().syn().raw(C, b"\x03")
    encrypted = Talk(port=50001).syn().raw(C, b"\x16\x03\x01\x00\x05abcde").raw(S, b"\x16\x03\x03")
    read = session(half, encrypted, policy=Policy(select=frozenset({rule.id})))
    assert all(result.rule == rule.id for result in read.judgement.results)


def test_a_reset_follows_from_the_error_before_it():
    talk = Talk().publishing().media(5).send(S, status("NetStream.Record.NoAccess", "error"))
    items = {item.rule: item for item in findings(talk.wait(1_000).rst(S))}
    assert items["NET-06"].cause == items["CMD-09"].id
    talk = Talk().publishing().send(S, status("NetStream.Record.NoAccess", "error")).media(7)
    items = {item.rule: item for item in findings(talk.rst(S))}
    assert items["NET-06"].cause is None


def test_behind_a_hole_nothing_is_definite():
    talk = Talk().publishing().media(1).send(C, picture(1000, size=900), lost=True)
    talk.media(1, start=1040).send(C, picture(5000)._replace(csid=70)).ending()
    read = session(talk)
    [item] = [item for item in read.diagnostics if item.rule == "CHK-10"]
    assert item.confidence == "likely"
    whole = session(Talk().publishing().send(C, picture(0)._replace(csid=70)))
    assert [d.confidence for d in whole.diagnostics if d.rule == "CHK-10"] == ["definite"]


def test_a_hole_masks_what_comes_after_it():
    """In the direction of the hole: there the capture cannot tell."""
    talk = Talk().publishing().send(C, metadata(), avc_config(), aac_config()).media(1)
    talk.send(C, picture(1000, size=900), lost=True)
    talk.chunks[C].style.compress = 0
    talk.media(1, start=1040).send(C, control(1, 0)).media(1, start=2040).ending()
    read = session(talk)
    items = {item.rule: item for item in read.diagnostics}
    assert items["CHK-02"].severity == "error" and items["CHK-02"].cause == items["CAP-04"].id
    [verdict] = read.judgement.verdicts
    assert (verdict.status, verdict.blame) == ("inconclusive", "capture")


def test_of_an_input_without_an_end_the_beginning_is_gone():
    read = Session([io.BytesIO(capture(good(4)))], Options(endless=True, rows=40))
    read.run()
    assert read.messages.first and not read.diagnostics
    reasons = {r.reason for r in read.judgement.results if r.rule == "CMD-07"}
    assert reasons == {"of an input without an end, only the last messages are kept"}
