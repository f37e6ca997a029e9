"""H.265 parameter sets (ITU-T H.265 §7.3.2, §7.3.3, annex E)."""

from typing import Any, Final

from dissectors.codecs.avc_sps import possible_size, ratio, read_vui
from dissectors.codecs.bits import BitReader
from dissectors.codecs.colour import CHROMA

PROFILES: Final = {
    1: "Main",
    2: "Main 10",
    3: "Main Still Picture",
    4: "Format Range Extensions",
    5: "High Throughput",
    6: "Multiview Main",
    7: "Scalable Main",
    8: "3D Main",
    9: "Screen Content Coding",
    10: "Scalable Format Range Extensions",
    11: "High Throughput Screen Content Coding",
}
MAX_SUB_LAYERS: Final = 7
MAX_SHORT_TERM_SETS: Final = 64
"""num_short_term_ref_pic_sets, §7.4.3.2.1."""
MAX_REFERENCE_PICTURES: Final = 16
"""MaxDpbSize, §A.4.2."""
MAX_LONG_TERM: Final = 32


def profile_name(profile: int) -> str:
    return PROFILES.get(profile, f"profile {profile}")


def level_name(level: int) -> str:
    """Return general_level_idc as a person writes it: 93 → ``3.1`` (annex A.4.1: 30 × level)."""
    return f"{level // 30}.{level % 30 // 3}"


def _profile_tier_level(bits: BitReader, sub_layers: int) -> dict[str, Any]:
    """Read profile_tier_level(1, max_sub_layers_minus1) (§7.3.3)."""
    bits.u(2)  # general_profile_space
    tier, profile = bits.u(1), bits.u(5)
    bits.u(32)  # general_profile_compatibility_flags
    bits.u(48)  # constraint flags
    level = bits.u(8)
    present = [(bits.flag(), bits.flag()) for _ in range(sub_layers - 1)]
    if sub_layers > 1:
        bits.u(2 * (8 - (sub_layers - 1)))  # reserved_zero_2bits
    for has_profile, has_level in present:
        bits.u(88 * has_profile + 8 * has_level)
    return {
        "profile": profile_name(profile),
        "profile_idc": profile,
        "tier": "High" if tier else "Main",
        "level": level_name(level),
        "level_idc": level,
    }


def parse_sps(rbsp: bytes) -> dict[str, Any] | None:
    """Read seq_parameter_set_rbsp (§7.3.2.2.1) without the NAL header.

    `rbsp` has no emulation prevention bytes. Returns None when the bits end too early.
    """
    bits = BitReader(rbsp)
    bits.u(4)  # sps_video_parameter_set_id
    sub_layers = bits.u(3) + 1
    bits.u(1)  # sps_temporal_id_nesting_flag
    if sub_layers > MAX_SUB_LAYERS:
        return None
    sps = _profile_tier_level(bits, sub_layers)
    sps["sps_id"] = bits.ue()
    chroma = bits.ue()
    separate = chroma == 3 and bits.flag()
    width, height = bits.ue(), bits.ue()
    if bits.flag():  # conformance_window_flag
        left, right, top, bottom = bits.ue(), bits.ue(), bits.ue(), bits.ue()
        unit = 0 if separate else chroma
        width -= (2 if unit in (1, 2) else 1) * (left + right)
        height -= (2 if unit == 1 else 1) * (top + bottom)
    luma, depth = 8 + bits.ue(), 8 + bits.ue()
    if bits.failed or chroma > 3 or max(luma, depth) > 16 or not possible_size(width, height):
        return None
    sps |= {
        "width": width,
        "height": height,
        "chroma_format": CHROMA[chroma],
        "bit_depth_luma": luma,
        "bit_depth_chroma": depth,
        "interlaced": None,
        "sample_aspect_ratio": None,
        "full_range": None,
        "colour": None,
        "frame_rate": None,
    }
    return sps | _rest(bits, sub_layers)


def _rest(bits: BitReader, sub_layers: int) -> dict[str, Any]:
    """Read on to the VUI; its values, or {} when the bits end on the way."""
    order_bits = bits.ue() + 4  # log2_max_pic_order_cnt_lsb_minus4
    for _ in range(sub_layers if bits.flag() else 1):
        bits.ue(), bits.ue(), bits.ue()
    for _ in range(6):  # coding block, transform block and hierarchy sizes
        bits.ue()
    if bits.flag() and bits.flag():
        _skip_scaling_lists(bits)
    bits.u(2)  # amp_enabled_flag, sample_adaptive_offset_enabled_flag
    if bits.flag():  # pcm_enabled_flag
        bits.u(8)
        bits.ue(), bits.ue()
        bits.u(1)
    if not _skip_short_term_sets(bits):
        return {}
    if bits.flag():  # long_term_ref_pics_present_flag
        for _ in range(min(bits.ue(), MAX_LONG_TERM)):
            bits.u(order_bits + 1)
    bits.u(2)  # sps_temporal_mvp_enabled_flag, strong_intra_smoothing_enabled_flag
    before = bits.peek(1)
    vui = read_vui(bits, field_rate=False)
    if before and not bits.failed:
        interlaced, rate = _vui_end(bits)
        if not bits.failed:
            vui |= {"interlaced": interlaced, "frame_rate": rate}
    return {} if bits.failed else vui


def _vui_end(bits: BitReader) -> tuple[bool, list[int] | None]:
    """Read vui_parameters from neutral_chroma_indication_flag to the timing (§E.2.1)."""
    bits.u(1)  # neutral_chroma_indication_flag
    interlaced = bits.flag()  # field_seq_flag
    bits.u(1)  # frame_field_info_present_flag
    if bits.flag():  # default_display_window_flag
        for _ in range(4):
            bits.ue()
    if not bits.flag():  # vui_timing_info_present_flag
        return interlaced, None
    ticks, scale = bits.u(32), bits.u(32)
    return interlaced, ratio(scale, ticks)


def _skip_scaling_lists(bits: BitReader) -> None:
    """Skip scaling_list_data() (§7.3.4)."""
    for size in range(4):
        for _ in range(0, 6, 3 if size == 3 else 1):
            if not bits.flag():
                bits.ue()  # scaling_list_pred_matrix_id_delta
                continue
            if size > 1:
                bits.se()  # scaling_list_dc_coef_minus8
            for _ in range(min(64, 1 << (4 + 2 * size))):
                bits.se()


def _skip_short_term_sets(bits: BitReader) -> bool:
    """Skip the st_ref_pic_set()s of an SPS (§7.3.7); False when they cannot be."""
    count = bits.ue()
    if count > MAX_SHORT_TERM_SETS:
        return False
    pictures = 0  # of the set before
    for index in range(count):
        if index and bits.flag():  # inter_ref_pic_set_prediction_flag
            bits.u(1)  # delta_rps_sign
            bits.ue()  # abs_delta_rps_minus1
            kept = 0
            for _ in range(pictures + 1):
                used = bits.flag()
                kept += used or bits.flag()  # use_delta_flag
            pictures = kept
        else:
            negative, positive = bits.ue(), bits.ue()
            pictures = negative + positive
            if pictures > 2 * MAX_REFERENCE_PICTURES:
                return False
            for _ in range(pictures):
                bits.ue()
                bits.u(1)
        if bits.failed:
            return False
    return True


def parse_vps(rbsp: bytes) -> dict[str, Any] | None:
    """Read video_parameter_set_rbsp (§7.3.2.1) up to its timing; None when cut short."""
    bits = BitReader(rbsp)
    vps_id = bits.u(4)
    bits.u(2)
    layers = bits.u(6) + 1
    sub_layers = bits.u(3) + 1
    bits.u(1 + 16)
    if sub_layers > MAX_SUB_LAYERS:
        return None
    vps: dict[str, Any] = {"vps_id": vps_id, "layers": layers, "sub_layers": sub_layers}
    vps |= _profile_tier_level(bits, sub_layers)
    for _ in range(sub_layers if bits.flag() else 1):
        bits.ue(), bits.ue(), bits.ue()
    max_layer = bits.u(6)
    for _ in range(min(bits.ue(), 1023)):  # vps_num_layer_sets_minus1
        bits.u(max_layer + 1)
        if bits.failed:
            return None
    vps["frame_rate"] = None
    if bits.flag():  # vps_timing_info_present_flag
        ticks, scale = bits.u(32), bits.u(32)
        vps["frame_rate"] = ratio(scale, ticks)
    return None if bits.failed else vps
