"""Packets one by one, through whatever layers they have: the slow path beside `columns`."""

import struct
from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np

from analyzer.link import framing, names, wireless
from analyzer.link.columns import TYPES, Conversation, Group, Ints, Rows
from analyzer.link.internet import Internet
from analyzer.link.model import Counters
from analyzer.link.packet import BadPacketError, Packet, Step, Table
from analyzer.sources.model import NO_LINK, FrameBatch

Layer = Callable[[Packet], Step | None]

_FIN: Final = 1
_SYN: Final = 2
_RST: Final = 4
_PSH: Final = 8
_TCP: Final = struct.Struct(">2s2sIIBBH")
_MASK: Final = 0xFFFFFFFF


class _Row(NamedTuple):
    """A segment; the names are those of `SegmentBatch`."""

    frame: int
    time_ns: int
    reverse: bool
    seq: int
    ack: int
    flags: int
    window: int
    ident: int
    header: int
    payload: int
    captured: int
    length: int
    position: int


def layers(internet: Internet) -> dict[Table, dict[int, Layer]]:
    """Return who reads which layer; `internet` keeps fragments from packet to packet."""
    ipv4, ipv6 = internet.ipv4, internet.ipv6
    return {
        Table.LINK: {
            names.NULL: framing.null,
            names.ETHERNET: framing.ethernet,
            names.PPP: framing.ppp,
            names.RAW_BSD: framing.raw,
            names.RAW_OPENBSD: framing.raw,
            names.PPP_SERIAL: framing.ppp_serial,
            names.PPP_ETHER: framing.pppoe,
            names.RAW: framing.raw,
            names.C_HDLC: framing.cisco_hdlc,
            names.IEEE802_11: wireless.ieee80211,
            names.LOOP: framing.null,
            names.LINUX_SLL: framing.linux_sll,
            names.RADIOTAP: wireless.radiotap,
            names.PPP_WITH_DIR: framing.ppp_with_direction,
            names.MPLS_LINK: framing.mpls,
            names.IPV4_LINK: framing.raw4,
            names.IPV6_LINK: framing.raw6,
            names.LINUX_SLL2: framing.linux_sll2,
        },
        Table.TYPE: {
            names.IPV4: ipv4,
            names.IPV6: ipv6,
            names.BRIDGED: framing.ethernet,
            names.PPPOE_SESSION: framing.pppoe,
            **dict.fromkeys(names.VLAN_TYPES, framing.vlan),
            **dict.fromkeys(names.MPLS_TYPES, framing.mpls),
        },
        Table.PPP: {
            0x0021: ipv4,
            0x0057: ipv6,
            0x0281: framing.mpls,
            0x0283: framing.mpls,
        },
        Table.PROTOCOL: {
            names.HOP_BY_HOP: internet.hop_by_hop,
            names.IP_IN_IP: ipv4,
            names.UDP: internet.udp,
            names.IPV6_IN_IP: ipv6,
            names.ROUTING: internet.extension,
            names.FRAGMENT: internet.ipv6_fragment,
            names.GRE: framing.gre,
            names.AUTHENTICATION: internet.authentication,
            names.DESTINATION: internet.extension,
            names.MOBILITY: internet.extension,
            names.HIP: internet.extension,
            names.SHIM6: internet.extension,
        },
        Table.PORT: {
            **dict.fromkeys(names.VXLAN_PORTS, framing.vxlan),
            names.GENEVE_PORT: framing.geneve,
            names.GTP_PORT: framing.gtp,
        },
    }


class Careful:
    """Follows each packet layer by layer; remembers fragments from batch to batch."""

    def __init__(self, counters: Counters) -> None:
        self._counters = counters
        self._internet = Internet()
        self._layers = layers(self._internet)
        self._rows: list[_Row] = []
        self._keys: list[bytes] = []
        self._extra: list[bytes] = []
        self._size = 0
        self._copied = 0

    def decode(self, batch: FrameBatch, index: Ints) -> tuple[Group, bytes]:
        """Return the segments of the frames `index`, and bytes to stand after the batch's."""
        self._rows, self._keys, self._extra = [], [], []
        self._size, self._copied = len(batch.data), 0
        for number, at, caplen, wirelen, time_ns, link in zip(
            (batch.first_frame + index).tolist(),
            *(
                column[index].tolist()
                for column in (
                    batch.offset,
                    batch.caplen,
                    batch.wirelen,
                    batch.time_ns,
                    batch.link,
                )
            ),
            strict=True,
        ):
            if not caplen <= wirelen <= names.MAX_OFFLOAD:
                wirelen = caplen
            stop = at + wirelen
            packet = Packet(batch.data, at, at + caplen, stop, number, time_ns, batch.base)
            self._try(packet, link)
            for start, stop in packet.parts:
                end = min(packet.end, stop)
                part = Packet(batch.data, start, end, stop, number, time_ns, batch.base)
                self._try(part, names.ETHERNET)
        self._counters.incomplete = self._internet.fragments.incomplete
        return self._group(), b"".join(self._extra)

    def _try(self, packet: Packet, link: int) -> None:
        try:
            self._follow(packet, link)
        except BadPacketError:
            self._counters.malformed += 1

    def _follow(self, packet: Packet, link: int) -> None:
        step: Step | None = (Table.LINK, link)
        for _ in range(names.MAX_LAYERS):
            if step is None:
                self._counters.fragments += 1
                return
            table, number = step
            if number == names.TCP and table is Table.PROTOCOL:
                self._tcp(packet)
                return
            if number == names.PARTS and table is Table.LINK:
                return
            layer = self._layers[table].get(number)
            if layer is None:
                self._unknown(table, number)
                return
            step = layer(packet)
        self._counters.too_deep += 1

    def _unknown(self, table: Table, number: int) -> None:
        counters = self._counters
        if number == NO_LINK:
            counters.unreadable += 1
        elif table is Table.LINK:
            counters.unsupported_link[number] = counters.unsupported_link.get(number, 0) + 1
        elif number == names.PROTECTED:
            counters.protected += 1
        elif table in (Table.TYPE, Table.PPP):
            counters.not_ip += 1
        else:
            counters.not_tcp += 1

    def _tcp(self, packet: Packet) -> None:
        """RFC 9293 §3.1; what snaplen cut off may be options, but not the window."""
        header = packet.need(16)
        source, target, seq, ack, offset, flags, window = _TCP.unpack_from(packet.data, header)
        size = (offset >> 4) * 4
        if size < 20 or header + size > packet.stop:
            raise BadPacketError
        source, target = packet.source + source, packet.target + target
        reverse, key = source > target, min(source, target) + max(source, target)
        start = header + size
        shift, spans = 0, packet.spans(start)
        if packet.pieces:
            if start > packet.end:
                raise BadPacketError
            # Its bytes are no run of the capture: a copy follows the batch's own bytes.
            shift = self._size + self._copied
            self._extra.append(packet.data)
            self._copied += len(packet.data)
        for number, span in enumerate(spans):
            first, last = number == 0, number == len(spans) - 1
            payload = min(span.start, packet.end) if first else span.start
            self._keys.append(key)
            self._rows.append(
                _Row(
                    frame=packet.frame,
                    time_ns=packet.time_ns,
                    reverse=reverse,
                    seq=seq + span.start - start + (not first and flags & _SYN == _SYN) & _MASK,
                    ack=ack,
                    flags=flags & ~(0 if first else _SYN) & ~(0 if last else _FIN | _RST | _PSH),
                    window=window,
                    ident=packet.ident,
                    header=shift + (header if first else payload),
                    payload=shift + payload,
                    captured=span.captured,
                    length=span.length,
                    position=span.position - (span.start - payload),
                )
            )

    def _group(self) -> Group:
        columns = zip(*self._rows, strict=True) if self._rows else [()] * len(_Row._fields)
        rows: Rows = {
            name: np.array(column, dtype=TYPES[name])
            for name, column in zip(_Row._fields, columns, strict=True)
        }
        found: dict[bytes, Conversation] = {}
        numbers: dict[bytes, int] = {}
        for key, row in zip(self._keys, self._rows, strict=True):
            known = found.get(key, Conversation(row.frame, key, False))
            found[key] = known._replace(payload=known.payload or row.length > 0)
            numbers.setdefault(key, len(numbers))
        which = np.array([numbers[key] for key in self._keys], dtype=np.int64)
        return Group(rows, list(found.values()), which)
