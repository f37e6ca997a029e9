"""What must hold for every input whatsoever."""

from __future__ import annotations

import io
import json
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from analyzer.export import FORMATS
from analyzer.export.request import Request
from analyzer.redact import Redactor
from analyzer.redaction.collect import collect
from analyzer.session import Session
from analyzer.sources import SourceError
from dissectors.chunk_state import Flag
from dissectors.fields import Field
from tests.fuzz.seeds import files_of

CPU_SECONDS = 10.0
"""For one input of some 100 kB, every output included; the slowest honest one needs 2."""
ROWS = 200
"""Messages of an input whose trees are checked one by one."""
RAW = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)


class TooSlow(BaseException):
    """Not an Exception: no handler of the program may swallow it."""


@contextmanager
def cpu_limit(seconds: float) -> Iterator[None]:
    """Raise `TooSlow` after so much processor time."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise TooSlow(f"more than {seconds} s")

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def check(data: bytes, *, twice: bool = False) -> int:
    """Analyse `data` and write every output; return the number of messages.

    Raises `AssertionError` where an invariant is broken, and whatever the program raises.
    """
    with cpu_limit(CPU_SECONDS):
        try:
            session = Session([io.BytesIO(file) for file in files_of(data)])
        except SourceError as error:
            assert not RAW.search(str(error)), "raw control character in an error message"
            return -1
        try:
            session.run()
            first = outputs(session)
            rows(session)
            count = len(session.messages)
            assert not session.failures, session.failures.found[0].text
        finally:
            session.close()
    if twice:
        with cpu_limit(CPU_SECONDS):
            again = Session([io.BytesIO(file) for file in files_of(data)])
            again.run()
            assert outputs(again) == first, "two runs over the same bytes differ"
            again.close()
    return count


def outputs(session: Session) -> dict[str, str]:
    """Write every format and check the characters in it."""
    written = {}
    for name, form in FORMATS.items():
        request = Request(detail="bytes", plumbing=True, hexdump=True)
        if form.redacted:
            request.redactor = Redactor(collect(session))
        out = io.StringIO()
        form.write(session, out, request)
        text = out.getvalue()
        bad = RAW.search(text)
        assert bad is None, f"raw {bad.group()!r} in {name}" if bad else ""
        if name == "json":
            assert text.isascii()
            json.loads(text)
        elif name == "ndjson":
            assert text.isascii()
            for line in text.splitlines():
                json.loads(line)
        written[name] = text
    return written


def rows(session: Session) -> None:
    """Check message rows against their bytes and trees."""
    step = max(len(session.messages) // ROWS, 1)
    for row in range(0, len(session.messages), step):
        length, received = session.value(row, "length"), session.value(row, "received")
        complete = session.value(row, "flags") & Flag.COMPLETE
        assert received <= length
        assert session.value(row, "stream_offset") <= session.value(row, "end_offset")
        body = session.body(row)
        if complete:
            assert received == length == len(body.data) and not body.missing
        tree = session.dissect(row).body
        low, high = covered(tree)
        assert (low, high) == (0, len(body.data)), f"leaves cover {low}–{high} of {len(body.data)}"


def covered(root: Field) -> tuple[int, int]:
    """Return what the leaves cover from the first byte on without a hole."""
    spans = sorted((leaf.start, leaf.end) for leaf in root.leaves() if leaf.length)
    if not spans:
        return 0, 0
    start, end = spans[0]
    for low, high in spans:
        if low > end:
            break
        end = max(end, high)
    return start, end
