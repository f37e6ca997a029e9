"""The headers of one captured frame, outermost first, for who looks at its bytes."""

from functools import lru_cache
from typing import Final, Literal, NamedTuple

from analyzer.link import names
from analyzer.link.careful import Layer, layers
from analyzer.link.internet import Internet
from analyzer.link.packet import BadPacketError, Packet, Step, Table
from analyzer.sources.model import link_name

MAX_HEADERS: Final = 64 << 10
"""Bytes of a frame in which headers are looked for: no stack of them is longer."""

Kind = Literal["link", "network", "transport", "payload", "trailer"]

_LINKS: Final = {
    names.ETHERNET: "Ethernet",
    names.LINUX_SLL: "Linux cooked capture",
    names.LINUX_SLL2: "Linux cooked capture v2",
    names.NULL: "loopback",
    names.LOOP: "loopback",
    names.IEEE802_11: "IEEE 802.11",
    names.RADIOTAP: "radiotap and IEEE 802.11",
    names.PPP_ETHER: "PPPoE",
}
_IP: Final = {names.IPV4: "IPv4", names.IPV6: "IPv6"}
_TYPES: Final = {
    names.BRIDGED: "Ethernet",
    names.PPPOE_SESSION: "PPPoE",
    **dict.fromkeys(names.VLAN_TYPES, "VLAN tag"),
    **dict.fromkeys(names.MPLS_TYPES, "MPLS"),
}
_PPP: Final = {0x0021: "IPv4", 0x0057: "IPv6"}
_PROTOCOLS: Final = {
    names.HOP_BY_HOP: "IPv6 hop-by-hop options",
    names.IP_IN_IP: "IPv4",
    names.IPV6_IN_IP: "IPv6",
    names.ROUTING: "IPv6 routing",
    names.FRAGMENT: "IPv6 fragment",
    names.GRE: "GRE",
    names.AUTHENTICATION: "IP authentication",
    names.DESTINATION: "IPv6 destination options",
    names.MOBILITY: "IPv6 mobility",
    names.HIP: "HIP",
    names.SHIM6: "Shim6",
}
_TUNNELS: Final = {
    **dict.fromkeys(names.VXLAN_PORTS, "VXLAN"),
    names.GENEVE_PORT: "Geneve",
    names.GTP_PORT: "GTP-U",
}


class Part(NamedTuple):
    """A run of a frame's captured bytes: a header, the payload of TCP, or what follows it."""

    kind: Kind
    name: str
    start: int
    length: int


class _Single(Internet):
    """The IP layers of one frame by itself: a fragment shows what stands in it."""

    def _fragment(
        self, packet: Packet, key: bytes, protocol: int, offset: int, more: bool
    ) -> Step | None:
        return None if offset else (Table.PROTOCOL, protocol)


@lru_cache(maxsize=1)
def _layers() -> dict[Table, dict[int, Layer]]:
    return layers(_Single())


def parts_of(data: bytes, link: int, captured: int, length: int) -> list[Part]:
    """Return the parts of a frame in order; what no part has could not be understood.

    `data` are its first bytes, `MAX_HEADERS` or all that were captured; `length` were on the
    wire. Nothing in it can raise.
    """
    stop = length if captured <= length <= names.MAX_OFFLOAD else captured
    packet = Packet(data, 0, len(data), stop, 0, 0, 0)
    found = _follow(packet, link, captured)
    for start, end in packet.parts:
        part = Packet(data, start, min(packet.end, end), end, 0, 0, 0)
        found += _follow(part, names.ETHERNET, min(end, captured))
    return found


def _follow(packet: Packet, link: int, end: int) -> list[Part]:
    """Return the parts from `packet.at` to `end`, the last captured byte."""
    found: list[Part] = []
    step: Step | None = (Table.LINK, link)
    try:
        for _ in range(names.MAX_LAYERS):
            if step is None or step == (Table.LINK, names.PARTS):
                break
            table, number = step
            if table is Table.PROTOCOL and number == names.TCP:
                found.append(_tcp(packet))
                break
            layer = _layers()[table].get(number)
            if layer is None:
                return found
            start = packet.at
            step = layer(packet)
            if packet.at > start:
                found.append(Part(*_name(table, number), start, packet.at - start))
    except BadPacketError:
        return found
    if packet.parts:
        return found
    at, stop = packet.at, min(packet.stop, end)
    if stop > at:
        found.append(Part("payload", "TCP payload" if step else "IP fragment", at, stop - at))
    if end > max(at, stop):
        found.append(Part("trailer", "padding or check sequence", stop, end - stop))
    return found


def _tcp(packet: Packet) -> Part:
    """RFC 9293 §3.1; as much of it as was captured."""
    start = packet.at
    size = (packet.u8(12) >> 4) * 4
    if size < 20:
        raise BadPacketError
    packet.at = min(start + size, packet.end)
    return Part("transport", "TCP", start, packet.at - start)


def _name(table: Table, number: int) -> tuple[Kind, str]:
    if table is Table.LINK:
        return "link", _LINKS.get(number) or link_name(number)
    if table is Table.PROTOCOL:
        if number == names.UDP:
            return "transport", "UDP"
        return "network", _PROTOCOLS.get(number, f"IP protocol {number}")
    if table is Table.PORT:
        return "link", _TUNNELS.get(number, f"tunnel on port {number}")
    own = _PPP if table is Table.PPP else _IP
    if number in own:
        return "network", own[number]
    return "link", _TYPES.get(number, "MPLS")
