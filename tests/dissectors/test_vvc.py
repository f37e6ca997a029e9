"""VvcDecoderConfigurationRecord (ISO/IEC 14496-15 §11.2.4.2)."""

from tests.dissectors.bodies import codes
from tests.dissectors.media_bodies import unit, video

# As FFmpeg writes it for vvenc: 160x120, 10 bits, an SPS and a PPS.
RECORD = bytes.fromhex(
    "ff00655f01021080000000a000780000028f00010074007900ab0210800000805081e46a0062fffac2136563040827"
    "00228216221032441a90f47ab525e4935259222d445e22f56a4bc97a845042c402164081108102c8408122041a0812"
    "41070832045a104908710d09723950cc119c50000003001000000300fe00b007520005573003a90002ab9840900001"
    "000b008100002840f22241f410"
)


def test_record_to_its_last_byte():
    found = video(b"\x90vvc1" + RECORD)
    assert codes(found.body) == []
    assert found.info == "VVC keyframe SequenceStart Main 10 L1.0 160x120"
    config = found.body.value["config"]
    assert (config["chroma_format"], config["bit_depth_luma"]) == ("4:2:0", 10)
    assert (config["tier"], config["nal_length_size"]) == ("Main", 4)
    tree = found.body.find("configuration")
    arrays = [node for node in tree.children if node.name == "array"]
    assert [node.label for node in arrays] == ["Array: SPS (15)", "Array: PPS (16)"]
    assert arrays[-1].end == 5 + len(RECORD)
    assert tree.find("data") is None


def test_record_without_formats():
    """ptl_present_flag 0: the arrays follow at once; OPI and DCI arrays have no count."""
    found = video(b"\x90vvc1\xfe\x01\x8d" + unit(b"\x00\x69\x80", 2))
    [array] = [node for node in found.body.find("configuration").children if node.name == "array"]
    assert array.label == "Array: DCI (13)"
    assert array.find("number_of_nal_units") is None
    assert codes(found.body) == []


def test_levels_of_sub_layers():
    """num_sublayers 3: two presence flags, most significant first, then the levels."""
    head = bytes.fromhex("ff 0030 5f 00 02 10".replace(" ", ""))
    found = video(b"\x90vvc1" + head + b"\x40\x09\x00" + bytes(6) + b"\x00")
    assert codes(found.body) == []
    tree = found.body.find("configuration")
    assert tree.find("num_sublayers").value == 3
    assert tree.find("sublayer_level_idc").value == 9


def test_every_truncation():
    for size in range(len(RECORD)):
        video(b"\x90vvc1" + RECORD[:size])
