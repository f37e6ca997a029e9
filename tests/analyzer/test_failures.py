"""A fault of the program in one place: told, with its exit code, and everything else intact."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from analyzer import cli
from analyzer.redact import Redactor
from analyzer.rules import BY_ID, RULES
from analyzer.rules.scope import Scope
from analyzer.session import Session
from dissectors.connection import RtmpConnection
from dissectors.dissect import dissect_body
from tests.analyzer import talk

CAPTURE = str(talk.CAPTURES / "real/publish-play-nginx.pcap")
feed = RtmpConnection.feed


def broken(*_: object, **__: object) -> NoReturn:
    raise ZeroDivisionError("odd\x1b[31m")


def analysed() -> Session:
    session = Session([CAPTURE])
    session.run()
    return session


@pytest.fixture(autouse=True)
def guarded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RTMP_ANALYZE_DEBUG", raising=False)


@pytest.fixture
def one_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading fails in the player's connection."""

    def fail(self: RtmpConnection, side: int, payload: bytes) -> None:
        if b"LNX 10,0,32,18" in bytes(payload):
            broken()
        feed(self, side, payload)

    monkeypatch.setattr(RtmpConnection, "feed", fail)


def test_reading_one_connection(one_connection: None) -> None:
    session = analysed()
    [found] = [item for item in session.diagnostics if item.rule == "INT-01"]
    assert found.severity == "error"
    assert "reading ended between" in found.text and "ZeroDivisionError: odd␛" in found.text
    assert [view.role for view in session.connections] == ["publish"]
    assert len(session.messages) == 294
    session.close()


def test_one_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = {item.rule for item in analysed().diagnostics}

    def second(scope: Scope) -> Iterator[None]:
        yield from (broken() for _ in range(scope.connection.index))

    rule = BY_ID["CMD-01"]._replace(function=second)  # type: ignore[arg-type]
    rules = tuple(rule if each.id == rule.id else each for each in RULES)
    monkeypatch.setattr("analyzer.rules.RULES", rules)
    session = analysed()
    [found] = [item for item in session.diagnostics if item.rule == "INT-01"]
    assert found.text.startswith("CMD-01 was not judged") and found.connection == "c1"
    assert {item.rule for item in session.diagnostics} - {"INT-01"} == whole
    results = [item for item in session.judgement.results if item.rule == "CMD-01"]
    assert [(item.connection, item.status) for item in results if item.connection] == [
        (1, "inconclusive")
    ]


def test_one_message(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(type_id: int, body: bytes, *more: object) -> object:
        return broken() if b"releaseStream" in body else dissect_body(type_id, body, *more)  # type: ignore[arg-type]

    monkeypatch.setattr("analyzer.lookup.dissect_body", fail)
    session = analysed()
    infos = [session.info(row) for row in session.order().tolist()[:12]]
    assert sum("internal error" in info for info in infos) == 1
    assert any("connect('live')" in info for info in infos)


@pytest.mark.parametrize("form", ["json", "ndjson", "list", "tree"])
def test_writing_one_message(
    form: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = Redactor.text

    def fail(self: Redactor, text: str) -> str:
        return broken() if "createStream" in text else whole(self, text)

    monkeypatch.setattr(Redactor, "text", fail)
    assert cli.main(["-F", form, "--redact", "-Y", "type_id == 20", CAPTURE]) == cli.INTERNAL
    out, err = capsys.readouterr()
    assert "c0.c2s." in err and "was not written: internal error: ZeroDivisionError" in err
    calls = 4 if form == "tree" else 2  # one in each connection; trees name them in the replies
    assert out.count("[not written: internal error]") == calls
    assert "createStream" not in out and "odd" not in out and "releaseStream" in out
    if form == "json":
        assert all("info" in message for message in json.loads(out)["messages"])


def test_text_whose_secrets_are_unknown_is_hidden(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("analyzer.redaction.collect._of_command", broken)
    assert cli.main(["--json", CAPTURE]) == cli.INTERNAL
    assert "livestream" not in (out := capsys.readouterr().out) and json.loads(out)


@pytest.mark.parametrize("words", [["-F", "list"], ["check"], ["check", "-F", "json"], ["--json"]])
def test_the_exit_code_and_a_whole_output(
    words: list[str], one_connection: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([*words, CAPTURE]) == cli.INTERNAL
    out, err = capsys.readouterr()
    assert err.count("please report it with the capture") == 1 and "\x1b" not in err
    if "json" in words[-1]:
        assert json.loads(out)
    assert "onStatus" in out or "c0" in out


def test_nothing_is_redacted_that_was_not_understood(one_connection: None, tmp_path: Path) -> None:
    copy = tmp_path / "copy.pcap"
    assert cli.main(["redact", CAPTURE, "-o", str(copy)]) == cli.INTERNAL
    assert not copy.exists()


def test_who_looks_for_faults_sees_the_first_one(
    one_connection: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RTMP_ANALYZE_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        analysed()
