"""Writes CHECK.md: python -m analyzer.check.document > analyzer/check/CHECK.md"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import Final

from analyzer.check.aggregates import AGGREGATES
from analyzer.check.profiles import PROFILES

_HEAD: Final = """\
# Check

Generated from the code: `python -m analyzer.check.document > analyzer/check/CHECK.md`.

    rtmp-analyze check capture.pcap --expect publish.started --expect 'gop.max <= 2s'

Several captures are judged each on its own. Exit codes: 0 passed, 1 findings at or above
`--fail-on` or a failed assertion, 2 usage or policy error, 3 a capture cannot be read,
4 inconclusive; of several captures the worst counts: 3, then 1, then 4.

## Assertions

`--expect EXPR` must hold, `--forbid EXPR` must not. The language is the filter's, with `and`, `or`,
`not` and parentheses.

* A name of the table below has a value per connection or track. `--expect` wants the comparison
  to hold for all of them, `--forbid` for none. A truth value stands alone: `publish.started`.
* Every other name is a field of messages ([FIELDS.md](../filters/FIELDS.md)), and a part with
  only such names is a filter: true when some message matches. `not` before it: none does.
* Durations have a unit: `2s`, `100ms`, `1.5min`. Bit rates: `6M`, `160k`, `2500000`.
* With nothing to measure an assertion is inconclusive (exit code 4), never passed: no video for
  `gop.max`, a capture from the middle on for `publish.started`. What a filter does not find in a
  capture with holes is inconclusive, too; `--forbid` speaks of what was captured.
"""
_POLICY: Final = """\

## Policy file

`rtmp-analyze.toml` in the current folder, else `[tool.rtmp-analyze]` in its `pyproject.toml`, else
what `--policy FILE` names. The command line goes before it; assertions and ignored rules add up.

```toml
fail_on = "warning"                # error, warning, note or never
profile = "youtube"
select = ["CMD", "TS", "VID-10"]   # rules by id or group; left out: all
ignore = ["CHK-08"]
expect = ["publish.started", "connections == 1", "gop.max <= 2s"]
forbid = ["rule.TS-01", 'command.level == "error"']
baseline = "rtmp-baseline.json"

[rules.CAP-04]
severity = "note"                  # and the rule's parameters: see RULES.md
```

## Baselines

`--baseline FILE --write-baseline` writes the findings of now. From then on `--baseline FILE` lets
these pass as known; new ones and those that became worse fail, and those that are gone are named
on stderr. A finding is recognised by what it is, not by frame or time.

## In CI

Reports are redacted; the text on stdout is not: `--redact` where its log is public. The exit code
is the verdict, whatever is written. `RTMP_ANALYZE` below is what pip is to install: a wheel (made
by `pip wheel --no-deps .` in a clone), a clone, or its URL.

Any shell, with tcpdump beside it:

```sh
set -eu
tcpdump -i any -U -w session.pcap tcp port 1935 & capture=$!
sleep 1
./publish-for-ten-seconds
sleep 1
kill $capture
wait $capture
rtmp-analyze check session.pcap --redact --expect publish.started --expect 'gop.max <= 2s'
```

GitHub Actions: annotations, a summary of the step, code scanning, and the page to download.

```yaml
name: rtmp
on: push
permissions: {contents: read, security-events: write}
jobs:
  rtmp:
    runs-on: ubuntu-latest
    env: {RTMP_ANALYZE: rtmp_analyze-0.1.0-py3-none-any.whl}
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-python@v5
        with: {python-version: "3.12"}
      - run: python -m pip install "$RTMP_ANALYZE"
      - run: >-
          rtmp-analyze check captures/*.pcap --redact --report github=-
          --report "markdown=$GITHUB_STEP_SUMMARY" --report sarif=rtmp.sarif --report html=rtmp.html
      - uses: github/codeql-action/upload-sarif@v3
        if: always()
        with: {sarif_file: rtmp.sarif}
      - uses: actions/upload-artifact@v4
        if: always()
        with: {name: rtmp-report, path: rtmp.html}
```

GitLab CI: test results in the merge request, and the page to download.

```yaml
rtmp:
  image: python:3.12
  variables: {RTMP_ANALYZE: rtmp_analyze-0.1.0-py3-none-any.whl}
  script:
    - python -m pip install "$RTMP_ANALYZE"
    - rtmp-analyze check captures/*.pcap --redact --report junit=junit.xml --report html=rtmp.html
  artifacts:
    when: always
    paths: [rtmp.html]
    reports: {junit: junit.xml}
```

In pytest, the fixture `rtmp_capture` that comes with the package:

```python
def test_the_encoder_publishes(rtmp_capture):
    capture = rtmp_capture("session.pcap")
    capture.assert_no_findings()
    capture.assert_expect("publish.started and gop.max <= 2s")
```

## Profiles

`--profile NAME` adds these expectations. One that is no more than a warning decides only with
`--fail-on warning`.
"""


def page() -> str:
    """Return the whole page."""
    return "\n".join(_lines()) + "\n"


def main() -> None:
    """Print the page."""
    sys.stdout.write(page())


def _lines() -> Iterator[str]:
    yield _HEAD
    rows = [(f"`{item.name}`", item.kind, item.meaning) for item in AGGREGATES]
    yield from _table(("name", "type", "meaning"), rows)
    yield _POLICY
    yield "`spec`: only rules that cite a section of a specification count."
    for name, profile in PROFILES.items():
        if not profile.requirements:
            continue
        yield ""
        yield f"### {name}: {profile.title}"
        yield ""
        needs = [
            (f"`{name}/{item.name}`", f"`{item.expect}`", item.severity, f"<{item.source}>")
            for item in profile.requirements
        ]
        yield from _table(("requirement", "expected", "severity", "source"), needs)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield "| " + " | ".join(head) + " |"
    yield "| " + " | ".join("---" for _ in head) + " |"
    for row in rows:
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"


if __name__ == "__main__":
    main()
