"""C0–C2 and S0–S2 as annotated trees (RTMP 1.0 §5.2)."""

from typing import Any, Final, NamedTuple

from dissectors import handshake, spec
from dissectors.fields import Field
from dissectors.handshake_facts import (
    Holes,
    Sides,
    echo,
    find_digest,
    is_signed,
    round_trip_ms,
    version,
)
from dissectors.text import hexdump

SIZE: Final = spec.HANDSHAKE_SIZE
_SECTIONS: Final = {"0": "RTMP 1.0 §5.2.2", "1": "RTMP 1.0 §5.2.3", "2": "RTMP 1.0 §5.2.4"}
"""Of C0 and S0, C1 and S1, C2 and S2."""
_VERSIONS: Final = {3: "RTMP", 6: "RTMPE", 8: "RTMPE with XTEA", 9: "RTMPE with Blowfish"}


def dissect_handshake(
    client: bytes,
    server: bytes,
    skip: tuple[int, int] = (0, 0),
    holes: tuple[Holes, Holes] = ((), ()),
) -> list[Field]:
    """Return the trees of `C0+C1`, `S0+S1+S2` and `C2`, as far as captured.

    Spans count from the direction's first payload byte; `skip` is what stands before C0 and S0.
    """
    sides = Sides(client, server, holes)
    trees = [
        _tree("Handshake C0+C1", ("C0", "C1"), sides, skip[0]),
        _tree("Handshake S0+S1+S2", ("S0", "S1", "S2"), sides, skip[1]),
        _tree("Handshake C2", ("C2",), sides, skip[0]),
    ]
    return [tree for tree in trees if tree.children]


def _tree(title: str, names: tuple[str, ...], sides: Sides, skip: int) -> Field:
    label = f"Real Time Messaging Protocol ({title})"
    first = 0 if names[0][1] == "0" else 1 + SIZE
    root = Field("handshake", label, None, skip + first, 0, space="stream")
    for name in names:
        packet, missing = sides.packet(name), sides.missing(name)
        start, end = sides.span(name)
        if name[1] == "0" and packet:
            _version(root, name, packet[0], skip)
        elif start < end:
            node = root.add(name.lower(), name, None, skip + start, end - start)
            if missing:
                node.label += f": {missing} of {end - start} bytes not captured"
            if packet:
                (_first_packet if name[1] == "1" else _echo_packet)(node, name, packet, sides)
            _section(node, name, node.end)
            if missing:
                node.warn("not_captured", "bytes are missing")
            elif len(packet) < SIZE:
                node.warn("cut_short", f"{len(packet)} of {SIZE} bytes")
    root.length = max((child.end for child in root.children), default=root.start) - root.start
    return root


def _version(root: Field, name: str, version: int, start: int) -> None:
    meaning = _VERSIONS.get(version, "unknown")
    node = root.add("version", f"{name}: version {version} ({meaning})", version, start, 1)
    if version not in _VERSIONS:
        node.error("unknown_version", "versions other than 3 are deprecated or reserved")
    _section(root, name, node.end)


def _section(node: Field, name: str, at: int) -> None:
    section = _SECTIONS[name[1]]
    node.add("section", f"Section: {section}", section, at).plumbing = True


def _number(node: Field, name: str, label: str, packet: bytes, at: int) -> int:
    value = int.from_bytes(packet[at : at + 4], "big")
    node.add(name, f"{label}: {value}", value, node.start + at, 4)
    return value


def _first_packet(node: Field, name: str, packet: bytes, sides: Sides) -> None:
    """C1 or S1: time, then zero (simple form) or a version (digest form), then random bytes."""
    if len(packet) < 8:
        return
    _number(node, "time", "Time", packet, 0)
    raw = packet[4:8]
    dotted = version(packet)
    if dotted is None:
        node.add("zero", "Zero: 0", 0, node.start + 4, 4)
    else:
        node.add("peer_version", f"Version: {dotted}", dotted, node.start + 4, 4)
    digest = find_digest(name, packet)
    if not sides.missing(name):
        node.label += f": {'digest' if digest else 'simple'} form"
    if digest is None:
        _fill(node, packet, 8, [])
        if raw != b"\0\0\0\0" and len(packet) == SIZE and raw != sides.packet("C1")[:4]:
            # Proxies and some servers write a version without a digest; SRS copies C1's time.
            node.note("no_digest", "a version, but no valid digest in either schema")
        return
    base = handshake.offset_bytes(digest.schema)
    value = digest.value.hex()
    pieces = [
        _Piece(base, 4, "digest_offset", f"Digest offset: {digest.offset}", digest.offset),
        _Piece(
            digest.offset,
            handshake.DIGEST_SIZE,
            "digest",
            f"Digest: {value} (schema {digest.schema}, verified)",
            value,
        ),
    ]
    start = (sides.client if name[0] == "C" else sides.server)[:1]
    if start and start[0] in spec.RTMPE_VERSIONS:
        at = handshake.key_offset(packet, digest.schema)
        key = packet[at : at + handshake.KEY_SIZE]
        label = f"Diffie-Hellman public key: {hexdump(key)}"
        pieces.append(_Piece(at, len(key), "public_key", label, key.hex()))
    _fill(node, packet, 8, pieces)


class _Piece(NamedTuple):
    """Some bytes of a packet that mean something; the rest is random."""

    start: int
    length: int
    name: str
    label: str
    value: Any


def _fill(node: Field, packet: bytes, low: int, pieces: list[_Piece]) -> None:
    """Add the pieces in their order, and random bytes between them."""
    for piece in sorted(pieces, key=lambda piece: piece.start):
        if piece.start < low:  # the offsets of a hostile packet may point anywhere
            continue
        _random(node, packet, low, piece.start)
        node.add(piece.name, piece.label, piece.value, node.start + piece.start, piece.length)
        low = piece.start + piece.length
    _random(node, packet, low, len(packet))


def _random(node: Field, packet: bytes, low: int, high: int) -> None:
    if low < high:
        label = f"Random bytes: {hexdump(packet[low:high])}"
        node.add("random", label, None, node.start + low, high - low)


def _echo_packet(node: Field, name: str, packet: bytes, sides: Sides) -> None:
    """C2 or S2: the peer's time, when it was read, and the echo of the peer's random bytes."""
    if len(packet) < 8:
        return
    peer_name = "S1" if name == "C2" else "C1"
    peer = sides.packet(peer_name)
    verdict = echo(packet, peer)
    signed = verdict not in (None, "copy") and is_signed(name, packet, peer)
    if signed:  # the digest form has neither times nor an echo
        at = SIZE - handshake.DIGEST_SIZE
        text = f"Signature: {packet[at:].hex()}"
        _fill(node, packet, 0, [_Piece(at, SIZE - at, "signature", text, packet[at:].hex())])
    else:
        _number(node, "time", "Time", packet, 0)
        _number(node, "time2", "Time 2", packet, 4)
        node.add("echo", f"Echo: {hexdump(packet[8:])}", None, node.start + 8, len(packet) - 8)
    if verdict is None:
        return
    text = "no, signed instead" if signed else _ECHOES[verdict]
    echoes = node.add("echoes", f"Echoes {peer_name}: {text}", verdict)
    if signed:
        node.add("signed", f"Signature over the digest of {peer_name}: verified", True)
    elif verdict in ("no", "time_only"):
        echoes.note("no_echo", f"strict peers refuse a {name} that does not echo {peer_name}")
    elapsed = round_trip_ms(sides) if name == "C2" else None
    if elapsed is not None:
        node.add("rtt", f"Round trip by the client's clock: {elapsed} ms (calculated)", elapsed)


_ECHOES: Final = {
    "copy": "yes, a copy of the whole packet",
    "yes": "yes",
    "time_only": "time only",
    "no": "no",
}
