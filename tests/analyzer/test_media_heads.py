"""What a header decides is found by its kind: the same rows as by decoding every message."""

from pathlib import Path

import pytest

from analyzer.filters import media_heads, summaries
from analyzer.filters.compare import ValueTest
from analyzer.filters.values import View
from analyzer.session import Session
from tests.analyzer import talk

CAPTURES = sorted(
    path
    for folder, names in {
        "lab": ("ertmp-*.pcap", "nms-*.pcap", "gst-*.pcap"),
        "real": ("publish-*.pcap",),
        "edge": ("e-*.pcap", "snap200.pcap", "mid100*.pcap", "bad-*.pcap", "aggr.pcap"),
    }.items()
    for name in names
    for path in (talk.CAPTURES / folder).glob(name)
)


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.stem)
def test_the_same_as_row_by_row(path: Path) -> None:
    session = Session([str(path)])
    session.run()
    view = View(session, session.order())
    for name in sorted(media_heads.FIELDS):
        quick, slow = media_heads.source(name), summaries.path(name)
        assert quick.present(view).tolist() == slow.present(view).tolist(), name
        found = {str(v) for row in view.rows.tolist() for v in slow.values(session, row)}
        for word in found if "." in name else ():
            test = ValueTest(lambda value, word=word: str(value) == word)  # type: ignore[misc]
            assert quick.any_match(view, test).tolist() == slow.any_match(view, test).tolist()
    session.close()
