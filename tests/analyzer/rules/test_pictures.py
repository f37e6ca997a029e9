"""VID rules about coded data: what triggers each, and what nearly does."""

import pytest

from tests.analyzer.rules.builder import avc_config, good, metadata, picture
from tests.analyzer.rules.media import finding, pictures, published, severity, video
from tests.dissectors.media_bodies import AVCC

P_SLICE, IDR, B_SLICE = "419a0203", "658884", "019e0203"
SEI, AUD, FILLER = "0605010203", "09f0", "0cff80"
HEADERS = (metadata(), avc_config())


def unit(data: str, length: int | None = None) -> bytes:
    raw = bytes.fromhex(data)
    return (len(raw) if length is None else length).to_bytes(4, "big") + raw


def frame(time: int, units: bytes, key: bool = False, cts: int = 0) -> object:
    head = (b"\x17" if key else b"\x27") + b"\x01" + (cts & 0xFFFFFF).to_bytes(3, "big")
    return video(time, head + units)


def talk(*units: bytes, key: bool = False):
    """An IDR picture, then frames of these units."""
    first = frame(0, unit(IDR), True)
    return published([first, *(frame(40 * n, b, key) for n, b in enumerate(units, 1))], HEADERS)


def test_annex_b():
    start = b"\0\0\0\1"
    bad = talk(start + bytes.fromhex(P_SLICE) + start + bytes.fromhex(SEI))
    assert severity(bad, "VID-05") == "error"
    assert severity(bad, "VID-06") is None  # one fault, one finding
    short = talk(unit("41") + unit(P_SLICE))  # a unit of one byte begins like a start code
    assert severity(short, "VID-05") is None
    assert severity(talk(start[1:] + bytes.fromhex(P_SLICE)), "VID-05") == "error"


def test_lengths_that_look_like_start_codes():
    """256 to 511 bytes: 00 00 01 .., and the sum is wrong besides."""
    whole = [picture(40 * n, n == 0, size=100 + 200 * (n % 2)) for n in range(8)]
    cut = [item._replace(body=item.body + b"\1") for item in whole]
    assert severity(published(cut), "VID-05") is None
    assert severity(published(cut), "VID-06") == "error"


def test_lengths_that_do_not_add_up():
    assert severity(talk(unit(P_SLICE, 5)), "VID-06") == "error"
    assert severity(talk(unit(SEI) + unit(P_SLICE, 3)), "VID-06") == "error"
    assert severity(talk(unit(P_SLICE) + unit("")), "VID-06") == "warning"
    assert severity(talk(unit(SEI) + unit(P_SLICE)), "VID-06") is None


def test_other_length_size():
    record = bytearray.fromhex(AVCC["baseline"])
    record[4] = 0xFD  # two bytes
    two = b"\0\4" + bytes.fromhex(P_SLICE)
    short = published([frame(0, two)], (metadata(), avc_config(0, record.hex())))
    assert severity(short, "VID-06") == "note"


def test_keyframe_flags():
    false = talk(unit(P_SLICE), key=True)
    assert (severity(false, "VID-08"), finding(false, "VID-08").count) == ("warning", 1)
    hidden = talk(unit(SEI) + unit(IDR))
    assert "inter frames" in finding(hidden, "VID-08").text
    refresh = talk(unit(SEI) + unit(P_SLICE), key=True)
    assert severity(refresh, "VID-08") == "note"
    assert severity(good(), "VID-08") is None


@pytest.mark.parametrize(
    ("cts", "expected"), [(0, None), (40, None), (-34, "warning"), (1279, None), (1281, "warning")]
)
def test_composition_time(cts, expected):
    """1281 ms are more than 32 frames of 40 ms."""
    frames = [picture(40 * n, n == 0, cts=cts if n == 9 else 40) for n in range(30)]
    assert severity(published(frames), "VID-11") == expected


def test_negative_composition_time_as_receivers_misread_it():
    frames = [picture(40 * n, n == 0, cts=-34) for n in range(5)]
    assert finding(published(frames), "VID-11").actual == "-34 (read unsigned: 16777182)"


def test_configuration_with_composition_time():
    config = avc_config()
    odd = config._replace(body=config.body[:2] + b"\0\0\x28" + config.body[5:])
    assert severity(published(pictures([0, 40]), (metadata(), odd)), "VID-11") == "note"


def test_b_slices_without_composition_times():
    units = [unit(B_SLICE if n % 2 else P_SLICE) for n in range(20)]
    item = finding(talk(*units), "VID-11")
    assert (item.severity, item.count) == ("error", 10)
    assert severity(talk(*[unit(P_SLICE)] * 20), "VID-11") is None
    first = frame(0, unit(IDR), True, 40)
    timed = [frame(40 * n, unit(B_SLICE), cts=40) for n in range(1, 20)]
    assert severity(published([first, *timed], HEADERS), "VID-11") is None


def test_unusual_units():
    assert "filler data" in finding(talk(unit(P_SLICE) + unit(FILLER)), "VID-15").text
    assert severity(talk(unit(AUD) + unit(P_SLICE)), "VID-15") == "note"
    assert severity(talk(unit(SEI) + unit(P_SLICE)), "VID-15") is None
    assert "hold no slice" in finding(talk(unit(SEI), unit(P_SLICE)), "VID-15").text
