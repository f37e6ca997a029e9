"""Trees and bytes of the lines that are no messages: handshakes and gaps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.message_bytes import FileSpan
from analyzer.tui.byte_views import MISSING, PAYLOAD, SPACES, ByteView, Piece
from analyzer.tui.frame_views import Own, frames_of
from dissectors.fields import Field

if TYPE_CHECKING:
    from analyzer.session import Session
    from analyzer.tui.listings.extras import Extra


def extra_trees(session: Session, item: Extra) -> list[Field]:
    """Return the tree of a handshake, or of a gap."""
    if item.kind == "gap":
        root = Field("gap", f"Gap: {item.part}", None, item.start, item.length, space="stream")
        root.add("offset", f"Stream offset: {item.start}", item.start)
        root.add("length", f"Length: {item.length}", item.length)
        root.add("frame", f"Noticed in frame: {item.frame}", item.frame)
        return [root]
    trees = session.handshake_tree(item.connection)
    return [tree for tree in trees if tree.label.endswith(f"Handshake {item.part})")]


def extra_view(session: Session, item: Extra, space: str) -> ByteView:
    """Return the bytes: of the stream (the message space has the same), or frame by frame."""
    connection, direction = item.connection, item.direction
    view = ByteView(space, lambda at, length: session.stream(connection, direction, at, length))
    kind = MISSING if item.kind == "gap" else PAYLOAD
    if space != SPACES[2] or kind == MISSING:
        piece = Piece(0, item.length, kind, "stream", item.start)
        view.block(item.start, item.start, [piece], "missing" if kind == MISSING else "")
        return view.seal()
    view_of = session.connections[connection]
    stream = view_of.tcp_connection.directions[view_of.sides[direction]]

    def locate(start: int, length: int) -> list[FileSpan]:
        return [FileSpan(p.stream_offset, p.length, p.file_offset, p.frame)
                for p in stream.locate(start, length)]  # fmt: skip

    own = Own(item.start, item.length, PAYLOAD, "stream", item.start)
    return frames_of(session, locate, (connection, direction), [own])
