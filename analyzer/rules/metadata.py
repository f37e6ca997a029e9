"""What onMetaData says, against what is sent (META rules)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from analyzer.metrics.configuration import Metadata
from analyzer.rules.media import (
    PUBLISH,
    broken_clock,
    concerning,
    label,
    measured,
    seconds,
    stream_label,
    streams,
    together,
)
from analyzer.rules.rule import NOTHING, Evidence, Inconclusive, Outcome, Rule
from dissectors.messages.codec_names import fourcc_of
from dissectors.messages.media_names import AUDIO_FOURCCS, SOUND_FORMATS, VIDEO_CODEC_IDS
from dissectors.messages.media_names import VIDEO_FOURCCS as _VIDEO_FOURCCS
from dissectors.text import safe

if TYPE_CHECKING:
    from analyzer.metrics import Stream, Track
    from analyzer.rules.scope import Scope

_STEADY: Final = 0.2
"""How far steps of a constant frame rate are off, by their length; times are whole ms."""
_KEYS: Final = {
    "video": ("videocodecid", "width", "height", "framerate"),
    "audio": ("audiocodecid", "audiosamplerate", "audiochannels"),
}
_CODEC_IDS: Final = {"video": VIDEO_CODEC_IDS, "audio": SOUND_FORMATS}
_FOURCCS: Final = {"video": _VIDEO_FOURCCS, "audio": AUDIO_FOURCCS}


def declared(metadata: Sequence[Metadata], kind: str) -> bool | None:
    """Whether metadata announces a track of a kind; None without metadata of any track."""
    seen = [item.values for item in metadata if any(map(item.values.get, _all_keys()))]
    if not seen:
        return None
    flag = "hasVideo" if kind == "video" else "hasAudio"
    return any(
        values.get(flag) is not False and any(values.get(key) for key in _KEYS[kind])
        for values in seen
    )


def _all_keys() -> tuple[str, ...]:
    return _KEYS["video"] + _KEYS["audio"]


def _number(values: dict[str, Any], key: str) -> float | None:
    value = values.get(key)
    good = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if good and value is not None else None


def _own(scope: Scope, stream: Stream) -> list[Metadata]:
    """The metadata of the stream's direction."""
    found = measured(scope).metadata
    return [item for item in found if scope.value(item.row, "direction") == stream.direction]


def _in_force(scope: Scope, stream: Stream) -> Metadata | None:
    """The last metadata before the first frame, else the first one."""
    own = [item for item in _own(scope, stream) if item.values]
    first = min(int(t.frames.row[0]) for t in stream.tracks if len(t.frames))
    before = [item for item in own if item.row < first]
    return before[-1] if before else next(iter(own), None)


def _with_frames(scope: Scope) -> list[Stream]:
    return [stream for stream in streams(scope) if stream.video or stream.audio]


def late(scope: Scope) -> Iterator[Outcome]:
    """META-01: no onMetaData before the first frame."""
    own = _with_frames(scope)
    if not own:
        yield NOTHING
    for stream in own:
        tracks = [track for track in (stream.video, stream.audio) if track is not None]
        first = min(tracks, key=lambda track: int(track.frames.row[0]))
        row, start = int(first.frames.row[0]), int(first.frames.time_ns[0])
        metadata = _own(scope, stream)
        if metadata and metadata[0].row < row:
            continue
        wait = (metadata[0].time_ns - start) / 1e6 if metadata else None
        lasted = max(int(track.frames.time_ns[-1]) for track in tracks) - start
        text = "onMetaData comes after the first frame"
        if wait is None:
            text = f"no onMetaData in {seconds(lasted / 1e6)} of media"
        elif wait > scope.parameters["late_ms"]:
            text = f"onMetaData comes {seconds(wait)} after the first frame"
        yield Evidence(
            text,
            [row],
            track=stream_label(scope, stream, "metadata"),
            # Players know what to expect from the configurations as well.
            severity="warning" if stream.direction == PUBLISH else "note",
            expected="onMetaData before the first audio or video",
            actual="none" if wait is None else f"{round(wait)} ms after it",
            key="none" if wait is None else "late",
        )


def without_tracks(scope: Scope) -> Iterator[Outcome]:
    """META-02: onMetaData names neither codecs nor sizes."""
    for stream in _with_frames(scope):
        own = [item for item in _own(scope, stream) if item.decoded]
        if own and not any(key in item.values for item in own for key in _all_keys()):
            yield Evidence(
                "onMetaData says nothing about audio or video",
                [item.row for item in own],
                track=stream_label(scope, stream, "metadata"),
                expected="videocodecid, audiocodecid, width, height …",
                actual=safe(", ".join(sorted(own[0].values))[:100]) or "no properties",
            )


def untrue(scope: Scope) -> Iterator[Outcome]:
    """META-03: onMetaData is not what is sent."""
    for stream in _with_frames(scope):
        metadata = _in_force(scope, stream)
        if metadata is None:
            continue
        if stream.video is not None:
            yield from _video(scope, stream.video, metadata)
        if stream.audio is not None:
            yield from _audio(scope, stream.audio, metadata)
        yield from _never_sent(scope, stream, metadata)


def _claim(
    scope: Scope, track: Track, metadata: Metadata, what: str, said: object, real: object,
    note: bool = False,
) -> Evidence:  # fmt: skip
    return Evidence(
        f"onMetaData says {what} {said}, the stream has {real}",
        [metadata.row],
        track=label(scope, track),
        severity="note" if note else None,
        expected=str(real),
        actual=str(said),
        key=what,
    )


def _video(scope: Scope, track: Track, metadata: Metadata) -> Iterator[Outcome]:
    values = metadata.values
    config = track.configurations[0].values if track.configurations else {}
    width, height = _number(values, "width"), _number(values, "height")
    real = (config.get("width"), config.get("height"))
    if width == 0 or height == 0:
        yield _claim(scope, track, metadata, "size", f"{width:g}×{height or 0:g}",
                     f"{real[0]}×{real[1]}", note=True)  # fmt: skip
    elif width and height and all(real) and (width, height) != real:
        said_size, real_size = f"{width:g}×{height:g}", f"{real[0]}×{real[1]}"
        yield _claim(scope, track, metadata, "size", said_size, real_size)
    rate, said = track.rate, _number(values, "framerate")
    if rate is None or said is None or track.span_ms < 1000 or len(track.steps_ms) < 10:
        return
    if broken_clock(track):
        return
    most = scope.parameters["frame_rate_percent"]
    usual, average = (
        max(value, 1) / 1000 for value in (rate.nominal_millihertz, rate.average_millihertz)
    )
    if not said:
        yield _claim(scope, track, metadata, "frame rate", "0", f"{usual:.2f}", note=True)
    elif min(abs(said - usual) / usual, abs(said - average) / average) * 100 > most:
        steady = np.abs(track.steps_ms * usual - 1000) <= _STEADY * 1000
        # Of a variable frame rate there is no true number to say.
        variable = bool(np.count_nonzero(steady) * 4 < len(steady) * 3)
        yield _claim(scope, track, metadata, "frame rate", f"{said:g}", f"{usual:.2f}", variable)


def _audio(scope: Scope, track: Track, metadata: Metadata) -> Iterator[Outcome]:
    """SoundRate and SoundType of the tags do not count: of AAC they are fixed."""
    values = metadata.values
    config = track.configurations[0].values if track.configurations else {}
    said = _number(values, "audiosamplerate")
    if track.codec == "aac" and config.get("sample_rate"):
        rates = {config["sample_rate"], config.get("core_sample_rate")}
        if said is not None and said not in rates:
            yield _claim(scope, track, metadata, "audio sample rate", f"{said:g}",
                         config["sample_rate"], note=not said)  # fmt: skip
        channels = config.get("channels")
        count = _number(values, "audiochannels")
        if count and channels and count != channels and not config.get("ps"):
            yield _claim(scope, track, metadata, "audio channels", f"{count:g}", channels)
    rate, real = _number(values, "audiodatarate"), track.bitrate_bit_s
    if broken_clock(track):
        return
    if rate and real and track.span_ms >= scope.parameters["wait_s"] * 1000:
        off = abs(real / 1000 - rate) / rate * 100
        if off > scope.parameters["bitrate_percent"]:
            yield _claim(scope, track, metadata, "audio bitrate", f"{rate:.0f} kbit/s",
                         f"{real / 1000:.0f} kbit/s", note=True)  # fmt: skip


def _never_sent(scope: Scope, stream: Stream, metadata: Metadata) -> Iterator[Outcome]:
    for kind in ("video", "audio"):
        other = stream.audio if kind == "video" else stream.video
        if stream.main(kind) is not None or other is None or not declared([metadata], kind):
            continue
        name = stream_label(scope, stream, kind)
        lasted = (int(other.frames.time_ns[-1]) - int(other.frames.time_ns[0])) / 1e6
        if max(lasted, other.duration_ms) < scope.parameters["wait_s"] * 1000:
            yield Inconclusive(f"the stream is shorter than {scope.parameters['wait_s']:g} s", name)
            continue
        yield Evidence(
            f"onMetaData announces {kind}, none is sent",
            [metadata.row],
            track=name,
            expected=f"{kind} within {scope.parameters['wait_s']:g} s",
            actual="none",
            key="never sent",
        )


def codec_form(scope: Scope) -> Iterator[Outcome]:
    """META-04: a codec id of another form or of another codec than what is sent."""
    for stream in _with_frames(scope):
        metadata = _in_force(scope, stream)
        for kind in ("video", "audio"):
            track = stream.main(kind)
            value = metadata.values.get(f"{kind}codecid") if metadata is not None else None
            if metadata is None or track is None or value is None:
                continue
            text = _odd(kind, value, track.codec)
            if text is not None:
                yield Evidence(
                    text,
                    [metadata.row],
                    track=label(scope, track),
                    expected=track.codec,
                    actual=safe(str(value)[:40]),
                )


def _odd(kind: str, value: object, codec: str | None) -> str | None:
    if isinstance(value, str):
        return f"{kind}codecid is the string '{safe(value[:40])}'; most servers want a number"
    if not isinstance(value, int) or isinstance(value, bool):
        return f"{kind}codecid is no whole number"
    fourcc = fourcc_of(value)
    if fourcc is not None:
        named = _FOURCCS[kind].get(fourcc.encode())
        text = f"{kind}codecid is the FourCC '{safe(fourcc)}' as a number"
        return text if named == codec else f"{text}, but {codec} is sent"
    name = _CODEC_IDS[kind].get(value)
    said = name.key if name else None
    return None if said == codec or codec is None else f"{kind}codecid is {value}, {codec} is sent"


RULES: Final = (
    Rule(
        "META-01", "onMetaData missing or late", "warning", "definite", late,
        gates=("clear", "full"), section="RTMP 1.0 §7.1.2",
        help="Send @setDataFrame onMetaData right after NetStream.Publish.Start; some ingests "
        "refuse streams that begin with media.",
        blame="sender", parameters={"late_ms": 3000},
    ),
    Rule(
        "META-02", "onMetaData names no tracks", "warning", "definite",
        concerning(without_tracks),
        gates=("clear",), section="FLV 10.1 §E.5",
        help="Name the codecs and sizes: videocodecid, audiocodecid, width, height.",
        blame="sender",
    ),
    Rule(
        "META-03", "onMetaData is not true", "warning", "definite",
        concerning(together(untrue, "warning")), gates=("clear",),
        section="FLV 10.1 §E.5",
        help="Fill onMetaData from the encoder's real settings; some players and packagers trust "
        "it.",
        blame="sender",
        parameters={"frame_rate_percent": 10, "bitrate_percent": 30, "wait_s": 5},
    ),
    Rule(
        "META-04", "Codec id of an uncommon form", "note", "definite",
        concerning(codec_form),
        gates=("clear",), section="E-RTMP v2 \"onMetaData\"",
        help="Servers without Enhanced RTMP know 7 (H.264) and 10 (AAC); Enhanced RTMP writes the "
        "FourCC as a number.",
        blame="sender",
    ),
)  # fmt: skip
