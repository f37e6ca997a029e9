"""The data messages of a stream as JSON: metadata, cue points, captions."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from analyzer.extract.media import File
from analyzer.extract.streams import DATA, MediaStream

if TYPE_CHECKING:
    from analyzer.extract.folder import Folder
    from analyzer.redact import Redactor
    from analyzer.session import Session


def write_metadata(
    session: Session, stream: MediaStream, folder: Folder, redactor: Redactor | None
) -> list[File]:
    """Write every data message with its time; no file for a stream without any."""
    rows = [row for row in stream.rows if session.value(row, "type_id") in DATA]
    if not rows:
        return []
    name = f"{stream.name}.metadata.json"
    out = folder.open_text(name)
    comma = "[\n"
    for row in rows:
        text = json.dumps(_message(session, row, redactor), ensure_ascii=False, allow_nan=False)
        out.write(comma + text)
        comma = ",\n"
    out.write("\n]\n")
    return [File(name, "data messages", len(rows), folder.size(name))]


def _message(session: Session, row: int, redactor: Redactor | None) -> dict[str, Any]:
    found = session.summary(row)
    summary = found[1] if found is not None else {}
    if redactor is not None:
        summary = redactor.summary(summary)
    return {
        "message": session.message_id(row),
        "time_ns": session.value(row, "time_ns"),
        "timestamp": session.value(row, "timestamp"),
        "complete": not session.missing(row),
        **summary,
    }
