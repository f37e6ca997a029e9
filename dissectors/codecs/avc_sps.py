"""H.264 parameter sets (ITU-T H.264 §7.3.2)."""

from typing import Any, Final

from dissectors.codecs.bits import BitReader
from dissectors.codecs.colour import CHROMA

PROFILES: Final = {
    44: "CAVLC 4:4:4 Intra",
    66: "Baseline",
    77: "Main",
    83: "Scalable Baseline",
    86: "Scalable High",
    88: "Extended",
    100: "High",
    110: "High 10",
    118: "Multiview High",
    122: "High 4:2:2",
    128: "Stereo High",
    244: "High 4:4:4 Predictive",
}
CHROMA_PROFILES: Final = frozenset({44, 83, 86, 100, 110, 118, 122, 128, 134, 135, 138, 139, 244})
"""Profiles whose SPS carries chroma_format_idc (§7.3.2.1.1)."""
EXTENDED_SAR: Final = 255
ASPECT_RATIOS: Final = (
    (1, 1), (12, 11), (10, 11), (16, 11), (40, 33), (24, 11), (20, 11), (32, 11), (80, 33),
    (18, 11), (15, 11), (64, 33), (160, 99), (4, 3), (3, 2), (2, 1),
)  # fmt: skip
"""aspect_ratio_idc 1–16 (table E-1)."""
MAX_DIMENSION: Final = 65_535
"""Samples; level 6.2 ends at 16,888, so that more is damage."""
MAX_REF_FRAMES_IN_CYCLE: Final = 255
"""num_ref_frames_in_pic_order_cnt_cycle, §7.4.2.1.1."""


def profile_name(profile: int, compat: int) -> str:
    """Return the name of profile_idc with its constraint flags (annex A.2)."""
    name = PROFILES.get(profile, f"profile {profile}")
    if profile == 66 and compat & 0x40:
        return "Constrained Baseline"
    if profile in (110, 122, 244) and compat & 0x10:
        return f"{name.removesuffix(' Predictive')} Intra"
    if profile == 100 and compat & 0x0C == 0x0C:
        return "Constrained High"
    if profile == 100 and compat & 0x08:
        return "Progressive High"
    return name


def level_name(level: int, profile: int, compat: int) -> str:
    """Return level_idc as a person writes it: 31 → ``3.1``, 11 with constraint_set3 → ``1b``."""
    if level == 9 or (level == 11 and compat & 0x10 and profile in (66, 77, 88)):
        return "1b"
    return f"{level // 10}.{level % 10}"


def parse_sps(rbsp: bytes) -> dict[str, Any] | None:
    """Read seq_parameter_set_data (ITU-T H.264 §7.3.2.1.1) without the NAL header.

    `rbsp` has no emulation prevention bytes. Returns None when the bits end too early.
    A VUI that is cut short leaves its values None: some cameras write it so.
    """
    bits = BitReader(rbsp)
    profile, compat, level = bits.u(8), bits.u(8), bits.u(8)
    sps: dict[str, Any] = {
        "profile": profile_name(profile, compat),
        "profile_idc": profile,
        "constraint_flags": compat,
        "level": level_name(level, profile, compat),
        "level_idc": level,
        "sps_id": bits.ue(),
    }
    chroma = 1
    depths = (8, 8)
    separate = False
    if profile in CHROMA_PROFILES:
        chroma = bits.ue()
        separate = chroma == 3 and bits.flag()
        depths = (8 + bits.ue(), 8 + bits.ue())
        bits.u(1)  # qpprime_y_zero_transform_bypass_flag
        if bits.flag():
            _skip_scaling_lists(bits, 12 if chroma == 3 else 8)
    bits.ue()  # log2_max_frame_num_minus4
    _skip_order_count(bits)
    reference_frames = bits.ue()
    bits.u(1)  # gaps_in_frame_num_value_allowed_flag
    width, height, interlaced = _size(bits, 0 if separate else chroma)
    if bits.failed or chroma > 3 or max(depths) > 14 or not possible_size(width, height):
        return None
    sps |= {
        "width": width,
        "height": height,
        "interlaced": interlaced,
        "chroma_format": CHROMA[chroma],
        "bit_depth_luma": depths[0],
        "bit_depth_chroma": depths[1],
        "reference_frames": reference_frames,
    }
    return sps | read_vui(bits, field_rate=True)


def possible_size(width: int, height: int) -> bool:
    """Return whether a cropped size can be meant."""
    return 0 < width <= MAX_DIMENSION and 0 < height <= MAX_DIMENSION


def _skip_scaling_lists(bits: BitReader, count: int) -> None:
    """Skip scaling_list() (§7.3.2.1.1.1)."""
    for i in range(count):
        if not bits.flag():
            continue
        last = following = 8
        for _ in range(16 if i < 6 else 64):
            if following:
                following = (last + bits.se()) & 0xFF
            last = following or last


def _skip_order_count(bits: BitReader) -> None:
    kind = bits.ue()
    if kind == 0:
        bits.ue()  # log2_max_pic_order_cnt_lsb_minus4
    elif kind == 1:
        bits.u(1)  # delta_pic_order_always_zero_flag
        bits.se()  # offset_for_non_ref_pic
        bits.se()  # offset_for_top_to_bottom_field
        for _ in range(min(bits.ue(), MAX_REF_FRAMES_IN_CYCLE)):
            bits.se()  # offset_for_ref_frame


def _size(bits: BitReader, chroma_array_type: int) -> tuple[int, int, bool]:
    """Return (width, height, interlaced) after cropping (§7.4.2.1.1)."""
    width = 16 * (bits.ue() + 1)
    map_units = bits.ue() + 1
    progressive = bits.flag()  # frame_mbs_only_flag
    if not progressive:
        bits.u(1)  # mb_adaptive_frame_field_flag
    bits.u(1)  # direct_8x8_inference_flag
    fields = 1 if progressive else 2
    height = 16 * fields * map_units
    if bits.flag():
        left, right, top, bottom = bits.ue(), bits.ue(), bits.ue(), bits.ue()
        width -= (2 if chroma_array_type in (1, 2) else 1) * (left + right)
        height -= (2 if chroma_array_type == 1 else 1) * fields * (top + bottom)
    return width, height, not progressive


def read_vui(bits: BitReader, field_rate: bool) -> dict[str, Any]:
    """Read the common start of vui_parameters (H.264 §E.1.1, H.265 §E.2.1 up to its own part).

    With `field_rate` the H.264 order follows and two ticks make a frame.
    """
    vui: dict[str, Any] = {
        "sample_aspect_ratio": None,
        "full_range": None,
        "colour": None,
        "frame_rate": None,
    }
    if not bits.flag():  # vui_parameters_present_flag
        return vui
    found = dict(vui)
    if bits.flag():
        idc = bits.u(8)
        if idc == EXTENDED_SAR:
            found["sample_aspect_ratio"] = [bits.u(16), bits.u(16)]
        elif 1 <= idc <= len(ASPECT_RATIOS):
            found["sample_aspect_ratio"] = list(ASPECT_RATIOS[idc - 1])
    if bits.flag():
        bits.u(1)  # overscan_appropriate_flag
    if bits.flag():
        bits.u(3)  # video_format
        found["full_range"] = bits.flag()
        if bits.flag():
            found["colour"] = {
                "primaries": bits.u(8),
                "transfer": bits.u(8),
                "matrix": bits.u(8),
            }
    if bits.flag():
        bits.ue()  # chroma_sample_loc_type_top_field
        bits.ue()  # chroma_sample_loc_type_bottom_field
    if field_rate and bits.flag():
        ticks, scale = bits.u(32), bits.u(32)
        found["frame_rate"] = ratio(scale, 2 * ticks)
    return vui if bits.failed else found


def ratio(numerator: int, denominator: int) -> list[int] | None:
    """Return [numerator, denominator] reduced, None when one of them is 0."""
    if not numerator or not denominator:
        return None
    a, b = numerator, denominator
    while b:
        a, b = b, a % b
    return [numerator // a, denominator // a]


def parse_pps(rbsp: bytes) -> dict[str, Any] | None:
    """Read the start of pic_parameter_set_rbsp (ITU-T H.264 §7.3.2.2)."""
    bits = BitReader(rbsp)
    pps = {
        "pps_id": bits.ue(),
        "sps_id": bits.ue(),
        "entropy_coding": "CABAC" if bits.flag() else "CAVLC",
    }
    return None if bits.failed else pps
