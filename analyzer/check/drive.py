"""Judges captures one after the other, each on its own, and writes the reports."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Final, TextIO

from analyzer import cli, inputs, run
from analyzer.check import baseline
from analyzer.check.baseline import Baseline
from analyzer.check.outcome import (
    FAIL,
    INCONCLUSIVE,
    PASS,
    UNREADABLE,
    Gate,
    Outcome,
    judge,
    tell_apart,
)
from analyzer.check.outcome import unreadable as unreadable_outcome
from analyzer.check.policy import Wanted
from analyzer.export import FORMATS
from analyzer.export.request import Request
from analyzer.outputs import check_paths, color, finish, open_text
from dissectors.text import safe

if TYPE_CHECKING:
    from analyzer.redaction.secrets import Secrets
    from analyzer.session import Session

EXIT_CODES: Final = {
    PASS: cli.OK,
    INCONCLUSIVE: cli.INCONCLUSIVE,
    FAIL: cli.FINDINGS,
    UNREADABLE: cli.UNREADABLE,
}
"""Worst last: the last one met is the run's."""
PLACE: Final = "{capture}"
"""In the path of a report that holds one capture only."""


@dataclass(slots=True)
class _Outputs:
    """Where the reports go; those over one session are opened for each."""

    judged: list[tuple[str, TextIO]] = field(default_factory=list)
    single: list[tuple[str, str]] = field(default_factory=list)
    failed: bool = False
    """The program itself, somewhere; what it could judge is written all the same."""


def check(options: argparse.Namespace, wanted: Wanted) -> int:
    """Judge all captures, write the reports, return the exit code."""
    cli.utf8(sys.stdout)
    gate = Gate(wanted.fail_on, tuple(wanted.assertions), wanted.profile, _known(options, wanted))
    written = [wanted.baseline] if options.write_baseline and wanted.baseline else []
    with ExitStack() as stack:
        outputs = _open(options, written, stack)
        secrets: Secrets | None = None
        outcomes = []
        for path, stem in zip(options.captures, _stems(options.captures), strict=True):
            outcome, own = _one(path, stem, options, wanted, gate, outputs)
            outcome.path = _relative(path)
            outcomes.append(outcome)
            if own is not None and secrets is not None:
                secrets.update(own)
            secrets = secrets or own
        tell_apart(outcomes)
        for name, out in outputs.judged:
            request = _request(name, out, options, wanted, secrets)
            FORMATS[name].write_outcomes(outcomes, out, request)
            finish(out)
    _tell_masks(options, outputs)
    _settle_baseline(options, wanted, gate, outcomes)
    if outputs.failed:
        return cli.INTERNAL
    codes = [EXIT_CODES[outcome.status] for outcome in outcomes]
    return max(codes, key=list(EXIT_CODES.values()).index)


def _one(
    path: str,
    stem: str,
    options: argparse.Namespace,
    wanted: Wanted,
    gate: Gate,
    outputs: _Outputs,
) -> tuple[Outcome, Secrets | None]:
    """Analyse and judge one capture; its secrets, where an output needs them."""
    from analyzer.sources import SourceError

    with ExitStack() as stack:
        try:
            session = _session(path, options, wanted, stack)
        except SourceError as error:
            return _unreadable(path, str(error)), None
        stack.callback(session.close)
        if not run.analyse(session, options, None):
            return unreadable_outcome(Path(path).name, "reading it failed"), None
        if run.tell_trouble(session):
            return unreadable_outcome(Path(path).name, "it was not read to its end"), None
        unsupported = run.unsupported_link(session)
        if unsupported is not None:
            return _unreadable(path, unsupported), None
        outcome = judge(session, gate)
        if any(FORMATS[name].located for name, _ in outputs.judged):
            from analyzer.check.records import locate

            locate(outcome, [path])
        secrets = _secrets(session, options, outputs)
        for name, target in outputs.single:
            target = target.replace(PLACE, stem)
            _write_single(session, outcome, name, target, options, wanted, secrets)
        run.tell_drops(session, options)
        outputs.failed |= run.tell_failures(session)
    return outcome, secrets


def _unreadable(path: str, reason: str) -> Outcome:
    cli.complain(reason, cli.UNREADABLE)
    name = "-" if path == "-" else Path(path).name
    return unreadable_outcome(name, reason.removeprefix(f"{name}: "))


def _relative(path: str) -> str:
    """Return a path as given, with slashes; an absolute one as it is from the current directory,
    or only its name: reports do not tell of the machine."""
    if path == "-":
        return ""
    given, here = Path(path), Path.cwd()
    if given.is_absolute():
        given = given.relative_to(here) if given.is_relative_to(here) else Path(given.name)
    return given.as_posix()


def _session(path: str, options: argparse.Namespace, wanted: Wanted, stack: ExitStack) -> Session:
    from dataclasses import replace

    from analyzer.start import start

    found = inputs.session_options(options, stack, streamed=False)
    return start([path], replace(found, policy=wanted.rules()))


# -- outputs ------------------------------------------------------------------------------


def _open(options: argparse.Namespace, baselines: list[str], stack: ExitStack) -> _Outputs:
    """Open the outputs before the work begins; raise `UsageError`.

    `baselines` has the baseline's path where it is going to be written.
    """
    outputs = _Outputs()
    wanted = [(options.format or "check", options.output or "-"), *options.report]
    for name, path in wanted:  # nothing is written before all of it is possible
        if not FORMATS[name].judged and len(options.captures) > 1 and PLACE not in path:
            raise cli.UsageError(
                f"{name} tells of one capture: of several, give a path with {PLACE} in it, such as"
                f" --report {name}=report-{PLACE}.{name}"
            )
    stems = _stems(options.captures)
    paths = [dict.fromkeys(path.replace(PLACE, stem) for stem in stems) for _, path in wanted]
    check_paths(options.captures, [*chain(*paths), *baselines])
    for name, path in wanted:
        if FORMATS[name].judged and PLACE not in path:
            outputs.judged.append((name, open_text(path, stack)))
        else:
            outputs.single.append((name, path))
    return outputs


def _stems(captures: Sequence[str]) -> list[str]:
    """Return what stands for each capture in the names of files, no two alike."""
    stems: list[str] = []
    for path in captures:
        name = "stdin" if path == "-" else re.sub(r"[^\w.-]", "_", Path(path).name)
        number = 2
        stem = name
        while stem in stems:
            stem, number = f"{name}-{number}", number + 1
        stems.append(stem)
    return stems


def _write_single(
    session: Session,
    outcome: Outcome,
    name: str,
    path: str,
    options: argparse.Namespace,
    wanted: Wanted,
    secrets: Secrets | None,
) -> None:
    with ExitStack() as stack:
        out = open_text(path, stack)
        request = _request(name, out, options, wanted, secrets)
        request.outcome = outcome
        FORMATS[name].write(session, out, request)
        finish(out)


def _masked(name: str, options: argparse.Namespace) -> bool:
    return FORMATS[name].redacted if options.redact is None else bool(options.redact)


def _secrets(session: Session, options: argparse.Namespace, outputs: _Outputs) -> Secrets | None:
    names = [name for name, _ in (*outputs.judged, *outputs.single)]
    if not any(_masked(name, options) for name in names):
        return None
    from analyzer.redaction.collect import collect

    return collect(session)


def _request(
    name: str,
    out: TextIO,
    options: argparse.Namespace,
    wanted: Wanted,
    secrets: Secrets | None,
) -> Request:
    request = Request(
        detail=options.detail,
        color=color(options.color, out),
        fail_on="error" if wanted.fail_on == "never" else wanted.fail_on,
    )
    if _masked(name, options) and secrets is not None:
        from analyzer.redact import Redactor

        request.redactor = Redactor(secrets)
    return request


def _tell_masks(options: argparse.Namespace, outputs: _Outputs) -> None:
    names = [name for name, _ in (*outputs.judged, *outputs.single) if FORMATS[name].redacted]
    if options.redact is False and names:
        run.say(options, run.UNMASKED.format(", ".join(names)))


# -- the baseline -------------------------------------------------------------------------


def _known(options: argparse.Namespace, wanted: Wanted) -> Baseline:
    """Read the baseline; with --write-baseline what is found now is known."""
    if wanted.baseline is None:
        if options.write_baseline:
            raise cli.UsageError("--write-baseline needs --baseline FILE")
        return Baseline()
    path = Path(wanted.baseline)
    if options.write_baseline:
        return _Everything()
    try:
        with path.open("rb") as file:
            text = file.read(baseline.MAX_SIZE).decode("utf-8", "replace")
        return baseline.read(text)
    except OSError as error:
        hint = " (--write-baseline makes it)" if isinstance(error, FileNotFoundError) else ""
        raise cli.UsageError(f"{safe(wanted.baseline)}: {error.strerror}{hint}") from None
    except baseline.BaselineError as error:
        raise cli.UsageError(f"{safe(wanted.baseline)}: {error}") from None


class _Everything(Baseline):
    """Knows every finding: the baseline that is being written."""

    def knows(self, item: object) -> bool:
        return True


def _settle_baseline(
    options: argparse.Namespace, wanted: Wanted, gate: Gate, outcomes: Sequence[Outcome]
) -> None:
    """Write the baseline, or tell what of it is gone."""
    if wanted.baseline is None:
        return
    found = [item for outcome in outcomes for item in outcome.findings]
    if options.write_baseline:
        text = baseline.write(found)
        with ExitStack() as stack:
            out = open_text(wanted.baseline, stack)
            out.write(text)
            finish(out)
        run.say(options, f"{safe(wanted.baseline)}: {len(found)} findings are known from now on")
        return
    if any(outcome.status == UNREADABLE for outcome in outcomes):
        return  # what was not looked at is not gone
    for known in gate.baseline.gone(found):
        run.say(options, f"gone since the baseline: {known.severity} {known.rule} {known.title}")
