"""Outcomes for the tests of report formats: real captures, and one whose every text is hostile."""

import io
from functools import cache

from analyzer.check import assertions
from analyzer.check.outcome import Gate, Outcome, judge
from analyzer.export import FORMATS
from analyzer.export.request import Request
from analyzer.redact import Redactor
from analyzer.redaction.collect import collect
from analyzer.redaction.secrets import Secrets
from analyzer.session import Session
from tests.analyzer import talk

HOSTILE = (
    "\x1b[31m\0\x0b\x7f\x85\u202e\ufffe<script>alert(1)</script><img src=x onerror=a()>"
    "]]>&amp;{{7*7}}{% raw %}|`**_#[a](javascript:b)@here\r\n::error::x%0Aend\nend;note\"'--"
)


def hostile() -> Session:
    """A publisher whose names and whose server's words are an attack on every format."""
    client = talk.publish(name=HOSTILE, app=HOSTILE, url="rtmp://h/" + HOSTILE)
    refusal = [*talk.answer()[:1], talk.refusal(HOSTILE)]
    return talk.session(client, refusal)


def secret() -> Session:
    """A publisher with a credential."""
    return talk.session()


@cache
def recorded(name: str) -> Session:
    """A session over one of the captures."""
    session = Session([str(talk.CAPTURES / name)])
    session.run()
    return session


def outcome(session: Session, *expect: str, fail_on: str = "error", profile: str = "") -> Outcome:
    """Judge a session."""
    wanted = tuple(assertions.compile("expect", text) for text in expect)
    return judge(session, Gate(fail_on, wanted, profile or None))


def written(name: str, *outcomes: Outcome, secrets: Secrets | None = None) -> str:
    """Write outcomes in a format."""
    out = io.StringIO()
    request = Request(redactor=Redactor(secrets) if secrets else None)
    FORMATS[name].write_outcomes(outcomes, out, request)
    return out.getvalue()


def secrets_of(session: Session) -> Secrets:
    return collect(session)
