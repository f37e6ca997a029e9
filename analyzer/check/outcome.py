"""What `check` says of one capture: plain values, which outlive the session they came from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from analyzer.capture_info import CaptureInfo
from analyzer.check import plots, sequence
from analyzer.check.aggregates import Measured
from analyzer.check.assertions import Assertion, Checked
from analyzer.check.assertions import compile as assertion
from analyzer.check.baseline import Baseline
from analyzer.check.plots import Plot
from analyzer.check.profiles import PROFILES
from analyzer.check.sequence import Step
from analyzer.check.stages import Stage
from analyzer.export import SEVERITIES
from analyzer.export.verdict import nothing_to_judge
from analyzer.model import Connection, Diagnostic, TcpStats, Verdict

if TYPE_CHECKING:
    from analyzer.metrics.track import Track
    from analyzer.rules.engine import Result
    from analyzer.session import Session

PASS, FAIL, INCONCLUSIVE, UNREADABLE = "pass", "fail", "inconclusive", "unreadable"
MAX_CONNECTIONS: Final = 200
"""Connections described in full; a scan of a port has thousands."""


@dataclass(frozen=True, slots=True)
class Gate:
    """What decides between pass and fail."""

    fail_on: str = "error"
    assertions: tuple[Assertion, ...] = ()
    profile: str | None = None
    baseline: Baseline = field(default_factory=Baseline)

    def reaches(self, severity: str) -> bool:
        """Whether a finding of this severity fails."""
        if self.fail_on not in SEVERITIES:
            return False
        return SEVERITIES.index(severity) >= SEVERITIES.index(self.fail_on)


@dataclass(slots=True)
class TrackSummary:
    """A row of the table of tracks; what was not measured is None."""

    name: str
    direction: int
    codec: str | None
    detail: str
    frames: int
    duration_ms: int
    bitrate: int | None
    peak: int | None
    """Of one second; None of a track that is shorter."""
    frame_rate_mhz: int | None
    gop_max_ms: int | None


PEAK_MS: Final = 1000


@dataclass(slots=True)
class ConnectionOutcome:
    """One connection as reports show it. Captured texts in it are neither safe nor redacted."""

    id: str
    client: str
    server: str
    variant: str
    role: str | None
    app: str | None
    streams: list[str]
    software: str | None
    start_ns: int
    end_ns: int
    closed_by: str | None
    verdict: Verdict
    stages: list[Stage]
    tcp: tuple[TcpStats, TcpStats]
    tracks: list[TrackSummary]
    steps: list[Step]
    plots: list[Plot]


@dataclass(slots=True)
class Outcome:
    """What was found in one capture, and what follows from it."""

    capture: CaptureInfo
    status: str = PASS
    reason: str = ""
    """Why it is inconclusive or unreadable."""
    fail_on: str = "error"
    connections: list[ConnectionOutcome] = field(default_factory=list)
    more_connections: int = 0
    findings: list[Diagnostic] = field(default_factory=list)
    known: frozenset[str] = frozenset()
    """Ids of findings that the baseline has."""
    results: list[Result] = field(default_factory=list)
    checks: list[Checked] = field(default_factory=list)
    limits_hit: list[str] = field(default_factory=list)
    records: dict[int, tuple[int, int]] = field(default_factory=dict)
    """Frame → (offset, length) in the capture, of frames that findings name; where asked for."""
    no_records: str = ""
    """Why there are none although they were asked for."""
    path: str = ""
    """The capture's path as reports for machines show it, never absolute; "" for its name."""
    label: str = ""
    """Instead of the capture's name, where others have the same."""

    @property
    def name(self) -> str:
        return self.label or self.capture.name

    @property
    def place(self) -> str:
        """What tells it from other captures and can be found from the current directory."""
        return self.path or self.name

    @property
    def failing_ids(self) -> frozenset[str]:
        return frozenset(item.id for item in self.failing)

    @property
    def failing(self) -> list[Diagnostic]:
        """The findings that make it fail, worst first."""
        gate = Gate(self.fail_on)
        found = [d for d in self.findings if gate.reaches(d.severity) and d.id not in self.known]
        return sorted(found, key=lambda d: (-SEVERITIES.index(d.severity), d.cause is not None))

    @property
    def ranked(self) -> list[Diagnostic]:
        """All findings, worst first, else in order."""
        return sorted(self.findings, key=lambda item: -SEVERITIES.index(item.severity))

    def counts(self) -> Counter[str]:
        """Count the findings by severity, known ones too."""
        return Counter(item.severity for item in self.findings)

    def decisive(self, check: Checked) -> bool:
        """Whether the assertion's outcome decides: a requirement of lower severity only warns."""
        return Gate(self.fail_on).reaches(check.severity) or not check.name


def unreadable(name: str, reason: str) -> Outcome:
    """Return the outcome of an input that could not be read."""
    return Outcome(CaptureInfo(name, "", None, None), UNREADABLE, reason)


def tell_apart(outcomes: Sequence[Outcome]) -> None:
    """Show captures of one name by their paths; number those whose paths are the same, too."""
    names = Counter(outcome.name for outcome in outcomes)
    seen: Counter[str] = Counter()
    for outcome in outcomes:
        if names[outcome.name] > 1:
            outcome.label = outcome.place
        seen[outcome.name] += 1
        if seen[outcome.name] > 1:
            outcome.label = f"{outcome.name} ({seen[outcome.name]})"


def judge(session: Session, gate: Gate) -> Outcome:
    """Judge a session that is done."""
    judgement = session.judgement
    found = [item for item in judgement.diagnostics if item.status == "finding"]
    known = frozenset(item.id for item in found if gate.baseline.knows(item))
    outcome = Outcome(session.capture, fail_on=gate.fail_on, findings=found, known=known)
    outcome.results = judgement.results
    outcome.limits_hit = list(session.limits_hit)
    measured = Measured(session)
    outcome.checks = list(_checks(measured, gate))
    shown = session.connections[:MAX_CONNECTIONS]
    outcome.more_connections = len(session.connections) - len(shown)
    outcome.connections = [
        _connection(measured, view, judgement.verdicts[view.index]) for view in shown
    ]
    _decide(outcome, nothing_to_judge(session))
    return outcome


def _checks(measured: Measured, gate: Gate) -> Iterable[Checked]:
    for item in gate.assertions:
        yield item.check(measured)
    if gate.profile is None:
        return
    for need in PROFILES[gate.profile].requirements:
        said = assertion("expect", need.expect).check(measured)
        name = f"{gate.profile}/{need.name}"
        yield Checked(
            "expect", need.expect, said.status, said.why, name, need.severity, need.source
        )


def _decide(outcome: Outcome, nothing: str | None) -> None:
    """Findings and failed assertions fail; then whatever could not be told is inconclusive."""
    decisive = [check for check in outcome.checks if outcome.decisive(check)]
    if outcome.failing or any(check.status == FAIL for check in decisive):
        outcome.status = FAIL
        return
    unclear = [check for check in decisive if check.status == INCONCLUSIVE]
    if nothing is not None:
        outcome.status, outcome.reason = INCONCLUSIVE, nothing
    elif unclear:
        outcome.status = INCONCLUSIVE
        outcome.reason = f"{unclear[0].kind} '{unclear[0].text}': {unclear[0].why}"
    elif not outcome.checks:  # the rules alone decide, and they could not
        verdicts = [connection.verdict for connection in outcome.connections]
        if all(verdict.status == INCONCLUSIVE for verdict in verdicts):
            outcome.status, outcome.reason = INCONCLUSIVE, verdicts[0].text


def _connection(measured: Measured, view: Connection, verdict: Verdict) -> ConnectionOutcome:
    facts = view.facts
    names = dict.fromkeys(str(s.name) for s in facts.streams if isinstance(s.name, str))
    metrics = measured.metrics.connection(view.index)
    tracks = [track for stream in metrics.streams for track in stream.tracks if len(track.frames)]
    return ConnectionOutcome(
        id=view.id,
        client=str(view.client),
        server=str(view.server),
        variant=view.variant,
        role=facts.role,
        app=facts.app if isinstance(facts.app, str) else None,
        streams=list(names),
        software=facts.flash_ver if isinstance(facts.flash_ver, str) else None,
        start_ns=view.start_ns,
        end_ns=view.end_ns,
        closed_by=view.closed_by,
        verdict=verdict,
        stages=measured.ladders.of(view),
        tcp=view.tcp,
        tracks=[_track(track) for track in tracks],
        steps=sequence.steps(measured.session, measured.rows_of(view)),
        plots=plots.plots(metrics.streams),
    )


def _track(track: Track) -> TrackSummary:
    config = next((c.values for c in track.configurations if c.values), {})
    words = []
    if isinstance(config.get("width"), int):
        words.append(f"{config['width']}×{config.get('height')}")
    if isinstance(config.get("profile"), str):
        words.append(config["profile"])
    if isinstance(config.get("sample_rate"), int):
        words.append(f"{config['sample_rate']} Hz")
    if isinstance(config.get("channels"), int):
        words.append(f"{config['channels']} channel{'s' * (config['channels'] != 1)}")
    gops = track.gops
    return TrackSummary(
        track.name,
        track.direction,
        track.codec,
        ", ".join(words),
        len(track.frames),
        track.duration_ms,
        track.bitrate_bit_s,
        track.peak_bit_s if track.duration_ms >= PEAK_MS else None,
        track.rate.nominal_millihertz if track.rate and track.kind == "video" else None,
        int(gops.duration_ms.max()) if gops.closed.any() else None,
    )
