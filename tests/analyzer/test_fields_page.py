"""FIELDS.md is what the code says, and the code says what the JSON holds."""

import json
import re
from pathlib import Path

import pytest

import analyzer.annotate
import analyzer.export
import dissectors
from analyzer import filters
from analyzer.filters import document
from analyzer.filters.summary_keys import FREE, canonical, keys
from analyzer.session import Session
from tests.analyzer.talk import CAPTURES
from tests.dissectors.bodies import dissect

KEYS = {key.path: key for key in keys()}
TYPES = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "list": (list,),
    "object": (dict,),
    "bytes": (dict, str),
    "AMF": (dict, list, str, int, float, bool),
}
NAMES = sorted(
    [
        *CAPTURES.glob("lab/ertmp-*.pcap"),
        *CAPTURES.glob("edge/*.pcap"),
        *CAPTURES.glob("real/pl*.pcap"),
        CAPTURES / "lab/nms-hevc.pcap",
        CAPTURES / "lab/ffmpeg-listen-play.pcap",
    ]
)


def paths(path, value, found):
    """Every (documented path, JSON type) below a summary."""
    form = canonical(path)
    if value is not None:
        found.setdefault(form, set()).add(type(value))
    else:
        found.setdefault(form, set())
    if form in FREE:
        return
    if isinstance(value, dict) and not any(name.startswith("$") for name in value):
        for name, item in value.items():
            paths(f"{path}.{name}", item, found)
    elif isinstance(value, list):
        for item in value:
            if isinstance(item, dict):
                paths(path, item, found)


def undocumented(found):
    return sorted(set(found) - set(KEYS))


def check(found):
    assert not undocumented(found)
    for path, types in found.items():
        allowed = TYPES[KEYS[path].type] + ((dict,) if KEYS[path].type == "list" else ())
        assert types <= set(allowed), (path, types)


def test_the_committed_page_is_the_generated_one():
    path = Path(filters.__file__).with_name("FIELDS.md")
    assert path.read_text("utf-8") == document.page(), "run python -m analyzer.filters.document"


def test_every_key_in_the_captures_is_documented():
    found = {}
    for name in NAMES:
        session = Session([str(name)])
        session.run()
        for row in session.order()[:150].tolist():
            summary = session.decoded_summary(row)
            if summary is not None:
                paths(summary[0], summary[1], found)
    check(found)
    assert len(found) > 140


def test_every_key_in_the_vectors_is_documented():
    found = {}
    text = (Path(__file__).parents[1] / "vectors.json").read_text()
    for vector in json.loads(text)["vectors"]:
        raw = bytes.fromhex(vector["hex"])
        if vector["layer"] == "message":
            body = dissect(raw[7], raw[12 if raw[0] < 64 else 8 :]).body
        elif vector["layer"] in ("flv-video", "flv-audio"):
            body = dissect(9 if vector["layer"] == "flv-video" else 8, raw).body
        else:
            continue
        if body.name != "body":
            paths(body.name, body.value, found)
    check(found)


OPUS_MULTISTREAM = b"OpusHead\x01\x06\x38\x01\x80\xbb\0\0\0\0\x01\4\2\0\4\1\2\3\5"
CODEC_BODIES = [
    (8, b"\x90Opus" + OPUS_MULTISTREAM),
    (8, bytes.fromhex("af002b921210")),  # HE-AAC
    (8, bytes.fromhex("9165632d330b7701ff3487fe00")),  # E-AC-3
    (9, b"\x91vp08" + bytes.fromhex("10020009d012a40e0a0000")),
    (9, bytes.fromhex("220000840800000000")),
    (9, bytes.fromhex("13312012d000")),
    (9, bytes.fromhex("140078460f13140f")),
    (4, bytes.fromhex("0022" + "00000001" * 2)),
    (4, bytes.fromhex("0029" + "00000001" * 2)),
    (4, bytes.fromhex("001b0101" + "00000001" * 2) + bytes(32)),
    (4, bytes.fromhex("00630102")),
]


def test_every_key_of_rarer_codecs_and_events_is_documented():
    found = {}
    for type_id, data in CODEC_BODIES:
        body = dissect(type_id, data).body
        paths(body.name, body.value, found)
    check(found)
    assert {"audio.config.channel_mapping", "video.frame.width", "user_control.hmac"} <= set(found)


def test_every_documented_key_is_written_somewhere():
    root = Path(dissectors.__file__).parent
    source = "".join(path.read_text("utf-8") for path in sorted(root.rglob("*.py")))
    source += Path(analyzer.annotate.__file__).read_text("utf-8")
    for path in KEYS:
        name = path.rpartition(".")[2]
        assert re.search(rf"[\"']{name}[\"']|\b{name}=", source) or name in ("call", "reply"), path


def test_every_documented_key_is_a_filter():
    for path in KEYS:
        filters.compile(path)
        assert any(field.name == path for field in filters.fields())
    assert all(key.section and key.meaning for key in KEYS.values())


def test_the_schema_names_every_escape():
    path = Path(analyzer.export.__file__).with_name("schema.json")
    text = json.loads(path.read_text("utf-8"))["description"]
    for form, _, _ in document.ESCAPES:
        assert re.search(r"\$[a-z]+", form)[0] in text


FILTERS = [
    ("lab/ertmp-hevc-hdr.pcap", "video.config.width == 160", 1),
    ("lab/ertmp-hevc-hdr.pcap", "video.config.colour.transfer == 16", 1),
    ("lab/ertmp-hevc-hdr.pcap", "video.metadata.colorInfo.colorConfig.colorPrimaries == 9", 1),
    ("lab/ertmp-hevc-aac.pcap", "audio.config.profile == LC", 1),
    ("lab/ertmp-hevc-aac.pcap", "audio.config.sample_rate >= 44100", 1),
    ("lab/ertmp-av1-opus.pcap", "audio.config.pre_skip == 312", 1),
    ("lab/ertmp-av1-opus.pcap", "audio.multichannel.mapping == FC", 1),
    ("lab/ertmp-av1-opus.pcap", 'video.obus.name == "sequence header"', 2),
    ("lab/ertmp-vp9-flac.pcap", "video.frame.keyframe == true", 2),
    ("lab/ertmp-multitrack.pcap", "video.track_id == 1 and video.config", 1),
    ("lab/nms-hevc.pcap", "video.nal_units.type in {19, 20}", 1),
    ("real/publish-chunk128.pcap", "video.nal_units.type == 5", 4),
    ("real/publish-chunk128.pcap", "command.named.stream_name contains cam1", 3),
    ("real/publish-chunk128.pcap", "command.named.stream_id == 1", 2),
    ("real/publish-chunk128.pcap", "command.reply", 4),
    ("edge/ucm.pcap", 'user_control.event == "ping_request"', 1),
    ("edge/ucm.pcap", "user_control.timestamp == 123456", 2),
    ("edge/so.pcap", "shared_object.events.event == change", 2),
    ("edge/so.pcap", "shared_object.events.properties.name == 42", 2),
    ("edge/aggr.pcap", 'aggregate.messages.type == "Video Data"', 1),
    ("edge/aggr.pcap", "aggregate.messages.video.pts == 5050", 1),
    ("edge/e-modex.pcap", "video.nano_offset == 500000", 1),
    ("edge/e-modex.pcap", "audio.frame.stereo", 1),
    ("edge/amf3-obj.pcap", "command.arguments.neg == -5", 1),
]


@pytest.mark.parametrize(("name", "text", "count"), FILTERS, ids=[f[1] for f in FILTERS])
def test_filters_on_captures(name, text, count):
    session = Session([str(CAPTURES / name)])
    session.run()
    rows = filters.compile(text).rows(session, session.order())
    assert len(rows) == count, [session.info(row) for row in rows.tolist()]


def test_filters_see_through_the_escapes():
    find = filters.summaries._walk
    array = {"$array": [1, {"a": 2}], "named": {"b": 3}}
    assert list(find(array, ["b"])) == [3]
    assert list(find(array, ["a"])) == [2]
    assert list(find({"$dictionary": [["k", 7]]}, ["k"])) == [7]
    assert list(find({"$class": "C", "value": {"a": 1}}, ["a"])) == [1]
