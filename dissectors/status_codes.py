"""Status codes of onStatus, onPlayStatus, _result and _error (RTMP 1.0 §7.2.1–7.2.2).

The codes are Flash's; Enhanced RTMP v2 calls its own table non-exhaustive, so an unknown code is
normal. Explanations are for the person who reads the tree.
"""

from typing import Final

from dissectors.amf import explain, properties
from dissectors.fields import Field
from dissectors.text import safe

_CONNECTION: Final = {
    "Connect.Success": "the server accepted the connection",
    "Connect.Closed": "the connection was closed in order",
    "Connect.Failed": "the connection attempt failed",
    "Connect.Rejected": "the server refused the connection: application, credentials or address",
    "Connect.AppShutdown": "the application is shutting down",
    "Connect.InvalidApp": "no application of this name on the server",
    "Connect.IdleTimeout": "closed because nothing was sent for too long",
    "Connect.NetworkChange": "the client's network has changed",
    "Connect.ReconnectRequest": "the server asks to reconnect, to tcUrl if it is given",
    "Call.Failed": "the server could not run the method",
    "Call.BadVersion": "the arguments are in a format the server does not know",
    "Call.Prohibited": "the call is not allowed",
    "Proxy.NotResponding": "the proxy does not reach the server behind it",
    "Admin.CommandFailed": "an administration command failed",
}

_STREAM: Final = {
    "Play.Start": "playback begins",
    "Play.Reset": "the playlist was reset before this stream",
    "Play.Stop": "playback has ended",
    "Play.Complete": "the whole recorded stream has been sent",
    "Play.Failed": "playback failed",
    "Play.StreamNotFound": "no stream of this name: not published, or no such file",
    "Play.PublishNotify": "somebody began to publish this stream",
    "Play.UnpublishNotify": "the publisher stopped",
    "Play.Switch": "the server begins to switch to another stream of the playlist",
    "Play.Transition": "the server received the order to change the stream",
    "Play.TransitionComplete": "the first frame of the new stream has arrived",
    "Play.InsufficientBW": "the client is too slow for this stream",
    "Play.NoSupportedTrackFound": "the file holds no track the player supports",
    "Play.FileStructureInvalid": "the file is damaged or of an unknown kind",
    "Play.FileNotFound": "no such file",
    "Play.UnsupportedFormat": "the format cannot be played",
    "Publish.Start": "the server accepted the publication: media may follow",
    "Publish.BadName": "refused: the name is in use by another publisher, or not allowed",
    "Publish.Idle": "the publisher sends nothing",
    "Publish.Denied": "refused: publishing is not allowed",
    "Unpublish.Success": "the publication has ended",
    "Record.Start": "recording begins",
    "Record.Stop": "recording has ended",
    "Record.Failed": "recording failed",
    "Record.NoAccess": "the file cannot be written",
    "Record.AlreadyExists": "the file is in use",
    "Record.DiskQuotaExceeded": "no space left for the recording",
    "Pause.Notify": "the stream is paused",
    "Unpause.Notify": "the stream goes on",
    "Seek.Notify": "the server has moved to the position",
    "Seek.Failed": "the position could not be reached",
    "Seek.InvalidTime": "the position is outside the stream",
    "SeekStart.Notify": "the server begins to seek",
    "Step.Notify": "a single step is done",
    "Buffer.Empty": "the buffer ran empty",
    "Buffer.Full": "the buffer is full, playback begins",
    "Buffer.Flush": "the stream has ended and the rest is played",
    "Data.Start": "media data follows",
    "Failed": "the server could not do what was asked",
    "InvalidArg": "an argument is not valid",
    "Video.DimensionChange": "the picture size changes",
}

_SHARED_OBJECT: Final = {
    "NoReadAccess": "reading is not allowed",
    "NoWriteAccess": "writing is not allowed",
    "BadPersistence": "persistence differs from that of the existing object",
    "UriMismatch": "the object belongs to another application",
    "ObjectCreationFailed": "the object could not be created",
    "Flush.Success": "the object has been saved",
    "Flush.Failed": "the object could not be saved",
}

STATUS_CODES: Final[dict[str, str]] = {
    f"{family}.{code}": text
    for family, codes in (
        ("NetConnection", _CONNECTION),
        ("NetStream", _STREAM),
        ("SharedObject", _SHARED_OBJECT),
    )
    for code, text in codes.items()
}

_LOGIN_NAMES: Final = ("reason", "user", "salt", "challenge", "opaque", "nonce", "code", "authmod")


def login_parameters(text: str) -> dict[str, str]:
    """Return authmod's parameters from a description, app or tcUrl, or nothing.

    Adobe's and Limelight's publisher login hide in text: ``[ AccessManager.Reject ] : [ code=403
    need auth; authmod=adobe ] :`` and ``… ?reason=needauth&user=U&salt=S&challenge=C&opaque=O``.
    """
    if "authmod=" not in text:
        return {}
    found: dict[str, str] = {}
    for part in text.replace("?", "&").replace(";", "&").replace(" ", "&").split("&"):
        name, separator, value = part.partition("=")
        if separator and name in _LOGIN_NAMES:
            found.setdefault(name, value)
    return found


def explain_status(node: Field) -> None:
    """Add what a status object's code means, and the login parameters of its description."""
    for key, item in properties(node):
        if not isinstance(item.value, str):
            continue
        if key == "code" and item.value in STATUS_CODES:
            meaning = STATUS_CODES[item.value]
            explain(item, "meaning", f"Meaning: {meaning}", meaning)
        elif key == "description":
            for name, value in login_parameters(item.value[:4096]).items():
                explain(item, f"auth_{name}", f"Authentication {name}: {safe(value)}", value)


def status_of(value: object) -> dict[str, str | None]:
    """Return code, level and description of a status object, or {} if it has no code."""
    if isinstance(value, dict) and "$class" in value:
        value = value.get("value")
    if isinstance(value, dict) and "$pairs" in value:
        value = dict(reversed(value["$pairs"]))
    if not isinstance(value, dict) or not isinstance(value.get("code"), str):
        return {}
    return {
        name: value[name] if isinstance(value.get(name), str) else None
        for name in ("code", "level", "description")
    }
