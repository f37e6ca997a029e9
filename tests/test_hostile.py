"""Each attack within its bounds: 150 MB, linear time, a defined exit code, harmless output."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from analyzer.bounds import LIMITS
from tests.hostile import bodies, chunks, files, link, tcp

ROOT = Path(__file__).parents[1]
MEMORY, SECONDS = 150 << 20, 10.0
"""2 s is the aim, and what the benchmark prints; the rest is for slow machines."""
EXITS = {0, 1, 3, 4}
RUNNER = """
import json, os, resource, sys, time
begun = time.monotonic()
child = os.fork()
if not child:
    resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
    resource.setrlimit(resource.RLIMIT_CPU, (60, 60))
    os.execv(sys.argv[1], sys.argv[1:])
_, status, used = os.wait4(child, 0)
peak = used.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
print(json.dumps([os.waitstatus_to_exitcode(status), time.monotonic() - begun,
                  used.ru_utime + used.ru_stime, peak]))
"""
"""A small process in between: a child inherits its parent's peak."""
Builder = Callable[[], bytes]
CASES: dict[Builder, set[str]] = {
    chunks.chunk_streams: {"open_messages"},
    chunks.announced_lengths: set(),
    chunks.held_commands: {"held_bytes"},
    chunks.chunk_sizes: set(),
    chunks.one_byte_chunks: set(),
    chunks.interleaved_bytes: {"message_runs"},
    chunks.empty_messages: {"message_rows"},
    chunks.more_empty_messages: {"message_rows"},
    chunks.abort_flood: set(),
    chunks.chunk_size_flood: {"chunk_sizes"},
    chunks.long_way: set(),
    chunks.empty_chunks: {"message_rows"},
    chunks.small_messages: {"message_rows"},
    chunks.open_messages: {"open_messages"},
    chunks.wide_chunk_streams: set(),
    chunks.extended_times: set(),
    chunks.extended_chunks: set(),
    chunks.user_controls: set(),
    chunks.senseless_messages: {"chunk_sizes", "commands", "malformed_commands"},
    chunks.abort_and_resize: {"search_budget"},
    bodies.amf_depth: {"amf_depth"},
    bodies.amf_counts: {"amf_values"},
    bodies.amf_references: {"amf_expansion"},
    bodies.command_flood: {"commands", "command_values"},
    bodies.large_commands: {"commands", "command_values"},
    bodies.malformed_commands: {"malformed_commands"},
    bodies.configuration_flood: {"codec_configurations"},
    bodies.deep_data: {"amf_depth"},
    bodies.wide_data: {"amf_values"},
    bodies.data_references: {"amf_expansion"},
    bodies.aggregates: set(),
    bodies.wide_commands: {"commands", "command_values"},
    bodies.amf3_references: {"commands", "command_values"},
    bodies.wide_aggregates: set(),
    bodies.shared_objects: set(),
    bodies.multitracks: {"tracks"},
    bodies.modifiers: {"modex"},
    bodies.parameter_sets: {"parameter_sets"},
    bodies.unanswered_calls: {"commands", "command_values"},
    bodies.failures: {"commands", "command_values"},
    bodies.metadata_flood: {"body_values"},
    tcp.sequence_jumps: {"sequence_distance"},
    tcp.out_of_order: {"tcp_buffers"},
    tcp.overlaps: set(),
    tcp.many_gaps: {"tcp_buffers"},
    tcp.many_resyncs: set(),
    tcp.search_pattern: set(),
    tcp.syn_flood: {"flows"},
    tcp.flow_flood: {"small_connections"},
    tcp.connection_flood: set(),
    tcp.holes: {"search_budget", "tcp_buffers"},
    tcp.many_patterns: {"search_budget"},
    tcp.one_segment_flows: {"small_connections"},
    tcp.small_connections: {"judged_connections"},
    tcp.one_byte_holes: {"search_budget", "tcp_buffers"},
    tcp.byte_steps: {"tcp_buffers"},
    tcp.shifted_segments: {"tcp_buffers"},
    tcp.keep_alives: set(),
    tcp.taking_turns: set(),
    tcp.byte_rounds: {"search_budget"},
    tcp.holes_before_anything: {"search_budget", "tcp_buffers"},
    tcp.same_ports: {"small_connections"},
    tcp.bogus_lengths: {"search_budget"},
    tcp.short_frames: {"message_rows"},
    tcp.resets: set(),
    tcp.closed_windows: set(),
    files.gzip_bomb: set(),
    files.bz2_bomb: set(),
    files.xz_bomb: set(),
    files.zstd_bomb: set(),
    files.zip_bomb: set(),
    files.interface_flood: {"interfaces"},
    files.option_flood: set(),
    files.huge_block: {"record_size"},
    files.secrets_flood: {"input"},
    files.absurd_times: set(),
    files.zero_tail: set(),
    files.packet_gzip_bomb: {"input"},
    files.packet_zstd_bomb: {"input"},
    files.empty_gzip_members: {"input"},
    files.empty_bz2_members: {"input"},
    files.section_flood: set(),
    link.fragment_flood: {"fragments"},
    link.large_fragments: {"fragments"},
    link.odd_fragments: {"fragments"},
    link.tunnels: {"encapsulation"},
    link.fragments6: {"fragments"},
    link.extension_headers: {"encapsulation"},
}
"""Attack → what must stand in `limits_hit`."""


class Run(NamedTuple):
    status: int
    wall: float
    seconds: float
    """Of the processor."""
    memory: int
    limits: list[str]
    """`limits_hit`, as the summary shows them."""
    text: str
    errors: str


def measure(path: Path, *words: str) -> tuple[int, float, float, int, bytes]:
    """Analyse a capture in a process of its own: exit code, seconds by the clock and of the
    processor, peak memory in bytes, standard error.
    """
    command = [sys.executable, "-S", "-c", RUNNER, sys.executable, "-m", "analyzer"]
    done = subprocess.run([*command, *words, str(path)], cwd=ROOT, capture_output=True, timeout=300)
    return *json.loads(done.stdout.splitlines()[-1]), done.stderr


def run(path: Path) -> Run:
    """Index a capture and write its summary."""
    out = path.with_suffix(".txt")
    status, wall, seconds, memory, errors = measure(path, "-F", "summary", "-o", str(out))
    text = out.read_text("utf-8") if status in EXITS else ""  # killed at a limit: not whole
    hit = re.search(r"(?m)^  limits reached: (.*)$", text)
    limits = hit[1].split(", ") if hit else []
    return Run(status, wall, seconds, memory, limits, text, errors.decode())


@pytest.mark.parametrize("attack", CASES, ids=lambda attack: attack.__name__)
def test_an_attack_stays_within_bounds(attack: Builder, tmp_path: Path) -> None:
    path = tmp_path / "hostile.bin"
    path.write_bytes(attack())
    found = run(path)
    assert found.status in EXITS, found.errors
    assert found.memory <= MEMORY and found.seconds <= SECONDS, (found.memory >> 20, found.seconds)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f]", found.text + found.errors)
    hit = found.limits
    assert CASES[attack] <= set(hit) <= set(LIMITS) and hit == sorted(hit)
