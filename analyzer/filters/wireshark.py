"""The table of filter fields: Wireshark's names, always on resolved values."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

import numpy as np

from analyzer.filters import summaries
from analyzer.filters.fields import FieldInfo
from analyzer.filters.values import Array, Coded, Frames, Mask, Numbers, PerRow, View
from analyzer.filters.wireshark_trees import AMF, MEDIA, TAGS, Row
from analyzer.session import Session
from dissectors import spec
from dissectors.spec import LIMIT_TYPES


def _everything(view: View) -> Array:
    return np.ones(len(view), np.int64)


def _epoch(view: View) -> Array:
    start: int | None = view.session.capture.start_ns
    return view.column("time_ns") + (start or 0)


def _endpoint(
    attribute: str, sides: tuple[tuple[int, ...], tuple[int, ...]], mark: str = ""
) -> Coded:
    """Addresses or ports; `sides` says by direction which ends count: 0 client, 1 server.

    `mark` is what an address of the family wanted has: a dot or a colon.
    """

    def code(view: View) -> Array:
        return view.column("connection").astype(np.int64) * 2 + view.column("direction")

    def values(session: Session, both: int, row: int) -> Iterable[Any]:
        connection = session.connections[both >> 1]
        ends = (connection.client, connection.server)
        found = [getattr(ends[side], attribute) for side in sides[both & 1]]
        return [value for value in found if not mark or _family(value) == mark]

    return Coded(code, values)


def _family(address: str) -> str:
    """Return ``.`` for IPv4, ``:`` for IPv6, also where it ends in an IPv4 address."""
    return ":" if ":" in address else "."


def _with_amf(view: View) -> Mask:
    found: Mask = np.isin(view.column("type_id"), summaries.AMF_TYPES)
    return found & (view.column("received") > 0)


_SENDER: Final = ((0,), (1,))
_RECEIVER: Final = ((1,), (0,))
_BOTH: Final = ((0, 1), (0, 1))


def _head(view: View, position: int) -> Array:
    heads = np.ascontiguousarray(view.column("head"))
    return heads.view(np.uint8).reshape(len(view), 16)[:, position]


def _is(type_id: int) -> Any:
    def where(view: View) -> Mask:
        mask: Mask = (view.column("type_id") == type_id) & (view.column("received") > 0)
        # The first byte of a message with a hole may be missing; the column says 0 then.
        cut = np.flatnonzero(mask & (view.column("received") < view.column("length")))
        for at, row in zip(cut.tolist(), view.rows[cut].tolist(), strict=True):
            mask[at] = bool(view.session.body(row).captured)
        return mask

    return where


def _bits(type_id: int, shift: int, mask: int, extended: bool | None = None) -> Numbers:
    """A bit field of the first body byte; `extended` wants (no) Enhanced RTMP header."""

    def where(view: View) -> Mask:
        found: Mask = _is(type_id)(view)
        if extended is not None:
            first = _head(view, 0)
            enhanced = first >= 0x80 if type_id == spec.VIDEO else first >> 4 == 9
            found = found & (enhanced == extended)
        return found

    return Numbers(lambda view: _head(view, 0) >> shift & mask, where=where)


def _fourcc(type_id: int) -> Coded:
    """FourCC at its usual place; ModEx and multitrack put it elsewhere (use audio.codec)."""

    def code(view: View) -> Array:
        first = _head(view, 0)
        enhanced = first >= 0x80 if type_id == spec.VIDEO else first >> 4 == 9
        plain = (first & 15) < (6 if type_id == spec.VIDEO else 5)
        words = np.zeros(len(view), np.int64)
        for position in range(1, 5):
            words = words << 8 | _head(view, position)
        return np.where(_is(type_id)(view) & enhanced & plain, words, 0)

    def values(session: Session, word: int, row: int) -> Iterable[Any]:
        return (word.to_bytes(4, "big").decode("latin-1") if word else None,)

    return Coded(code, values)


def _header(name: str) -> PerRow:
    """A field of the chunk header's tree."""

    def values(session: Session, row: int) -> Iterable[Any]:
        header = next((n for n in session.tree(row).children if n.space == "header"), None)
        node = header.find(name) if header is not None else None
        return (node.value if node is not None else None,)

    return PerRow(values)


def _limit_type(session: Session, row: int) -> Iterable[Any]:
    summary = session.summary(row)
    value = summary[1].get("limit_type") if summary else None
    numbers = {name.lower(): number for number, name in LIMIT_TYPES.items()}
    return (value, numbers.get(value)) if isinstance(value, str) else (value,)


_COMMANDS: Final = (spec.COMMAND_AMF0, spec.COMMAND_AMF3)


def _partner_frame(part: str) -> Any:
    """The last frame of the call to a reply, or of the reply to a call."""

    def values(session: Session, row: int) -> Iterable[Any]:
        exchange = session.exchange(row)
        partner = row if exchange is None else int(getattr(exchange, part))
        return (session.value(partner, "last_frame") if partner != row else None,)

    return values


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_ALL: Final = Numbers(_everything)
_TABLE: Final[tuple[Row, ...]] = (
    ("rtmpt", "integer", "every RTMP message", "column", _ALL),
    ("rtmp", "integer", "every RTMP message", "column", _ALL),
    ("rtmpt.header.format", "integer", "fmt", "column", Numbers("fmt")),
    ("rtmpt.header.csid", "integer", "csid", "column", Numbers("csid")),
    ("rtmpt.header.timestamp", "integer", "timestamp", "column", Numbers("timestamp")),
    ("rtmpt.header.timestampdelta", "integer", "delta of the header", "body",
     _header("timestamp_delta")),
    ("rtmpt.header.ets", "integer", "extended timestamp of the header", "body",
     _header("extended_timestamp")),
    ("rtmpt.header.bodysize", "integer", "length", "column", Numbers("length")),
    ("rtmpt.header.typeid", "integer", "type_id", "column", Numbers("type_id")),
    ("rtmpt.header.streamid", "integer", "msid", "column", Numbers("msid")),
    ("rtmpt.scm.chunksize", "any", "control.chunk_size", "body",
     summaries.path("control.chunk_size")),
    ("rtmpt.scm.csid", "any", "control.csid", "body", summaries.path("control.csid")),
    ("rtmpt.scm.seq", "any", "control.sequence_number", "body",
     summaries.path("control.sequence_number")),
    ("rtmpt.scm.was", "any", "control.window_size", "body", summaries.path("control.window_size")),
    ("rtmpt.scm.limittype", "any", "control.limit_type, its name or number", "body",
     PerRow(_limit_type, (spec.SET_PEER_BANDWIDTH,))),
    ("rtmpt.ucm.eventtype", "any", "user_control.event_type", "body",
     summaries.path("user_control.event_type")),
    ("rtmpt.function.call", "integer", "of a reply: the frame where its call ends", "body",
     PerRow(_partner_frame("call"), _COMMANDS)),
    ("rtmpt.function.response", "integer", "of a call: the frame where its reply ends", "body",
     PerRow(_partner_frame("reply"), _COMMANDS)),
    ("rtmpt.audio.control", "integer", "first byte of an audio body", "column",
     _bits(spec.AUDIO, 0, 255)),
    ("rtmpt.audio.format", "integer", "sound format", "column", _bits(spec.AUDIO, 4, 15)),
    ("rtmpt.audio.rate", "integer", "sound rate bits", "column", _bits(spec.AUDIO, 2, 3, False)),
    ("rtmpt.audio.size", "integer", "sound size bit", "column", _bits(spec.AUDIO, 1, 1, False)),
    ("rtmpt.audio.type", "integer", "channels bit", "column", _bits(spec.AUDIO, 0, 1, False)),
    ("rtmpt.audio.packet_type", "integer", "Enhanced RTMP packet type", "column",
     _bits(spec.AUDIO, 0, 15, True)),
    ("rtmpt.audio.fourcc", "string", "Enhanced RTMP FourCC", "column", _fourcc(spec.AUDIO)),
    ("rtmpt.video.control", "integer", "first byte of a video body", "column",
     _bits(spec.VIDEO, 0, 255)),
    ("rtmpt.video.type", "integer", "frame type", "column", _bits(spec.VIDEO, 4, 7)),
    ("rtmpt.video.format", "integer", "codec id", "column", _bits(spec.VIDEO, 0, 15, False)),
    ("rtmpt.video.is_ex_header", "integer", "Enhanced RTMP header bit", "column",
     _bits(spec.VIDEO, 7, 1)),
    ("rtmpt.video.packet_type", "integer", "Enhanced RTMP packet type", "column",
     _bits(spec.VIDEO, 0, 15, True)),
    ("rtmpt.video.fourcc", "string", "Enhanced RTMP FourCC", "column", _fourcc(spec.VIDEO)),
    ("amf.string", "string", "any AMF string, property names included", "body",
     summaries.amf(lambda value: isinstance(value, str), names=True)),
    ("amf.number", "any", "any AMF number", "body", summaries.amf(_number)),
    ("amf.boolean", "any", "any AMF boolean", "body",
     summaries.amf(lambda value: isinstance(value, bool))),
    ("amf.membername", "string", "any AMF property name", "body",
     summaries.amf(lambda value: False, names=True)),
    ("frame.number", "integer", "frame", "column", Frames()),
    ("frame.time_relative", "time", "time", "column", Numbers("time_ns")),
    ("frame.time_epoch", "time", "seconds since 1970", "column", Numbers(_epoch)),
    ("tcp.stream", "connection", "connection", "column", Numbers("connection")),
    ("tcp", "integer", "every RTMP message", "column", _ALL),
    ("amf", "integer", "every message of AMF values", "column",
     Numbers(_everything, where=_with_amf)),
    ("ip", "ipv4", "messages over IPv4", "connection", _endpoint("ip", _BOTH, ".")),
    ("ip.src", "ipv4", "sender of the message", "connection", _endpoint("ip", _SENDER, ".")),
    ("ip.dst", "ipv4", "receiver of the message", "connection", _endpoint("ip", _RECEIVER, ".")),
    ("ip.addr", "ipv4", "sender or receiver; connection.client.ip is of either family",
     "connection", _endpoint("ip", _BOTH, ".")),
    ("ipv6", "ipv6", "messages over IPv6", "connection", _endpoint("ip", _BOTH, ":")),
    ("ipv6.src", "ipv6", "sender of the message", "connection", _endpoint("ip", _SENDER, ":")),
    ("ipv6.dst", "ipv6", "receiver of the message", "connection", _endpoint("ip", _RECEIVER, ":")),
    ("ipv6.addr", "ipv6", "sender or receiver; connection.client.ip is of either family",
     "connection", _endpoint("ip", _BOTH, ":")),
    ("tcp.srcport", "integer", "sender's port", "connection", _endpoint("port", _SENDER)),
    ("tcp.dstport", "integer", "receiver's port", "connection", _endpoint("port", _RECEIVER)),
    ("tcp.port", "integer", "either port", "connection", _endpoint("port", _BOTH)),
)  # fmt: skip


_ELSEWHERE: Final = (
    (r"rtmpt\.handshake(\..*)?",
     "the handshake is no message; -V shows it, --json has it under connections.handshake"),
    (r"tcp\.(len|seq|ack|nxtseq|flags|window|hdr_len|checksum|urgent|analysis|options?|time|segment"
     r"|payload|pdu|reassembled|completeness).*",
     "tells of one segment, a message may have many; --json has them under connections.tcp"),
    (r"(eth|sll|vlan|null|ppp|gre|arp|icmp|icmpv6|udp)(\..*)?|frame\.(len|cap_len|time|protocols|marked"
     r"|interface|offset|encap).*|ip\.(ttl|len|id|proto|version|hdr_len|checksum|dsfield|flags|frag).*"
     r"|ipv6\.(hlim|plen|nxt|tclass|flow|version).*",
     "tells of one packet, and a message may stand in several"),
    (r"amf\.(version|header_count|message_count|header\..*|message\..*)",
     "belongs to AMF over HTTP, which RTMP does not use"),
    (r"amf\.(\w*length|\w+_reference|traitcount|end_of_\w+|loop|int64)",
     "tells how a value is encoded; -VV shows that in the tree"),
    (r"(http|http2|tls|ssl|quic|dns)(\..*)?", "is another protocol; each row is an RTMP message"),
)  # fmt: skip
"""Other names of Wireshark's → why messages cannot answer them."""


def why_not(name: str) -> str:
    """Return why a field that Wireshark has is none of a message's, "" for unknown names."""
    return next((why for known, why in _ELSEWHERE if re.fullmatch(known, name)), "")


def wireshark_fields() -> list[FieldInfo]:
    """Return the fields with Wireshark's names."""
    return [FieldInfo(*row) for row in (*_TABLE, *MEDIA, *TAGS, *AMF)]
