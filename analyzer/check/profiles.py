"""What platforms ask of a stream, as named assertions, each with the page that says so.

Names are the platform's own where it has them (YouTube's configuration issues). Platforms change
their pages without notice; where one asks for keyframes every 2 s, a tenth is left for rounding.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Requirement(NamedTuple):
    """An assertion of a profile; `severity` decides whether its failure reaches --fail-on."""

    name: str
    expect: str
    severity: str
    source: str


class Profile(NamedTuple):
    """A named set of requirements."""

    title: str
    requirements: tuple[Requirement, ...] = ()
    specified: bool = False
    """Only rules that cite a section of a specification count."""


_YOUTUBE_SETTINGS: Final = "https://support.google.com/youtube/answer/2853702"
_YOUTUBE_ISSUES: Final = (
    "https://developers.google.com/youtube/v3/live/docs/liveStreams/health_status_messages"
)
_TWITCH: Final = "https://help.twitch.tv/customer/en/portal/articles/1253460-broadcast-requirements"
_TWITCH_CAMP: Final = (
    "https://www.twitch.tv/creatorcamp/en/paths/going-live/broadcast-recommendations/"
)
_FACEBOOK: Final = "https://developers.facebook.com/docs/live-video-api/reference"
_IVS: Final = "https://docs.aws.amazon.com/ivs/latest/LowLatencyUserGuide/streaming-config.html"
_IVS_FAQ: Final = (
    "https://docs.aws.amazon.com/ivs/latest/LowLatencyUserGuide/troubleshooting-faqs.html"
)

_IVS_CHANNEL: Final = (
    "https://docs.rs/aws-sdk-ivs/0.2.0/aws_sdk_ivs/model/channel/struct.Builder.html"
)

PROFILES: Final = {
    "spec": Profile("the specifications and nothing else", specified=True),
    "youtube": Profile(
        "YouTube Live, RTMP ingestion",
        (
            Requirement("noAudioStream", "audio.frames > 0", "error", _YOUTUBE_ISSUES),
            Requirement("noVideoStream", "video.frames > 0", "error", _YOUTUBE_ISSUES),
            Requirement("videoCodec", "video.codec in {h264, hevc, av1}", "error",
                        _YOUTUBE_SETTINGS),
            Requirement("audioCodec", "audio.codec in {aac, mp3}", "error", _YOUTUBE_ISSUES),
            Requirement("audioSampleRate", "audio.sample_rate in {44100, 48000}", "warning",
                        _YOUTUBE_ISSUES),
            Requirement("gopSizeLong", "gop.max <= 4s", "error", _YOUTUBE_SETTINGS),
            Requirement("framerateHigh", "video.frame_rate <= 60.5", "warning",
                        _YOUTUBE_SETTINGS),
            Requirement("bitrateHigh", "video.bitrate <= 40M", "warning", _YOUTUBE_SETTINGS),
        ),
    ),
    "twitch": Profile(
        "Twitch, single-track ingest",
        (
            Requirement("videoCodec", "video.codec == h264", "error", _TWITCH_CAMP),
            Requirement("audioCodec", "audio.codec == aac", "error", _TWITCH_CAMP),
            Requirement("keyframeInterval", "gop.max <= 2.1s", "error", _TWITCH),
            Requirement("videoBitrate", "video.bitrate <= 6M", "warning", _TWITCH),
            Requirement("audioBitrate", "audio.bitrate <= 320k", "warning", _TWITCH_CAMP),
            Requirement("audioSampleRate", "audio.sample_rate in {44100, 48000}", "warning",
                        _TWITCH_CAMP),
        ),
    ),
    "facebook": Profile(
        "Facebook Live",
        (
            Requirement("audioAndVideo", "audio.frames > 0 and video.frames > 0", "error",
                        _FACEBOOK),
            Requirement("videoCodec", "video.codec == h264", "error", _FACEBOOK),
            Requirement("audioCodec", "audio.codec == aac", "error", _FACEBOOK),
            Requirement("keyframeInterval", "gop.max <= 4s", "error", _FACEBOOK),
            Requirement("keyframeIntervalRecommended", "gop.max <= 2.1s", "warning", _FACEBOOK),
            Requirement("videoBitrate", "video.bitrate <= 9M", "warning", _FACEBOOK),
            Requirement("audioBitrate", "audio.bitrate <= 256k", "error", _FACEBOOK),
            Requirement("audioSampleRate", "audio.sample_rate in {44100, 48000}", "warning",
                        _FACEBOOK),
        ),
    ),
    "ivs": Profile(
        "Amazon IVS, low latency, STANDARD channel",
        (
            Requirement("noVideo", "video.frames > 0", "error", _IVS),
            Requirement("videoCodec", "video.codec == h264", "error", _IVS),
            Requirement("audioCodec", "audio.codec == aac", "error", _IVS),
            Requirement("keyframeInterval", "gop.max <= 2.1s", "warning", _IVS_FAQ),
            Requirement("videoBitrate", "video.bitrate <= 8.5M", "error", _IVS_CHANNEL),
        ),
    ),
}  # fmt: skip
