"""Findings: what is wrong, with evidence. One function per rule, one table per group."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from analyzer.options import Policy
from analyzer.rules import (
    amf,
    audio,
    capture,
    capture_files,
    chunk_headers,
    chunk_stream,
    commands,
    connect,
    control,
    engine,
    enhanced,
    enhanced_headers,
    handshake,
    internal,
    metadata,
    network,
    pictures,
    reconnect,
    security,
    starvation,
    sync,
    teardown,
    timed_data,
    timing,
    transport,
    video,
    video_config,
)
from analyzer.rules.engine import Judgement as Judgement
from analyzer.rules.engine import conclude as conclude
from analyzer.rules.rule import Rule

if TYPE_CHECKING:
    from analyzer.session import Session

GROUPS: Final = (
    capture,
    capture_files,
    network,
    starvation,
    transport,
    handshake,
    chunk_stream,
    chunk_headers,
    control,
    connect,
    commands,
    amf,
    metadata,
    timed_data,
    timing,
    sync,
    video_config,
    pictures,
    video,
    audio,
    enhanced_headers,
    enhanced,
    teardown,
    reconnect,
    security,
    internal,
)

RULES: Final[tuple[Rule, ...]] = tuple(rule for group in GROUPS for rule in group.RULES)

BY_ID: Final[Mapping[str, Rule]] = {rule.id: rule for rule in RULES}


def run(session: Session, policy: Policy | None = None) -> Judgement:
    """Run the rules over a session that is done; `policy` instead of the session's own."""
    return engine.run(session, RULES, session.options.policy if policy is None else policy)
