"""With --redact no view shows a stream name, a key or a password; hex included."""

import pytest

from analyzer.session import Session
from analyzer.tui.hiding import Hidden
from analyzer.tui.views import VIEWS, Jump
from tests.analyzer import talk
from tests.analyzer.tui.opened import TALK, capture
from tests.analyzer.tui.screen import press, run, text

KEY = "s3cr3t-cam7"


def hidden() -> Hidden:
    return Hidden(talk.session(talk.publish(KEY), talk.answer()))


def plain_views(session: Session) -> str:
    rows = session.order().tolist()
    return " ".join([*map(session.info, rows), *(str(session.summary(row)) for row in rows)])


def test_texts_have_placeholders_and_bytes_have_stars():
    session = hidden()
    assert KEY in plain_views(session.plain) and KEY not in plain_views(session)
    assert "publish('‹key#1›')" in plain_views(session)
    assert session.connections[0].streams[0].name == "‹key#1›"
    assert session.plain.connections[0].streams[0].name == KEY
    for row in session.order().tolist():
        assert KEY.encode() not in session.body(row).data
        assert len(session.body(row).data) == len(session.plain.body(row).data)
        assert KEY not in "".join(node.label + str(node.value) for node in session.tree(row).walk())


def test_findings_are_those_of_the_plain_session():
    session = Hidden(capture("lab/nginx-publish-denied.pcap"))
    session.run()
    assert [item.rule for item in session.diagnostics] == [
        item.rule for item in session.plain.diagnostics
    ]
    assert "'cam'" not in "".join(item.text for item in session.diagnostics)


@pytest.mark.parametrize("name", [item.key for item in VIEWS])
def test_no_view_shows_it(name):
    async def use(app, pilot):
        screen = await press(pilot, name)
        for key in ("f", "f", "j", "G", "c", "enter"):
            assert KEY not in screen and "73 33 63 72 33" not in screen
            screen = await press(pilot, key)

    run(hidden(), use)


def test_no_pane_shows_it_nor_copies_it():
    async def use(app, pilot):
        session = app.main.session
        said = [r for r in session.order().tolist() if session.info(r).startswith("publish")]
        app.main.jump(Jump(row=said[0]))
        await press(pilot, "tab", "asterisk")
        for space in range(3):
            for key in (*"jjjjjjjjjjjj", "y"):
                screen = await press(pilot, key)
                assert KEY not in screen and "73 33 63 72 33" not in screen
            assert KEY not in app.clipboard
            await press(pilot, "Y", "h")
            assert KEY.encode().hex(" ") not in app.clipboard
            await press(pilot, "Y", "M")
            assert KEY not in app.clipboard
            await press(pilot, "b", "g")
            assert "** **" in text(app), space
        await press(pilot, "slash", *"stream.name == ")
        assert KEY not in text(app)

    run(hidden(), use, (160, 50))


def test_placeholders_are_numbered_as_they_were_sent():
    session = Hidden(capture(TALK))
    session.run()
    rows = [row for row in session.order().tolist() if "‹key#" in session.info(row)]
    assert "‹key#1›" in session.info(rows[-1]) and "‹key#1›" in session.info(rows[0])
