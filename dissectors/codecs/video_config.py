"""Lines that the configurations of several video codecs share."""

from typing import Any

from dissectors.codecs.colour import MATRIX, PRIMARIES, TRANSFER, named
from dissectors.fields import Field


def rate_text(rate: list[int]) -> str:
    """Return a frame rate of [numerator, denominator] as ``25`` or ``29.97 (30000/1001)``."""
    numerator, denominator = rate
    if denominator == 1:
        return str(numerator)
    return f"{numerator / denominator:.6g} ({numerator}/{denominator})"


def add_picture(node: Field, info: dict[str, Any], start: int, length: int) -> None:
    """Append the picture's properties that `info` has; all share the span of the bit stream."""

    def line(name: str, text: str, value: Any) -> None:
        node.add(name, text, value, start, length)

    if info.get("width"):
        line("width", f"Width: {info['width']}", info["width"])
        line("height", f"Height: {info['height']}", info["height"])
    if info.get("interlaced") is not None:
        text = "interlaced" if info["interlaced"] else "progressive"
        line("interlaced", f"Scan: {text}", info["interlaced"])
    if info.get("chroma_format"):
        line("chroma_format", f"Chroma format: {info['chroma_format']}", info["chroma_format"])
    if info.get("bit_depth_luma"):
        luma, chroma = info["bit_depth_luma"], info.get("bit_depth_chroma")
        line("bit_depth_luma", f"Bit depth luma: {luma}", luma)
        if chroma is not None:
            line("bit_depth_chroma", f"Bit depth chroma: {chroma}", chroma)
    if info.get("reference_frames") is not None:
        frames = info["reference_frames"]
        line("reference_frames", f"Reference frames: {frames}", frames)
    if info.get("sample_aspect_ratio"):
        sar = info["sample_aspect_ratio"]
        line("sample_aspect_ratio", f"Sample aspect ratio: {sar[0]}:{sar[1]}", sar)
    if info.get("full_range") is not None:
        text = "full" if info["full_range"] else "limited"
        line("full_range", f"Range: {text}", info["full_range"])
    if info.get("colour"):
        colour = info["colour"]
        line("colour_primaries", f"Colour primaries: {named(PRIMARIES, colour['primaries'])}",
             colour["primaries"])  # fmt: skip
        line("transfer_characteristics", f"Transfer: {named(TRANSFER, colour['transfer'])}",
             colour["transfer"])  # fmt: skip
        line("matrix_coefficients", f"Matrix: {named(MATRIX, colour['matrix'])}",
             colour["matrix"])  # fmt: skip
    if info.get("frame_rate"):
        line("frame_rate", f"Frame rate: {rate_text(info['frame_rate'])}", info["frame_rate"])


def config_text(config: dict[str, Any]) -> str:
    """Return a video configuration in a few words: ``High L3.1 1280x720``."""
    words = []
    if config.get("profile"):
        words.append(str(config["profile"]))
    if config.get("level"):
        words.append(f"L{config['level']}")
    if config.get("width"):
        words.append(
            f"{config['width']}x{config['height']}{'i' if config.get('interlaced') else ''}"
        )
    return " ".join(words)
