"""IEEE 802.11 as monitor mode captures it: data frames that are not encrypted."""

from typing import Final

from analyzer.link import framing, names
from analyzer.link.packet import BadPacketError, Packet, Step, Table

# Frame Control, IEEE 802.11 §9.2.4.1: type and subtype in the first byte, flags in the second.
_DATA: Final = 2
_NO_DATA: Final = 0x40
_QOS: Final = 0x80
_BOTH_DS: Final = 0x03
_MORE_FRAGMENTS: Final = 0x04
_PROTECTED: Final = 0x40
_HT_CONTROL: Final = 0x80
_AGGREGATE: Final = 0x80  # QoS Control, §9.2.4.5

# Radiotap's Present word and Flags field, https://www.radiotap.org/fields/
_TSFT: Final = 1 << 0
_FLAGS: Final = 1 << 1
_MORE: Final = 1 << 31
_HAS_FCS: Final = 0x10
_PADDED: Final = 0x20
_BAD_FCS: Final = 0x40


def radiotap(packet: Packet) -> Step | None:
    """LINKTYPE_IEEE802_11_RADIOTAP: its own length, and flags that tell what stands behind it."""
    size = _little(packet, 2, 2)
    if packet.u8(0) or size < 8:
        raise BadPacketError
    flags = _radiotap_flags(packet, size)
    packet.skip(size)
    if flags & _BAD_FCS:
        raise BadPacketError
    if flags & _HAS_FCS:
        packet.trim(packet.stop - 4)
    return _frame(packet, padded=bool(flags & _PADDED))


def _radiotap_flags(packet: Packet, size: int) -> int:
    present, at = _little(packet, 4, 4), 8
    more = present
    while more & _MORE:
        more = _little(packet, at, 4)
        at += 4
    if present & _TSFT:
        at = (at + 7 & ~7) + 8
    return packet.u8(at) if present & _FLAGS and at < size else 0


def ieee80211(packet: Packet) -> Step | None:
    """LINKTYPE_IEEE802_11: a frame, perhaps with its check sequence, which IP's length cuts off."""
    return _frame(packet, padded=False)


def _frame(packet: Packet, padded: bool) -> Step | None:
    """§9.3.2.1: a data frame; a management or control frame is no IP."""
    kind, flags = packet.u8(0), packet.u8(1)
    if kind >> 2 & 3 != _DATA or kind & _NO_DATA:
        return Table.TYPE, 0
    if flags & _PROTECTED:
        return Table.TYPE, names.PROTECTED
    if flags & _MORE_FRAGMENTS or _little(packet, 22, 2) & 15:
        return None
    size = 30 if flags & _BOTH_DS == _BOTH_DS else 24
    aggregate = False
    if kind & _QOS:
        aggregate = bool(packet.u8(size) & _AGGREGATE)
        size += 6 if flags & _HT_CONTROL else 2
    packet.skip(size + 3 & ~3 if padded else size)
    return _aggregate(packet) if aggregate else framing.llc(packet)


def _aggregate(packet: Packet) -> Step | None:
    """§9.3.2.2.2, A-MSDU: subframes that look like Ethernet with LLC, padded to four bytes."""
    at = packet.at
    while at + 14 <= packet.end:
        stop = at + 14 + int.from_bytes(packet.data[at + 12 : at + 14], "big")
        if stop > packet.stop:
            break
        packet.parts.append((at, stop))
        at = packet.at + (stop - packet.at + 3 & ~3)
    if not packet.parts:
        raise BadPacketError
    return Table.LINK, names.PARTS


def _little(packet: Packet, offset: int, count: int) -> int:
    return int.from_bytes(packet.bytes(offset, count), "little")
