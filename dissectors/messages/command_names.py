"""The commands and their arguments, as RTMP 1.0 §7.2 and the implementations name them."""

from typing import Final

ARGUMENTS: Final[dict[str, tuple[str, ...]]] = {
    # NetConnection, RTMP 1.0 §7.2.1.
    "connect": ("optional_user_arguments",),
    "createStream": (),
    "close": (),
    "_result": ("response",),
    "_error": ("response",),
    # NetStream, RTMP 1.0 §7.2.2.
    "play": ("stream_name", "start", "duration", "reset"),
    "play2": ("parameters",),
    "deleteStream": ("stream_id",),
    "closeStream": (),
    "receiveAudio": ("bool_flag",),
    "receiveVideo": ("bool_flag",),
    "receiveVideoFPS": ("frame_rate",),
    "publish": ("publishing_name", "publishing_type"),
    "seek": ("milliseconds",),
    "pause": ("pause_flag", "milliseconds"),
    "pauseRaw": ("pause_flag", "milliseconds"),
    "onStatus": ("info_object",),
    "onPlayStatus": ("info_object",),
    # Flash Media Live Encoder's, used by nearly every publisher.
    "releaseStream": ("stream_name",),
    "FCPublish": ("stream_name",),
    "FCUnpublish": ("stream_name",),
    "onFCPublish": ("info_object",),
    "onFCUnpublish": ("info_object",),
    # CDN edges (Akamai, Limelight), librtmp and FFmpeg as players.
    "FCSubscribe": ("stream_name",),
    "FCUnsubscribe": ("stream_name",),
    "onFCSubscribe": ("info_object",),
    "onFCUnsubscribe": ("info_object",),
    "getStreamLength": ("stream_name",),
    "set_playlist": ("playlist",),
    "playlist_ready": (),
    # Bandwidth checks of Flash Media Server's main.asc.
    "checkBandwidth": (),
    "_checkbw": (),
    "_onbwcheck": ("payload", "counter"),
    "onBWCheck": ("payload", "counter"),
    "_onbwdone": ("kbit_down", "delta_down", "delta_time", "latency"),
    "onBWDone": ("kbit_down", "delta_down", "delta_time", "latency"),
    "ping": (),
    "pong": (),
    # Wowza's and Justin.tv's tokens, as librtmp answers them.
    "secureTokenResponse": ("token",),
    "NetStream.Authenticate.UsherToken": ("token",),
}
"""Names of the values after the command object. Surplus and unknown ones are called argN."""

RESULTS: Final[dict[str, tuple[str, ...]]] = {
    "connect": ("information",),
    "createStream": ("stream_id",),
    "getStreamLength": ("stream_length",),
    "checkBandwidth": ("bandwidth",),
    "_checkbw": ("response",),
    "onBWCheck": ("counter",),
    "_onbwcheck": ("counter",),
    "releaseStream": ("response",),
    "FCPublish": ("response",),
}
"""What `_result` and `_error` carry after the command object, by the call they answer."""

SHOW_FIRST: Final = frozenset({"play", "publish", "releaseStream", "FCPublish", "FCUnpublish"})
"""Commands whose first argument stands in the parentheses of the title."""
SHOW_CODE: Final = frozenset({"onStatus", "_result", "_error", "onPlayStatus"})
"""Commands with the code of their status object there."""


def argument_name(command: object, index: int) -> str:
    """Return the field name of argument `index` (0 = the first after the command object)."""
    names = ARGUMENTS.get(command, ()) if isinstance(command, str) else ()
    return names[index] if index < len(names) else f"arg{index + 1}"
