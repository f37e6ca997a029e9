"""Captures against the oracle, the program against the oracle, tshark against the oracle."""

from __future__ import annotations

import json
import shutil
import tomllib
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from analyzer import cli
from tests import tshark, unchunker

FOLDER = Path(__file__).parents[1] / "captures"
MANIFEST: dict[str, dict[str, Any]] = tomllib.loads((FOLDER / "MANIFEST.toml").read_text("utf-8"))
INTACT = [name for name, entry in MANIFEST.items() if entry.get("oracle") != "none"]
AGREED = [name for name in INTACT if MANIFEST[name].get("tshark") == "agrees"]
DAMAGED = [name for name, entry in MANIFEST.items() if "truth" in entry]
ENCRYPTED = [name for name, entry in MANIFEST.items() if "keys" in entry]
WAYS = ("c2s", "s2c")
COLUMNS = ("index", "stream_offset", "fmt", "csid", "msid", "type_id", "timestamp", "length",
           "chunks", "complete")  # fmt: skip


def oracle(name: str) -> list[dict[str, list[unchunker.Message]]]:
    """The true messages of an intact capture, per connection and direction."""
    omitted = MANIFEST[name].get("oracle") == "omitted"
    return [
        {way: list(unchunker.unchunk(getattr(connection, way), omitted)) for way in WAYS}
        for connection in unchunker.connections(FOLDER / name)
    ]


def report(name: str, scratch: Path) -> tuple[int, dict[str, Any]]:
    """Exit code and JSON document of the program, with bodies and without redaction."""
    out = scratch / "report.json"
    options = ["--json", "--detail", "bytes", "--no-redact", "-q", "-o", str(out)]
    status = cli.main([str(FOLDER / name), *options])
    return status, json.loads(out.read_text("utf-8"))


def body_hash(message: dict[str, Any]) -> str:
    return sha256(bytes.fromhex(message["body_hex"])).hexdigest()


def test_every_capture_is_described() -> None:
    files = {path.relative_to(FOLDER).as_posix() for path in FOLDER.glob("*/*.pcap*")}
    assert files == set(MANIFEST)
    for name, entry in MANIFEST.items():
        assert {"what", "client", "server", "origin", "licence", "link_type"} <= set(entry), name
        assert (FOLDER / name).stat().st_size <= 300_000
        assert "tshark_reason" in entry or entry.get("tshark", "agrees") == "agrees", name
    kept = (path for path in FOLDER.glob("*/*") if path.parent.name != "__pycache__")
    assert sum(path.stat().st_size for path in kept) <= 5_000_000


@pytest.mark.parametrize("name", INTACT)
def test_the_oracle_finds_what_the_manifest_says(name: str) -> None:
    found = []
    for connection, said in zip(unchunker.connections(FOLDER / name), oracle(name), strict=True):
        types = {way: Counter(str(m.type_id) for m in said[way]) for way in WAYS}
        sizes = {
            way: [int.from_bytes(m.body) for m in said[way] if m.type_id == 1 and m.complete]
            for way in WAYS
        }
        found.append({
            "client": "{}:{}".format(*connection.client),
            "handshake": connection.handshake,
            "chunk_sizes": sizes,
            "messages": {way: dict(types[way]) for way in WAYS},
            "incomplete": {way: sum(not m.complete for m in said[way]) for way in WAYS},
        })  # fmt: skip
    assert found == MANIFEST[name]["connections"]


@pytest.mark.parametrize("name", INTACT)
def test_the_program_finds_what_the_oracle_finds(name: str, tmp_path: Path) -> None:
    status, document = report(name, tmp_path)
    assert status == 0
    assert document["capture"]["link_types"] == [MANIFEST[name]["link_type"]]
    expected = MANIFEST[name]["connections"]
    seen = [
        ("{ip}:{port}".format(**c["client"]), c["handshake"]["kind"])
        for c in document["connections"]
    ]
    assert seen == [(table["client"], table["handshake"]) for table in expected]
    for number, truth in enumerate(oracle(name)):
        for way in WAYS:
            mine = sorted(
                (
                    message
                    for message in document["messages"]
                    if (message["connection"], message["direction"]) == (f"c{number}", way)
                ),
                key=lambda message: message["index"],
            )
            rows = [tuple(message[key] for key in COLUMNS) for message in mine]
            assert rows == [tuple(getattr(m, key) for key in COLUMNS) for m in truth[way]]
            assert not any(message["inferred"] for message in mine)
            for message, right in zip(mine, truth[way], strict=True):
                if right.complete:
                    assert body_hash(message) == right.sha256, message["id"]


def holds(pieces: unchunker.Pieces, first: int, message: unchunker.Message) -> bool:
    """Whether every byte of an unfragmented stretch of the stream was captured."""
    at, end = message.stream_offset, message.end
    for seq, payload in sorted(pieces):
        start = seq - first
        if start <= at < start + len(payload):
            at = start + len(payload)
    return at >= end


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_capture_gives_the_truth_or_nothing(name: str, tmp_path: Path) -> None:
    """What is called complete and certain is true, and what was captured whole is found."""
    entry = MANIFEST[name]
    status, document = report(name, tmp_path)
    assert status == 0
    captured = unchunker.directions(FOLDER / name)
    flows = unchunker.directions(FOLDER / entry["truth"])
    client = next(iter(flows))  # the first frame is the client's SYN
    assert str(ip_address(client[0])) == document["connections"][0]["client"]["ip"]
    [truth] = oracle(entry["truth"])
    wanted = found = 0
    for way, flow in zip(WAYS, (client, client[2:] + client[:2]), strict=True):
        origin, pieces = captured[flow]
        shift = origin - flows[flow][0]
        right = {
            (m.stream_offset - shift, m.type_id, m.length): m.sha256
            for m in truth[way] if m.complete
        }  # fmt: skip
        mine = {
            (m["stream_offset"], m["type_id"], m["length"]): body_hash(m)
            for m in document["messages"] if m["direction"] == way and m["complete"]
        }  # fmt: skip
        false = [key for key, digest in mine.items() if right.get(key) != digest]
        assert not false, f"{len(false)} invented in {way}: {false[:5]}"
        whole = [
            (m.stream_offset - shift, m.type_id, m.length)
            for m in truth[way] if holds(pieces, flows[flow][0], m)
        ]  # fmt: skip
        wanted += len(whole)
        found += sum(key in mine for key in whole)
    assert found >= entry["recall"] * wanted, f"{found} of {wanted}"


@pytest.mark.parametrize("name", ENCRYPTED)
def test_nothing_is_invented_in_ciphertext(name: str, tmp_path: Path) -> None:
    status, document = report(name, tmp_path)
    assert status == 4
    assert document["messages"] == []
    assert (FOLDER / MANIFEST[name]["keys"]).exists()


@pytest.fixture(scope="module")
def tshark_counts() -> dict[str, tshark.Counts]:
    """tshark's opinion of every capture, two at a time."""
    if not shutil.which("tshark"):
        pytest.skip("tshark is not installed")
    with ThreadPoolExecutor(2) as pool:
        paths = [FOLDER / name for name in AGREED]
        ports = [MANIFEST[name]["port"] for name in AGREED]
        return dict(zip(AGREED, pool.map(tshark.counts, paths, ports), strict=True))


@pytest.mark.parametrize("name", INTACT)
def test_tshark_counts_the_same(name: str, tshark_counts: dict[str, tshark.Counts]) -> None:
    if name not in AGREED:
        pytest.skip(f"tshark is wrong here: {MANIFEST[name]['tshark_reason']}")
    omitted = MANIFEST[name].get("oracle") == "omitted"
    assert tshark_counts[name] == unchunker.complete(FOLDER / name, omitted)
