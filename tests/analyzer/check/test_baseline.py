"""Baselines: known, new, worse, gone."""

import json

import pytest

from analyzer.check import baseline
from analyzer.model import Diagnostic


def finding(fingerprint: str, severity: str = "warning") -> Diagnostic:
    return Diagnostic("TS-01", severity, "text", fingerprint=fingerprint, title="Backwards")


def test_what_was_written_is_known() -> None:
    found = [finding("b"), finding("a"), finding("a", "error")]
    text = baseline.write(found)
    known = baseline.read(text)
    assert all(known.knows(item) for item in found)
    assert not known.knows(finding("c"))
    assert text == baseline.write(reversed(found)), "sorted, whatever the order"
    assert [item["fingerprint"] for item in json.loads(text)["findings"]] == ["a", "b"]


def test_what_became_worse_is_new() -> None:
    known = baseline.read(baseline.write([finding("a", "warning")]))
    assert known.knows(finding("a", "note"))
    assert not known.knows(finding("a", "error"))


def test_gone() -> None:
    known = baseline.read(baseline.write([finding("a"), finding("b")]))
    assert [item.fingerprint for item in known.gone([finding("b")])] == ["a"]


def test_nothing_found_is_a_baseline_too() -> None:
    assert not baseline.read(baseline.write([])).known


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{" * 100_000,
        '{"schema": "other"}',
        '{"schema": "rtmp-analyze/baseline", "version": 2, "findings": []}',
        '{"schema": "rtmp-analyze/baseline", "version": 1}',
        '{"schema": "rtmp-analyze/baseline", "version": 1, "findings": [7]}',
        '{"schema": "rtmp-analyze/baseline", "version": 1, "findings": [{"rule": "x"}]}',
    ],
)
def test_anything_else_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(baseline.BaselineError) as caught:
        baseline.read(text)
    assert "\n" not in str(caught.value)
