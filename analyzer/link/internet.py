"""IPv4, IPv6 with its extension headers, fragments, and UDP as far as tunnels go."""

import struct
from typing import Final

from analyzer.link.fragments import Fragments
from analyzer.link.packet import BadPacketError, Packet, Step, Table

_IP4: Final = struct.Struct(">BxHHHxBxx4s4s")
_IP6: Final = struct.Struct(">B3xHBx16s16s")
_JUMBO_PAYLOAD: Final = 0xC2


class Internet:
    """The IP layers; they share the fragments that wait."""

    def __init__(self) -> None:
        self.fragments = Fragments()

    def ipv4(self, packet: Packet) -> Step | None:
        """RFC 791 §3.1."""
        start = packet.need(20)
        first, length, ident, fragment, protocol, source, target = _IP4.unpack_from(
            packet.data, start
        )
        header = (first & 15) * 4
        if first >> 4 != 4 or header < 20 or 0 < length < header:
            raise BadPacketError
        packet.ident, packet.jumbo = ident, -1
        packet.source, packet.target = source, target
        if length:
            packet.trim(start + length)
        # Length 0: segmentation is left to the network card; all the frame has is meant.
        packet.skip(header)
        if not fragment & 0x3FFF:
            return Table.PROTOCOL, protocol
        key = source + target + bytes([protocol]) + ident.to_bytes(2, "big")
        offset, more = (fragment & 0x1FFF) * 8, bool(fragment & 0x2000)
        return self._fragment(packet, key, protocol, offset, more)

    def ipv6(self, packet: Packet) -> Step | None:
        """RFC 8200 §3."""
        start = packet.need(40)
        first, length, protocol, packet.source, packet.target = _IP6.unpack_from(packet.data, start)
        if first >> 4 != 6:
            raise BadPacketError
        packet.ident, packet.jumbo = -1, -1
        packet.skip(40)
        if length:
            packet.trim(start + 40 + length)
        else:
            packet.jumbo = start + 40
        return Table.PROTOCOL, protocol

    def extension(self, packet: Packet) -> Step | None:
        """RFC 8200 §4.2: next header, and a length in units of eight bytes less one."""
        following, size = packet.u8(0), (packet.u8(1) + 1) * 8
        packet.skip(size)
        return Table.PROTOCOL, following

    def hop_by_hop(self, packet: Packet) -> Step | None:
        """RFC 8200 §4.3, and RFC 2675 §2: Jumbo Payload, where the IPv6 length is 0."""
        size = (packet.u8(1) + 1) * 8
        packet.need(size)
        at = 2
        while packet.jumbo >= 0 and at < size:
            kind = packet.u8(at)
            length = packet.u8(at + 1) if kind and at + 1 < size else -1
            if kind == _JUMBO_PAYLOAD and length == 4 and at + 6 <= size:
                packet.trim(packet.jumbo + packet.uint(at + 2, 4))
                break
            # Pad1 is a single byte.
            at += 2 + length
        return self.extension(packet)

    def authentication(self, packet: Packet) -> Step | None:
        """RFC 4302 §2: a length in units of four bytes less two."""
        following, size = packet.u8(0), (packet.u8(1) + 2) * 4
        packet.skip(size)
        return Table.PROTOCOL, following

    def ipv6_fragment(self, packet: Packet) -> Step | None:
        """RFC 8200 §4.5; one that is first and last at once is no fragment (RFC 6946)."""
        following, where = packet.u8(0), packet.u16(2)
        ident = packet.bytes(4, 4)
        packet.skip(8)
        if not where & 0xFFF9:
            return Table.PROTOCOL, following
        key = packet.source + packet.target + ident
        return self._fragment(packet, key, following, where & 0xFFF8, bool(where & 1))

    def udp(self, packet: Packet) -> Step | None:
        """RFC 768, for the port."""
        if packet.at + 8 > packet.end:
            return Table.PORT, 0
        port, length = packet.u16(2), packet.u16(4)
        packet.skip(8)
        if 8 <= length <= packet.stop - packet.at + 8:
            packet.trim(packet.at + length - 8)
        return Table.PORT, port

    def _fragment(
        self, packet: Packet, key: bytes, protocol: int, offset: int, more: bool
    ) -> Step | None:
        """Put a fragment to its like; go on with the whole datagram when it is complete."""
        whole = self.fragments.add(packet, key, protocol, offset, more)
        if whole is None:
            return None
        packet.data, packet.pieces, packet.end, first = whole
        packet.at, packet.stop, packet.jumbo = 0, len(packet.data), -1
        return Table.PROTOCOL, first
