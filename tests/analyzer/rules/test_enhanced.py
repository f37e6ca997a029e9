"""ERT rules: what triggers each, and what nearly does."""

import struct

import pytest

from tests.analyzer.rules.builder import (
    NULL,
    C,
    S,
    Talk,
    aac_config,
    avc_config,
    command,
    connect,
    control,
    found,
    good,
    metadata,
    num,
    obj,
    result,
    session,
    status,
    string,
)
from tests.analyzer.rules.media import (
    audio,
    finding,
    merged,
    pictures,
    published,
    sending,
    severity,
    sounds,
    video,
)
from tests.dissectors.chunk_builder import Message
from tests.dissectors.media_bodies import HVCC

HEVC = bytes.fromhex(HVCC["crop"])
UNIT = bytes.fromhex("000000032601af")
CAPS = ("capsEx", num(3))
START = video(0, b"\x90hvc1" + HEVC)


def coded(time: int, key: bool = False, cts: int | None = 0) -> Message:
    """CodedFrames with a composition time, CodedFramesX where it is None."""
    kind = (0x90 if key else 0xA0) | (3 if cts is None else 1)
    tail = b"" if cts is None else (cts & 0xFFFFFF).to_bytes(3, "big")
    return video(time, bytes([kind]) + b"hvc1" + tail + UNIT)


def stream(count: int = 50) -> list[Message]:
    return [coded(40 * n, n % 25 == 0) for n in range(count)]


def negotiated(server: tuple[tuple[str, bytes], ...] = (), **client: bytes) -> Talk:
    """A publisher; what the server and the client add to connect and its answer."""
    talk = Talk().opened().send(C, connect(**client)).send(S, control(5, 2_500_000))
    code = ("code", string("NetConnection.Connect.Success"))
    talk.send(S, result(1, obj(*server), obj(code))).chunk_size(C, 4096)
    talk.send(C, command("createStream", 2, NULL)).send(S, result(2))
    talk.send(C, command("publish", 3, NULL, string("cam7"), string("live"), msid=1))
    return talk.send(S, status("NetStream.Publish.Start"))


def enhanced(talk: Talk, *messages: Message) -> Talk:
    talk.send(C, metadata(videocodecid=float(int.from_bytes(b"hvc1", "big"))), START)
    return sending(talk, messages or stream())


def test_legacy_hevc():
    config = video(0, b"\x1c\0\0\0\0" + HEVC)
    frames = [video(40 * n, b"\x1c\x01\0\0\0" + UNIT) for n in range(3)]
    assert severity(published(frames, (metadata(), config)), "ERT-01") == "warning"
    assert severity(enhanced(negotiated()), "ERT-01") is None


def test_hevc_under_the_codec_id_of_h264():
    config = video(0, b"\x17\0\0\0\0" + HEVC)
    frames = [video(40 * n, b"\x17\x01\0\0\0" + UNIT) for n in range(3)]
    assert severity(published(frames, (metadata(), config)), "ERT-02") == "error"
    assert severity(good(), "ERT-02") is None
    assert severity(enhanced(negotiated()), "ERT-02") is None


def test_not_negotiated():
    assert severity(enhanced(negotiated()), "ERT-03") == "note"
    assert severity(enhanced(negotiated((CAPS,))), "ERT-03") is None
    player = Talk().playing().send(S, metadata(), START)
    assert severity(sending(player, stream(), S), "ERT-03") == "error"
    opus = audio(0, b"\x91Opus" + bytes(20))
    assert severity(published([opus]), "ERT-03") == "note"
    assert severity(good(), "ERT-03") is None


def test_player_that_offers_fourccs():
    talk = Talk().opened().send(C, connect(videoFourCcInfoMap=obj(("*", num(2)))))
    talk.send(S, result(1, NULL, obj(("code", string("NetConnection.Connect.Success")))))
    talk.send(C, command("play", 3, NULL, string("cam7"), msid=1))
    talk.send(S, status("NetStream.Play.Start"), metadata(), START)
    assert severity(sending(talk, stream(), S), "ERT-03") is None


@pytest.mark.parametrize(("frames", "expected"), [(40, "error"), (60, None)])
def test_closed_after_the_first_enhanced_message(frames, expected):
    """40 frames are 1.6 s."""
    talk = enhanced(negotiated(), *stream(frames)).fin(S)
    assert severity(talk, "ERT-04") == expected


def test_closed_by_the_client_or_after_its_goodbye():
    assert severity(enhanced(negotiated(), *stream(10)).fin(C), "ERT-04") is None
    said = enhanced(negotiated(), *stream(10)).send(C, command("deleteStream", 6, NULL, num(1)))
    assert severity(said.fin(S), "ERT-04") is None
    legacy = published(pictures([0, 40])).fin(S)
    assert severity(legacy, "ERT-04") is None


def test_false_headers():
    drone = [video(40 * n, b"\x97\x01\0\0\0" + UNIT) for n in range(3)]
    assert severity(published(drone), "ERT-05") == "warning"
    noise = [video(0, b"\x91\xff\xff\x01\x02" + UNIT)]
    assert severity(published(noise), "ERT-05") == "error"
    later = [video(0, b"\x91zzz9" + UNIT)]
    assert severity(published(later), "ERT-05") == "warning"
    assert severity(enhanced(negotiated()), "ERT-05") is None
    seek = [video(0, b"\xd1\x00")]
    assert severity(published(seek), "ERT-05") is None


def test_frame_type_0():
    zero = video(0, b"\x81hvc1\0\0\0" + UNIT)
    assert severity(enhanced(negotiated(), zero), "ERT-06") == "warning"
    colour = video(0, b"\x84hvc1" + string("colorInfo") + obj())
    assert severity(enhanced(negotiated(), colour, *stream(3)), "ERT-06") is None


def tracks(time: int, ids: tuple[int, ...] = (0, 1)) -> list[Message]:
    """One Multitrack message per track, OneTrack."""
    body = b"\0\0\0" + UNIT
    return [video(time, b"\x96\x01hvc1" + bytes([one]) + body) for one in ids]


def test_multitrack():
    def talk(*server: tuple[str, bytes]) -> Talk:
        plain_and_second = [[coded(40 * n, n == 0), *tracks(40 * n, (1,))] for n in range(4)]
        return enhanced(negotiated(server), *merged(*plain_and_second))

    assert severity(talk(("capsEx", num(1))), "ERT-07") == "warning"
    assert severity(talk(), "ERT-07") == "note"  # a server that offers nothing may relay
    assert severity(talk(("capsEx", num(2))), "ERT-07") is None
    assert severity(enhanced(negotiated()), "ERT-07") is None


def test_the_same_id_of_audio_and_video_is_no_collision():
    """OBS numbers each kind from 0."""
    sound = [audio(40 * n, b"\x95\x01mp4a\x01" + bytes(9)) for n in range(4)]
    video_ = [[coded(40 * n, n == 0), *tracks(40 * n, (1,))] for n in range(4)]
    talk = enhanced(negotiated((("capsEx", num(2)),)), *merged(*video_, sound))
    assert severity(talk, "ERT-07") is None
    names = [track.name for track in session(talk).metrics.tracks]
    assert names == ["video", "video/1", "audio/1"]


def test_no_track_outside_multitrack():
    frames = [message for n in range(4) for message in tracks(40 * n)]
    talk = sending(negotiated((("capsEx", num(2)),)).send(C, metadata()), frames)
    assert "receivers without it" in finding(talk, "ERT-07").text


HDR = bytes.fromhex(
    "0102200000009000000000001ef000fcfdfafa00000f03200001001840010c01ffff02200000030090000003"
    "000003001e959409210001002d42010102200000030090000003000003001ea01420207cad965654a4c2f016"
    "a1220120800000030080000007842200010006"
    "4401c073c189"
)
"""An hvcC of libx265 whose VUI says PQ (transfer 16)."""


def test_colour_metadata():
    colour = video(0, b"\x94hvc1" + string("colorInfo") + obj())
    plain = negotiated().send(C, metadata(), START)
    late = sending(plain, [coded(0, True), colour._replace(time=40), coded(80)])
    assert "after the first frame" in finding(late, "ERT-08").text
    early = negotiated().send(C, metadata(), START, colour)
    assert severity(sending(early, stream(3)), "ERT-08") is None
    assert severity(enhanced(negotiated()), "ERT-08") is None  # no HDR
    hdr = video(0, b"\x90hvc1" + HDR)
    without = sending(negotiated().send(C, metadata(), hdr), stream(3))
    assert "PQ video without a colorInfo" in finding(without, "ERT-08").text
    with_it = sending(negotiated().send(C, metadata(), hdr, colour), stream(3))
    assert severity(with_it, "ERT-08") is None


RECONNECT = status("NetConnection.Connect.ReconnectRequest", msid=0)


def again(start_ms: float, *headers: Message) -> Talk:
    talk = Talk(start_ms, port=50001).publishing().send(C, *headers)
    return sending(talk, merged(pictures(range(0, 400, 40)), sounds(range(0, 400, 23)))).ending()


def test_reconnect_request():
    asked = good(1)
    asked = published(pictures(range(0, 1000, 40))).send(S, RECONNECT).ending()
    whole = (metadata(), avc_config(), aac_config())

    def verdict(*talks: Talk, until_ms: float = 30_000) -> str | None:
        item = found(talks, "ERT-09", until_ms=until_ms)
        return item and item.severity

    assert verdict(asked) == "warning"
    assert verdict(asked, until_ms=5_000) is None  # the capture ends too early
    assert verdict(asked, again(3_000, *whole)) is None
    assert verdict(asked, again(3_000, metadata())) == "error"
    assert verdict(asked, again(3_000, *whole[1:])) == "error"
    assert verdict(asked, again(15_000, *whole)) == "warning"
    assert verdict(published(pictures(range(0, 1000, 40))).ending()) is None


def test_composition_time_left_out():
    """Pictures are decoded 0 3 1 2 and shown 0 1 2 3, one frame later; 1 and 2 need no time."""
    cts = (40, 120, 0, 0)
    good_ = [coded(40 * n, n == 0, cts[n % 4] or None) for n in range(8)]
    assert severity(enhanced(negotiated(), *good_), "ERT-10") is None
    bad = [coded(40 * n, n == 0, None if n % 4 == 1 else cts[n % 4]) for n in range(8)]
    item = finding(enhanced(negotiated(), *bad), "ERT-10")
    assert (item.severity, item.count) == ("warning", 2)


def test_struct_of_track_sizes():
    """ManyTracks: sizes come with each track; every track is measured."""
    part = b"\0\0\0" + UNIT
    many = b"\x96\x11hvc1" + b"".join(
        bytes([one]) + struct.pack(">I", len(part))[1:] + part for one in (0, 1)
    )
    talk = enhanced(negotiated(), *[video(40 * n, many) for n in range(3)])
    sizes = {t.name: len(t.frames) for t in session(talk).metrics.tracks}
    assert sizes == {"video": 3, "video/1": 3}
