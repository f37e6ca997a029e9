"""What stands between the wire and IP: Ethernet and its relatives."""

from analyzer.link import names
from analyzer.link.packet import BadPacketError, Packet, Step, Table

_ETHERNET: Step = (Table.LINK, names.ETHERNET)


def ethernet(packet: Packet) -> Step | None:
    """IEEE 802.3: two addresses, then a type, or a length with LLC behind it."""
    kind = packet.u16(12)
    packet.skip(14)
    return _typed(packet, kind)


def vlan(packet: Packet) -> Step | None:
    """IEEE 802.1Q: what is left of a tag after its own type."""
    kind = packet.u16(2)
    packet.skip(4)
    return _typed(packet, kind)


def _typed(packet: Packet, kind: int) -> Step | None:
    if kind >= names.MIN_TYPE:
        return Table.TYPE, kind
    if 0 < kind < packet.stop - packet.at:
        packet.trim(packet.at + kind)
    return llc(packet)


def llc(packet: Packet) -> Step | None:
    """IEEE 802.2 with SNAP (RFC 1042), or the SAP that was given to IP itself."""
    head = packet.bytes(0, 3)
    if head == b"\x06\x06\x03":
        packet.skip(3)
        return Table.TYPE, names.IPV4
    if head != b"\xaa\xaa\x03" or packet.bytes(3, 3) not in (b"\0\0\0", b"\0\0\xf8"):
        return Table.TYPE, 0
    kind = packet.u16(6)
    packet.skip(8)
    return Table.TYPE, kind


def linux_sll(packet: Packet) -> Step | None:
    """LINKTYPE_LINUX_SLL: the protocol is an Ethernet type, or 4 for LLC."""
    kind = packet.u16(14)
    packet.skip(16)
    return llc(packet) if kind == 4 else (Table.TYPE, kind)


def linux_sll2(packet: Packet) -> Step | None:
    """LINKTYPE_LINUX_SLL2: the protocol comes first."""
    kind = packet.u16(0)
    packet.skip(20)
    return llc(packet) if kind == 4 else (Table.TYPE, kind)


def null(packet: Packet) -> Step | None:
    """LINKTYPE_NULL and LINKTYPE_LOOP: an address family, in the sender's byte order."""
    family = packet.uint(0, 4)
    packet.skip(4)
    if family in names.FAMILY_INET:
        return Table.TYPE, names.IPV4
    return Table.TYPE, names.IPV6 if family in names.FAMILY_INET6 else 0


def raw(packet: Packet) -> Step | None:
    """IP without anything before it: its version tells which."""
    version = packet.u8(0) >> 4
    return Table.TYPE, {4: names.IPV4, 6: names.IPV6}.get(version, 0)


def raw4(packet: Packet) -> Step | None:
    return Table.TYPE, names.IPV4


def raw6(packet: Packet) -> Step | None:
    return Table.TYPE, names.IPV6


def ppp(packet: Packet) -> Step | None:
    """RFC 1661 §2: address and control (RFC 1662) may be left out, the protocol be one byte."""
    if packet.bytes(0, 2) == b"\xff\x03":
        packet.skip(2)
    size = 1 if packet.u8(0) & 1 else 2
    kind = packet.uint(0, size)
    packet.skip(size)
    return Table.PPP, kind


def ppp_serial(packet: Packet) -> Step | None:
    """LINKTYPE_PPP_HDLC: PPP, or Cisco's framing where the address is not 0xff."""
    return ppp(packet) if packet.u8(0) == 0xFF else cisco_hdlc(packet)


def ppp_with_direction(packet: Packet) -> Step | None:
    """LINKTYPE_PPP_WITH_DIR: one byte more in front."""
    packet.skip(1)
    return ppp(packet)


def cisco_hdlc(packet: Packet) -> Step | None:
    """LINKTYPE_C_HDLC: address, control, Ethernet type."""
    kind = packet.u16(2)
    packet.skip(4)
    return Table.TYPE, kind


def pppoe(packet: Packet) -> Step | None:
    """RFC 2516 §4: version and type 1, code 0 for session data, then PPP.

    Its length is not used: IP's own trims any padding.
    """
    if packet.u16(0) != 0x1100:
        return Table.TYPE, 0
    packet.skip(6)
    return ppp(packet)


def mpls(packet: Packet) -> Step | None:
    """RFC 3032 §2.1: labels up to the bottom of the stack; what follows is not told."""
    while not packet.u8(2) & 1:
        packet.skip(4)
    packet.skip(4)
    kind = packet.u8(0) >> 4
    if kind in (4, 6):
        return raw(packet)
    # Ethernet over MPLS, RFC 4448: usually a control word (its first nibble is 0) in front.
    if kind == 0 and packet.u16(16) in names.INNER_TYPES:
        packet.skip(4)
    return _ETHERNET


def gre(packet: Packet) -> Step | None:
    """RFC 2784, RFC 2890 (key, sequence number), RFC 2637 (PPTP's version 1)."""
    flags, kind = packet.u16(0), packet.u16(2)
    version = flags & 7
    if version > 1 or flags & 0x4000:
        raise BadPacketError
    optional = 0x8000, 0x2000, 0x1000, 0x0080 if version else 0
    packet.skip(4 + 4 * sum(bool(flags & bit) for bit in optional))
    if kind == names.PPP_TYPE:
        return ppp(packet)
    if kind == names.ERSPAN:
        # Type I has no header, type II has 8 bytes; only the latter numbers its packets.
        packet.skip(8 if flags & 0x1000 else 0)
        return _ETHERNET
    return Table.TYPE, kind


def vxlan(packet: Packet) -> Step | None:
    """RFC 7348 §5: the I flag must be set; Ethernet inside."""
    if not packet.u8(0) & 0x08:
        return Table.PROTOCOL, names.UDP
    packet.skip(8)
    return _ETHERNET


def geneve(packet: Packet) -> Step | None:
    """RFC 8926 §3.4: version 0, options in units of four bytes, an Ethernet type."""
    head, kind = packet.u8(0), packet.u16(2)
    if head >> 6:
        return Table.PROTOCOL, names.UDP
    packet.skip(8 + 4 * (head & 0x3F))
    return Table.TYPE, kind


def gtp(packet: Packet) -> Step | None:
    """3GPP TS 29.281 §5.1: version 1, G-PDU only, past its extension headers."""
    flags, kind = packet.u8(0), packet.u8(1)
    if flags >> 4 != 3 or kind != 0xFF:
        return Table.PROTOCOL, names.UDP
    following = 0
    packet.skip(8)
    if flags & 7:
        following = packet.u8(3) if flags & 4 else 0
        packet.skip(4)
    while following:
        size = 4 * packet.u8(0)
        if not size:
            raise BadPacketError
        following = packet.u8(size - 1)
        packet.skip(size)
    return raw(packet)
