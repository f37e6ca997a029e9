"""Every message of real captures: fields find their bytes in all three spaces."""

from pathlib import Path

import pytest

from analyzer.session import Session
from analyzer.tui.byte_views import ByteView
from analyzer.tui.frame_views import VIEWS
from analyzer.tui.tree_lines import TreeState, line_at
from tests.analyzer.tui.screen import press, run, text

CAPTURES = Path(__file__).parents[3] / "captures"
FILES = sorted(CAPTURES.glob("real/*.pcap")) + sorted(CAPTURES.glob("edge/*.pcap"))
ROWS = 40


def everything(view: ByteView) -> bytes:
    return b"".join(view.read(block, 0, block.length) for block in view.blocks)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_field_has_the_same_bytes_in_every_space(path):
    session = Session([str(path)])
    session.run()
    for row in session.order()[:ROWS].tolist():
        body, missing = session.body(row)
        plain = {"body": body, "header": session.header_bytes(row)}
        tree = session.tree(row)
        lines = TreeState().lines([tree])
        assert lines[0].node is tree
        for name, make in VIEWS.items():
            view = make(session, row)
            data = everything(view)
            assert len(data) == view.size
            for leaf in tree.leaves():
                places = view.find(leaf.space, leaf.start, leaf.length)
                if missing and name == "file":
                    continue
                found = b"".join(data[low:high] for low, high in places)
                assert found == plain[leaf.space][leaf.start : leaf.end], (name, leaf.label)
                if places:
                    assert view.field_at(places[0][0]) == (leaf.space, leaf.start)
                    assert line_at(lines, leaf.space, leaf.start, 0) is not None
    session.close()


@pytest.mark.parametrize("name", ["real/publish-chunk128", "edge/x-del513", "edge/bad-deep"])
def test_browsing(name):
    async def use(app, pilot):
        assert "connect" in text(app)
        await press(pilot, "]", "b", "j", "b", "}", "b", "tab", "*", "G", "tab", "end", "enter")
        assert "Bytes: message" in await press(pilot, "home")

    run(Session([str(CAPTURES / f"{name}.pcap")]), use, (100, 30))
