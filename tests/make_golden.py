"""Golden text and JSON of the captures: python -m tests.make_golden writes tests/golden anew.

Review what changed like code: every odd line is a fault in the program or in a peer.
"""

from __future__ import annotations

import io
import json
from collections import Counter
from pathlib import Path
from typing import Any

from analyzer.export.messages import as_dict
from analyzer.export.report import connections
from analyzer.export.request import Request
from analyzer.export.tree import tree_lines
from analyzer.session import Session
from tests.analyzer import talk

CAPTURES = Path(__file__).parents[1] / "captures"
FOLDER = Path(__file__).with_name("golden")
PATTERNS = (
    "edge/*.pcap",
    "real/*.pcap",
    "lab/ertmp-*.pcap",
    "lab/gst-*.pcap",
    "lab/nms-[hp]*.pcap",
    "lab/ffmpeg-listen*.pcap",
    "lab/nginx-publish-duplicate.pcap",
)
MOST = 11
"""Messages per capture: the first of each kind, the opening and the last ones."""
LONGEST = 38
"""Lines per tree."""
SUMMARISED = 6
"""Messages in the JSON."""


_SAME_HANDSHAKE = {path.stem for path in CAPTURES.glob("edge/*.pcap")} - {"hs-pipelined"}


def captures() -> list[Path]:
    """Return the captures with golden output."""
    return sorted(path for pattern in PATTERNS for path in CAPTURES.glob(pattern))


def chosen(session: Session) -> list[int]:
    """Return the first message of each kind."""
    seen: dict[Any, int] = {}
    for row in session.order()[:400].tolist():
        summary = session.summary(row)
        value = summary[1] if summary else {}
        names = ("name", "event", "codec", "packet_type", "frame_type", "track_id")
        kind = session.value(row, "type_id"), *(str(value.get(name)) for name in names)
        seen.setdefault(kind, row)
    rows = list(seen.values())
    return rows[:3] + rows[3:][3 - MOST :]


def text(session: Session) -> str:
    """Return the trees as `-V` writes them, and the list of the first messages."""
    lines = []
    synthetic = Path(session.capture.name).stem in _SAME_HANDSHAKE
    for number in range(0 if synthetic else len(session.connections)):
        for tree in session.handshake_tree(number):
            lines += [*tree_lines(tree, Request()), ""]
    for row in chosen(session):
        tree = list(tree_lines(session.tree(row), Request()))
        more = [f"    … {len(tree) - LONGEST} more lines"] if len(tree) > LONGEST else []
        lines += [f"{session.message_id(row)}", *tree[:LONGEST], *more, ""]
    return "\n".join(lines)


def summary(session: Session) -> str:
    """Return connections, number of messages by type, and the summaries of the same messages."""
    types = Counter(session.type_name(row) for row in session.order().tolist())
    request = Request()
    messages = [as_dict(session, row, request) for row in chosen(session)[-SUMMARISED:]]
    head = {
        "connections": [_kept(each) for each in connections(session, request)],
        "types": dict(sorted(types.items())),
    }
    out = io.StringIO()
    out.write(json.dumps(head)[:-1] + ', "messages": [\n')
    out.write(",\n".join(json.dumps(_kept(message)) for message in messages) + "\n]}\n")
    return out.getvalue()


_LEFT_OUT = {
    "metrics",
    "tcp",
    "chunk_size",
    "connection",
    "direction",
    "index",
    "type",
    "first_time_ns",
    "type_id",
    "inferred",
}
"""Said by the id or by the tree, or tested on its own (metrics, tcp)."""


def _kept(item: dict[str, Any]) -> Any:
    return _short({key: value for key, value in item.items() if key not in _LEFT_OUT})


def _short(value: Any) -> Any:
    """Leave out nulls and cut what is long."""
    if isinstance(value, dict):
        return {key: _short(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_short(item) for item in value[:12]]
    return value if not isinstance(value, str) else value[:120]


def stem(path: Path) -> Path:
    """Return where the golden files of a capture stand, without suffix."""
    return FOLDER / f"{path.parent.name}-{path.stem}"


def main() -> None:
    """Write all golden files anew."""
    for old in [*FOLDER.glob("*.txt"), *FOLDER.glob("*.json")]:
        old.unlink()
    for path in captures():
        session = talk.opened(path)
        stem(path).with_suffix(".txt").write_text(text(session), "utf-8")
        stem(path).with_suffix(".json").write_text(summary(session), "utf-8")


if __name__ == "__main__":
    main()
