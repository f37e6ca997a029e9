"""Decoder configurations as the specifications lay them out."""

import pytest

from analyzer.extract.records import AdtsConfig, ParameterSets, adts_config, parameter_sets

SPS, PPS, VPS = b"\x67abc", b"\x68d", b"\x40\x01v"
AVCC = b"\x01\x42\xc0\x1e\xff\xe1\0\4" + SPS + b"\x01\0\2" + PPS
HVCC = bytes(21) + b"\xfd\2" + b"\xa0\0\1\0\3" + VPS + b"\xa1\0\1\0\4" + SPS


def test_avc() -> None:
    assert parameter_sets("h264", AVCC) == ParameterSets([SPS, PPS], 4)
    assert parameter_sets("h264", AVCC.replace(b"\xff\xe1", b"\xfd\xe1", 1)) == ParameterSets(
        [SPS, PPS], 2
    )


def test_hevc() -> None:
    assert parameter_sets("hevc", b"\x01" + HVCC[1:]) == ParameterSets([VPS, SPS], 2)


@pytest.mark.parametrize("record", [AVCC, b"\x01" + HVCC[1:]])
def test_cut_records_are_refused(record: bytes) -> None:
    codec = "h264" if record is AVCC else "hevc"
    for length in range(len(record)):
        assert parameter_sets(codec, record[:length]) is None


@pytest.mark.parametrize(
    ("record", "config"),
    [
        # ISO/IEC 14496-3 §1.6.2.1: object type, rate index, channels; the profile is type - 1.
        ("1210", AdtsConfig(1, 4, 2)),
        ("1188", AdtsConfig(1, 3, 1)),
        ("0a10", AdtsConfig(0, 4, 2)),
        # HE-AAC, signalled explicitly: core rate 24000, core LC.
        ("2b11 8800", AdtsConfig(1, 6, 2)),
        # An explicit rate of 48000 has an index all the same.
        ("1780 5dc0 10", AdtsConfig(1, 3, 2)),
        ("1783 e800 10", None),  # 128000 Hz has none
        ("1200", None),  # channels in a program config element
        ("b810", None),  # ER AAC LD
        ("f94a", None),
        ("12", None),
        ("", None),
    ],
)
def test_adts(record: str, config: AdtsConfig | None) -> None:
    assert adts_config(bytes.fromhex(record)) == config
