"""Which codecs a connection carries, read from the first media messages in the index."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from analyzer.session import Session

LOOKED_AT: Final = 64
"""Media messages of each type and connection that are looked at."""
AUDIO, VIDEO = 8, 9


def codecs_of(session: Session, connection: int) -> str:
    """Return ``avc+aac``, or ``-`` where there is no media."""
    table = session.messages
    count = len(table)
    here = table.column("connection")[:count] == connection
    types = table.column("type_id")[:count]
    names: list[str] = []
    for type_id in (VIDEO, AUDIO):
        rows = np.flatnonzero(here & (types == type_id))[:LOOKED_AT]
        for row in rows:
            summary = session.summary(int(row))
            codec = summary[1].get("codec") if summary else None
            if isinstance(codec, str) and codec:
                if codec not in names:
                    names.append(codec)
                break
    return "+".join(names) or "-"
