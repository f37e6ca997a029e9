"""One frame's headers: where its addresses and checksums stand, and both put right."""

from __future__ import annotations

from typing import Final, NamedTuple

from analyzer.link import names
from analyzer.link.careful import layers
from analyzer.link.fragments import Fragments
from analyzer.link.internet import Internet
from analyzer.link.packet import BadPacketError, Packet, Step, Table
from analyzer.redaction.addresses import Addresses

ARP: Final = 0x0806
_SLL_ADDRESS: Final = 6
_SLL2_ADDRESS: Final = 12
_CHECKSUM: Final = {names.TCP: 16, names.UDP: 6}
"""Where the checksum stands in the header, by IP protocol."""
_IP4: Final = {(Table.TYPE, names.IPV4), (Table.PPP, 0x21), (Table.PROTOCOL, names.IP_IN_IP)}
_IP6: Final = {(Table.TYPE, names.IPV6), (Table.PPP, 0x57), (Table.PROTOCOL, names.IPV6_IN_IP)}
_ARP_ETHERNET: Final = b"\0\1\x08\0\6\4"
_WIRELESS: Final = (4, 10, 16)
"""The three addresses of an IEEE 802.11 header."""


class Layer(NamedTuple):
    """A header at `at`; `end` and `stop` as in `Packet`."""

    table: Table
    number: int
    at: int
    end: int
    stop: int


class Headers:
    """Follows the layers of frames, as the link layer does, and rewrites their headers."""

    def __init__(self, addresses: Addresses | None = None) -> None:
        self._addresses = addresses
        self._internet = Internet()
        self._layers = layers(self._internet)

    def walk(self, frame: bytes, link: int, wirelen: int) -> tuple[list[Layer], bool]:
        """Return the frame's layers, and whether it is a fragment of a datagram."""
        packet = Packet(frame, 0, len(frame), max(wirelen, len(frame)), 0, 0, 0)
        found: list[Layer] = []
        step: Step | None = (Table.LINK, link)
        try:
            for _ in range(names.MAX_LAYERS):
                if step is None or packet.data is not frame:
                    self._internet.fragments = Fragments()
                    return found, True
                found.append(Layer(*step, packet.at, packet.end, packet.stop))
                layer = self._layers[step[0]].get(step[1])
                if layer is None:
                    break
                step = layer(packet)
        except BadPacketError:
            pass
        return found, False

    def fix(self, frame: bytearray, link: int, wirelen: int, *, payload: bool) -> None:
        """Anonymise the addresses, if so asked, and correct the checksums.

        `payload` says that bytes behind the headers were changed. A checksum over bytes that are
        not all in the frame (cut, or a fragment) cannot be known and becomes 0.
        """
        found, fragment = self.walk(bytes(frame), link, wirelen)
        if self._addresses is not None:
            for layer in found:
                self._rename(frame, layer)
            _blank(frame, found, fragment)
        elif not payload:
            return
        for index in range(len(found) - 1, -1, -1):
            _sum(frame, found, index, fragment)

    def _rename(self, frame: bytearray, layer: Layer) -> None:
        """Replace the addresses of one header."""
        table, number, at, end, _ = layer
        ip: list[tuple[int, int]] = []
        mac: list[int] = []
        if table is Table.LINK and number == names.ETHERNET:
            mac = [at, at + 6]
        elif (
            table is Table.LINK and number == names.LINUX_SLL and frame[at + 4 : at + 6] == b"\0\6"
        ):
            mac = [at + _SLL_ADDRESS]
        elif table is Table.LINK and number == names.LINUX_SLL2 and frame[at + 11] == 6:
            mac = [at + _SLL2_ADDRESS]
        elif table is Table.LINK and number == names.IEEE802_11:
            mac = [at + place for place in _WIRELESS]
        elif (table, number) in _IP4:
            ip = [(at + 12, 4), (at + 16, 4)]
        elif (table, number) in _IP6:
            ip = [(at + 8, 16), (at + 24, 16)]
        elif table is Table.TYPE and number == ARP and frame[at : at + 6] == _ARP_ETHERNET:
            mac, ip = [at + 8, at + 18], [(at + 14, 4), (at + 24, 4)]
        assert self._addresses is not None
        for where in mac:
            if where + 6 <= end:
                frame[where : where + 6] = self._addresses.mac(bytes(frame[where : where + 6]))
        for where, size in ip:
            if where + size <= end:
                frame[where : where + size] = self._addresses.ip(bytes(frame[where : where + size]))


def _blank(frame: bytearray, found: list[Layer], fragment: bool) -> None:
    """Zero what may hold addresses and is not understood: all but TCP, ARP and fragments."""
    table, number, at, *_ = found[-1]
    if fragment or (table is Table.PROTOCOL and number == names.TCP):
        return
    if table is Table.TYPE and number == ARP:
        at += 28
    frame[at : len(frame)] = bytes(max(len(frame) - at, 0))


def _sum(frame: bytearray, found: list[Layer], index: int, fragment: bool) -> None:
    """Correct the checksum of one header; those inside it are right already."""
    table, number, at, end, stop = found[index]
    if (table, number) in _IP4:
        size = (frame[at] & 15) * 4 if at < end else 0
        if 20 <= size <= end - at:
            frame[at + 10 : at + 12] = b"\0\0"
            _put(frame, at + 10, _ones(frame[at : at + size]))
        return
    place = _CHECKSUM.get(number) if table is Table.PROTOCOL else None
    if place is None or at + place + 2 > end:
        return
    where = at + place
    if number == names.UDP and not any(frame[where : where + 2]):
        return  # none was sent
    frame[where : where + 2] = b"\0\0"
    if number == names.UDP:
        stop = min(stop, at + max(int.from_bytes(frame[at + 4 : at + 6], "big"), 8))
    pseudo = _pseudo(frame, found[:index], number, stop - at)
    if pseudo is None or fragment or end < stop:
        return
    _put(frame, where, _ones(pseudo + frame[at:stop]) or (0xFFFF if number == names.UDP else 0))


def _pseudo(frame: bytearray, outer: list[Layer], protocol: int, length: int) -> bytes | None:
    """Return the pseudo-header (RFC 9293 §3.1, RFC 8200 §8.1) of the innermost IP header."""
    for table, number, at, _, _ in reversed(outer):
        if (table, number) in _IP4:
            tail = bytes([0, protocol]) + (length & 0xFFFF).to_bytes(2, "big")
            return bytes(frame[at + 12 : at + 20]) + tail
        if (table, number) in _IP6:
            tail = length.to_bytes(4, "big") + bytes([0, 0, 0, protocol])
            return bytes(frame[at + 8 : at + 40]) + tail
    return None


def _ones(data: bytes | bytearray) -> int:
    """Return the Internet checksum (RFC 1071) of `data`."""
    total = int.from_bytes(data + b"\0" if len(data) & 1 else data, "big")
    # The sum of 16-bit words modulo 65535 is the number itself modulo 65535.
    return ~(total % 0xFFFF or (0xFFFF if total else 0)) & 0xFFFF


def _put(frame: bytearray, at: int, value: int) -> None:
    frame[at : at + 2] = value.to_bytes(2, "big")
