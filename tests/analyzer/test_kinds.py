"""Rows of one kind share their text: it is what each of them says by itself."""

import io
import itertools
import json

import numpy as np

from analyzer.export.kinds import ODD, kinds
from analyzer.export.messages import as_dict, lines
from analyzer.export.request import Request
from analyzer.session import Session
from tests.analyzer import talk
from tests.dissectors.chunk_builder import Message
from tests.dissectors.media_bodies import AVCC, HVCC

AVC = b"\x17\0\0\0\0" + bytes.fromhex(AVCC["crop"])
HEVC = b"\x17\0\0\0\0" + bytes.fromhex(HVCC["crop"])
FRAME = b"\0\0\0\x04\x65\x88\x84\0"
VIDEO = (
    *(b"\x17\1\0\0\0", b"\x27\1\0\0\x28", b"\x27\1\xff\xff\xd8", b"\x27\2\0\0\0", b"\x22", b"\x52"),
    *(b"\x91hvc1\0\0\x28", b"\x91hvc1\0\0\x50", b"\xa1av01", b"\xa3avc1", b"\x91x\x7f%d"),
    *(b"\x97\2\0\1\2\1avc1\0\0\0", b"\x96\1avc1\0", b"\x97\1\0\0\0", b""),
)
AUDIO = (b"\xaf\1", b"\xaf\0", b"\x2f", b"\x72", b"\x91mp4a", b"\x91Opus", b"\x95\1Opus\0", b"")


def session() -> Session:
    bodies = [(9, head + tail) for tail in (FRAME, b"", b"\1") for head in VIDEO]
    bodies += [(8, head + tail) for tail in (FRAME, b"", b"\1") for head in AUDIO]
    bodies += [(4, b"\0\6\0\0\0\1"), (4, b"\0\7"), (3, b"\0\0\0\1"), (99, b"x"), (1, b"\0\0\0\x80")]
    times = itertools.count(0, 40)
    sent = [
        Message(6, type_id, 1, next(times), body)
        for config in (AVC, HEVC)
        for type_id, body in [*bodies, (9, config), *bodies]
        if body
    ]
    found = Session([io.BytesIO(talk.pcap([*talk.publish(), *sent], talk.answer()))])
    found.run()
    return found


def test_json() -> None:
    seen = session()
    rows = seen.order()
    for detail in ("messages", "fields"):
        request = Request(detail=detail)
        for row, line in zip(rows.tolist(), lines(seen, rows, request), strict=True):
            assert json.loads(line) == as_dict(seen, row, request)


def test_a_kind_has_one_info_and_one_codec() -> None:
    seen = session()
    rows = np.arange(len(seen.messages))
    by_kind: dict[bytes, set[str]] = {}
    for row, kind in zip(rows.tolist(), kinds(seen, rows), strict=True):
        if kind != ODD and seen.value(row, "type_id") in (8, 9) and seen.template(row):
            by_kind.setdefault(kind, set()).add(seen.info(row))
    assert len(by_kind) > 20 and all(len(infos) == 1 for infos in by_kind.values())
    assert {"H.264", "HEVC"} <= {info.split()[0] for infos in by_kind.values() for info in infos}
