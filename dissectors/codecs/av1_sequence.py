"""The AV1 sequence header (AV1 §5.5)."""

from typing import Any, Final

from dissectors.codecs.avc_sps import ratio
from dissectors.codecs.bits import BitReader

PROFILES: Final = {0: "Main", 1: "High", 2: "Professional"}
SELECT: Final = 2
"""seq_choose_screen_content_tools and seq_choose_integer_mv mean this, §5.5.1."""
SRGB: Final = (1, 13, 0)
"""BT.709 primaries, sRGB transfer, identity matrix: 4:4:4 without saying so, §5.5.2."""


def level_name(level: int) -> str:
    """Return seq_level_idx as a person writes it: 8 → ``4.0`` (annex A.3)."""
    return "max" if level == 31 else f"{2 + (level >> 2)}.{level & 3}"


def parse_sequence_header(data: bytes) -> dict[str, Any] | None:
    """Read sequence_header_obu; None when the bits end too early."""
    bits = BitReader(data)
    profile = bits.u(3)
    bits.u(1)  # still_picture
    reduced = bits.flag()
    rate = None
    tier = 0
    if reduced:
        level = bits.u(5)
    else:
        rate, level, tier = _operating_points(bits)
    width_bits, height_bits = bits.u(4) + 1, bits.u(4) + 1
    width, height = bits.u(width_bits) + 1, bits.u(height_bits) + 1
    if not reduced and bits.flag():  # frame_id_numbers_present_flag
        bits.u(4 + 3)
    bits.u(3)  # use_128x128_superblock, enable_filter_intra, enable_intra_edge_filter
    if not reduced:
        _skip_tools(bits)
    bits.u(3)  # enable_superres, enable_cdef, enable_restoration
    sequence = {
        "profile": PROFILES.get(profile, f"profile {profile}"),
        "profile_idc": profile,
        "tier": "High" if tier else "Main",
        "level": level_name(level),
        "level_idc": level,
        "width": width,
        "height": height,
        **_colour_config(bits, profile),
        "frame_rate": rate,
    }
    return None if bits.failed else sequence


def _operating_points(bits: BitReader) -> tuple[list[int] | None, int, int]:
    """Read from timing_info_present_flag on; (frame rate, level, tier) of the first point."""
    rate = None
    delay_length = 0
    decoder_model = False
    if bits.flag():  # timing_info_present_flag
        ticks, scale = bits.u(32), bits.u(32)
        if bits.flag():  # equal_picture_interval
            rate = ratio(scale, ticks * (bits.ue() + 1))
        decoder_model = bits.flag()
        if decoder_model:
            delay_length = bits.u(5) + 1
            bits.u(32 + 5 + 5)
    initial_delay = bits.flag()
    first: tuple[int, int] = (0, 0)
    for i in range(bits.u(5) + 1):
        bits.u(12)  # operating_point_idc
        level = bits.u(5)
        tier = bits.u(1) if level > 7 else 0
        if i == 0:
            first = (level, tier)
        if decoder_model and bits.flag():
            bits.u(2 * delay_length + 1)
        if initial_delay and bits.flag():
            bits.u(4)
    return rate, *first


def _skip_tools(bits: BitReader) -> None:
    bits.u(4)  # interintra, masked compound, warped motion, dual filter
    order_hint = bits.flag()
    if order_hint:
        bits.u(2)  # enable_jnt_comp, enable_ref_frame_mvs
    screen_content = SELECT if bits.flag() else bits.u(1)
    if screen_content and not bits.flag():
        bits.u(1)  # seq_force_integer_mv
    if order_hint:
        bits.u(3)


def _colour_config(bits: BitReader, profile: int) -> dict[str, Any]:
    """color_config, §5.5.2."""
    high = bits.flag()
    depth = 12 if profile == 2 and high and bits.flag() else 10 if high else 8
    monochrome = profile != 1 and bits.flag()
    colour = None
    code = (2, 2, 2)
    if bits.flag():  # color_description_present_flag
        code = (bits.u(8), bits.u(8), bits.u(8))
        colour = dict(zip(("primaries", "transfer", "matrix"), code, strict=True))
    chroma = "4:2:0"
    if monochrome:
        full, chroma = bits.flag(), "monochrome"
    elif code == SRGB:
        full, chroma = True, "4:4:4"
    else:
        full = bits.flag()
        if profile == 1:
            chroma = "4:4:4"
        elif profile == 2:
            chroma = "4:2:2"
            if depth == 12 and bits.flag():
                chroma = "4:2:0" if bits.flag() else "4:2:2"
            elif depth == 12:
                chroma = "4:4:4"
    return {
        "chroma_format": chroma,
        "bit_depth_luma": depth,
        "bit_depth_chroma": depth,
        "full_range": full,
        "colour": colour,
    }
