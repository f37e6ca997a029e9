"""The headers of one frame: where each layer stands, whatever is captured of it."""

import pytest

from analyzer.link.headers import Part, parts_of
from tests.analyzer.test_link import FOUR, HELLO, SIX
from tests.analyzer.wire import ethernet, ip4, tcp, udp


def parts(frame: bytes, link: int = 1, captured: int | None = None) -> list[tuple[str, str, int]]:
    """Return (kind, name, length) of the parts, which follow each other."""
    kept = frame[:captured]
    found = parts_of(kept, link, len(kept), len(frame))
    end = 0
    for part in found:
        assert part.start == end
        end += part.length
    return [(part.kind, part.name, part.length) for part in found]


TCP = [("transport", "TCP", 20), ("payload", "TCP payload", len(HELLO))]
PLAIN = [("link", "Ethernet", 14), ("network", "IPv4", 20), *TCP]


def test_plain_frame_and_padding():
    assert parts(ethernet(FOUR)) == PLAIN
    assert parts(ethernet(FOUR) + bytes(6)) == [
        *PLAIN,
        ("trailer", "padding or check sequence", 6),
    ]
    assert parts(FOUR, 101) == PLAIN[1:]
    assert parts(SIX, 101) == [("network", "IPv6", 40), *TCP]


def test_tags_and_tunnels():
    tagged = ethernet(b"\0\x05\x08\0" + FOUR, 0x8100)
    assert parts(tagged) == [PLAIN[0], ("link", "VLAN tag", 4), *PLAIN[1:]]
    vxlan = ethernet(ip4(udp(b"\x08" + bytes(7) + ethernet(FOUR), 4789), 17))
    assert parts(vxlan) == [
        *PLAIN[:2],
        ("transport", "UDP", 8),
        ("link", "VXLAN", 8),
        *PLAIN,
    ]
    gre = ethernet(ip4(b"\0\0\x08\0" + FOUR, 47))
    assert parts(gre) == [*PLAIN[:2], ("network", "GRE", 4), *PLAIN[1:]]


def test_fragments_show_what_stands_in_them():
    segment = tcp(bytes(100))
    first = ethernet(ip4(segment[:80], fragment=0x2000))
    later = ethernet(ip4(segment[80:], fragment=10))
    assert parts(first)[1:] == [PLAIN[1], TCP[0], ("payload", "TCP payload", 60)]
    assert parts(later)[1:] == [PLAIN[1], ("payload", "IP fragment", 40)]


@pytest.mark.parametrize("captured", range(len(ethernet(FOUR))))
def test_a_frame_cut_anywhere(captured):
    found = parts(ethernet(FOUR), captured=captured)
    assert sum(size for _, _, size in found) <= captured
    assert found == PLAIN[: len(found)] or found[-1][:2] == PLAIN[len(found) - 1][:2]


def test_what_is_not_understood_has_no_part():
    assert parts_of(bytes(40), 1, 40, 40) == [Part("link", "Ethernet", 0, 14)]
    assert parts_of(bytes(40), 65_000, 40, 40) == []
    assert parts_of(b"", 1, 0, 60) == []
