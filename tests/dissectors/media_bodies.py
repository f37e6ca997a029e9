"""Helpers for audio and video tests: dissecting, real configuration records."""

from dissectors.context import CodecConfig
from dissectors.fields import Dissection
from tests.dissectors.bodies import dissect

AUDIO, VIDEO = 8, 9

# Configuration records as FFmpeg wrote them for lavfi's testsrc (x264, x265, libaom, SVT-AV1).
AVCC = {
    "crop": ("0142c028ffe1001a6742c028da01e0089ea6c044000003000400000300c83c60ca8001000468ce0fc8"),
    "322x182": (
        "0164000dffe100196764000dacd941519e226c04400000fa40003a9803c50a658001000668ebe3cb"
        "22c0fdf8f800"
    ),
    "interlaced": (
        "01640015ffe1001967640015acd941533c4498088000000300800000190f8a14cb01000668fba3cb"
        "22c0fdf8f800"
    ),
    "high10": (
        "016e0015ffe10019676e0015a6cd94141fb011000003000100000300640f162d9601000668ebe3cb"
        "22c0fdfafa00"
    ),
    "422": (
        "017a000dffe1001b677a000dbcd941508788843011000003000100000300320f14299601000668eb"
        "e3cb22c0fef8f800"
    ),
    "444": (
        "01f4000dffe1001c67f4000d919b282a10f0842180880000030008000003019078a14cb001000668"
        "ebe3c44844fff8f800"
    ),
    "baseline": (
        "0142c00cffe1001a6742c00cd90141fb016a02020280000003008000000f078a152401000568cb83cb20"
    ),
    "scaling lists": (
        "0164000dffe100196764000dacd94141fb0e1000000300100000030300f142996001000768ebe3cb"
        "3002c0fdf8f800"
    ),
    "full range": (
        "014d400dffe10018674d400deca0a0fd80b640000003004000000c83c50a658001000568ebe3cb20"
    ),
}
HVCC = {
    "crop": (
        "01016000000090000000000078f000fcfdf8f800000f03200001001840010c01ffff016000000300"
        "900000030000030078959409210001002c420101016000000300900000030000030078a003c08011"
        "07536595952930bc05a0200000030020000003032122000100064401c073c189"
    ),
    "main10": (
        "0102200000009000000000003cf000fcfdfafa00000f03200001001840010c01ffff022000000300"
        "90000003000003003c959809210001002d42010102200000030090000003000003003ca00a480b9c"
        "94d96566924caf016a0404120800001f480003a9804022000100074401c172b46240"
    ),
    "422": (
        "0104080000009d08000000003cf000fcfefafa00000f03200001001740010c01ffff040800000300"
        "9d0800000300003c959809210001002b4201010408000003009d0800000300003cb00a480b9c96d9"
        "6566924caf016808000003000800000301904022000100074401c172b46240"
    ),
    "layers": (
        "0101600000009000000000003cf000fcfdf8f800001b03200001001e40010c04ffff016000000300"
        "90000003000003003c00009594aca565024021000100304201040160000003009000000300000300"
        "3c0000a00a080b9f5965652b2959649395e02d01000003000100000300190822000100074401c172"
        "b46240"
    ),
}


def video(body: bytes, record: str | bytes = b"", codec: str = "h264", **context) -> Dissection:
    """Dissect a video body, with a configuration of track 0 in force if one is given."""
    if record:
        raw = bytes.fromhex(record) if isinstance(record, str) else record
        context["video"] = {0: CodecConfig(codec, raw, "c0.c2s.1")}
    return dissect(VIDEO, body, **context)


def audio(body: bytes, **context) -> Dissection:
    return dissect(AUDIO, body, **context)


def unit(data: bytes, size: int = 4) -> bytes:
    """A NAL unit behind its length."""
    return len(data).to_bytes(size, "big") + data
