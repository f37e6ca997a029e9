"""Write the measured part of MANIFEST.toml again: python captures/update_manifest.py

What people wrote about a capture stays. Counts, handshakes, chunk sizes and link types come from
the oracle (tests/unchunker.py), and tshark, where it is installed, is asked for its opinion. Review
the difference like code. A capture that the manifest does not know gets an empty entry.
"""

from __future__ import annotations

import gzip
import json
import shutil
import sys
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from tests import tshark, unchunker  # noqa: E402

HEADER = """\
# What the captures in this folder are, and what a correct reading of them finds.
#
# `what`, `client`, `server`, `origin`, `tshark_reason` … are written by hand; `link_type`, `tshark`
# and the connections by update_manifest.py. All was made for this project, under its licence.
#
# port            the server's TCP port
# scenario        the name in record.py that records the file again
# oracle          how tests/unchunker.py reads it: "strict" (default); "omitted": the sender leaves
#                 the extended timestamp out of fmt 3; "none": it is no intact plain RTMP
# truth           an intact capture of the same connection: what the damaged one should give
# recall          the least share of the messages wholly in a damaged capture that must be found
# tshark          "agrees", or what tshark 4.0 counts otherwise (its number, then the right one)
# chunk_sizes     values of Set Chunk Size, in order
# messages        how many, by type id; incomplete: how many of them do not end
"""
ORDER = ["what", "client", "server", "origin", "scenario", "licence", "link_type", "port", "oracle",
         "oracle_reason", "keys", "truth", "recall", "tshark", "tshark_reason"]  # fmt: skip
LINKS = {1: "EN10MB", 113: "LINUX_SLL", 276: "LINUX_SLL2"}


def link_type(path: Path) -> str:
    """The name of the (first) link type of a pcap or pcapng file, gzip or not."""
    data = path.read_bytes()
    if data[:2] == b"\x1f\x8b":
        data = gzip.decompress(data)
    if data[:4] == b"\n\r\r\n":  # pcapng: the interface description follows the section header
        at = int.from_bytes(data[4:8], "little") + 8
        return LINKS[int.from_bytes(data[at : at + 2], "little")]
    return LINKS[int.from_bytes(data[20:24], "little")]


def measure(path: Path, oracle: str) -> list[dict[str, Any]]:
    """What the oracle finds, one table per connection."""
    found = []
    for connection in unchunker.connections(path):
        table: dict[str, Any] = {
            "client": "{}:{}".format(*connection.client),
            "handshake": connection.handshake,
            "chunk_sizes": {}, "messages": {}, "incomplete": {},
        }  # fmt: skip
        for way, stream in (("c2s", connection.c2s), ("s2c", connection.s2c)):
            messages = list(unchunker.unchunk(stream, oracle == "omitted"))
            sizes = [int.from_bytes(m.body) for m in messages if m.type_id == 1 and m.complete]
            table["chunk_sizes"][way] = sizes
            types = Counter(m.type_id for m in messages)
            table["messages"][way] = {str(key): types[key] for key in sorted(types)}
            table["incomplete"][way] = sum(not m.complete for m in messages)
        found.append(table)
    return found


def opinion(path: Path, port: int, oracle: str) -> str:
    """`agrees`, or the types of which tshark counts another number of complete messages."""
    wrong = []
    said, right = tshark.counts(path, port), unchunker.complete(path, oracle == "omitted")
    for way in ("c2s", "s2c"):
        for key in sorted(set(right[way]) | set(said[way])):
            numbers = said[way].get(key, 0), right[way].get(key, 0)
            if numbers[0] != numbers[1]:
                name = "unknown" if key < 0 else f"type {key}"
                wrong.append(f"{way} {name}: {numbers[0]} for {numbers[1]}")
    return "; ".join(wrong) or "agrees"


def dump(name: str, entry: dict[str, Any]) -> str:
    """One table of the manifest; JSON's strings, numbers and lists are TOML's too."""

    def value(item: object) -> str:
        if isinstance(item, dict):
            inside = ", ".join(f"{key} = {value(part)}" for key, part in item.items())
            return f"{{ {inside} }}" if inside else "{}"
        return json.dumps(item, ensure_ascii=False)

    lines = [f"[{json.dumps(name)}]"]
    lines += [f"{key} = {value(entry[key])}" for key in ORDER if key in entry]
    for table in entry.get("connections", []):
        lines += ["", f"[[{json.dumps(name)}.connections]]"]
        lines += [f"{key} = {value(item)}" for key, item in table.items()]
    return "\n".join(lines) + "\n"


def main() -> int:
    manifest = HERE / "MANIFEST.toml"
    entries = tomllib.loads(manifest.read_text("utf-8")) if manifest.exists() else {}
    out = [HEADER]
    for path in sorted(HERE.glob("*/*.pcap*")):
        name = path.relative_to(HERE).as_posix()
        entry = entries.get(name, {"what": "", "port": 1935, "licence": "MIT"})
        entry["link_type"] = link_type(path)
        oracle = entry.get("oracle", "strict")
        entry["connections"] = [] if oracle == "none" else measure(path, oracle)
        if shutil.which("tshark") and oracle != "none":
            entry["tshark"] = opinion(path, entry["port"], oracle)
        out.append(dump(name, entry))
    manifest.write_text("\n".join(out), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
