"""A connection's metrics as the JSON report has them: integers, null for what is not known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from analyzer.metrics.startup import STAGES

if TYPE_CHECKING:
    from analyzer.metrics import ConnectionMetrics, Stream, Track

_PROPERTIES: Final = ("profile", "level", "width", "height", "sample_rate", "channels")
"""Of the first codec configuration."""


def connection(metrics: ConnectionMetrics) -> dict[str, Any]:
    """Return the `metrics` object of a connection."""
    reached = {stage.name: stage.time_ns for stage in metrics.startup}
    return {
        "startup_ns": {name: reached.get(name) for name in STAGES},
        "streams": [_stream(stream) for stream in metrics.streams],
        "left_out": metrics.left_out,
    }


def _stream(stream: Stream) -> dict[str, Any]:
    skew, starvation = stream.skew, stream.starvation
    return {
        "direction": ("c2s", "s2c")[stream.direction],
        "msid": stream.msid,
        "start_offset_ms": stream.start_offset_ms,
        "av_skew": None
        if skew is None
        else {"max_ms": skew.max_ms, "mean_ms": skew.mean_ms, "drift_us_s": skew.drift_us_s},
        "interleave_max_ms": {kind: int(lag.max()) for kind, lag in stream.lag_ms.items()} or None,
        "starvation": None
        if starvation is None
        else {
            "window_ns": starvation.width_ns,
            "least_media_ms": int(starvation.media_ms.min()),
            "least_per_mille": int(starvation.per_mille.min()),
        },
        "tracks": [_track(track) for track in stream.tracks],
    }


def _track(track: Track) -> dict[str, Any]:
    frames = track.frames
    first = track.configurations[0].values if track.configurations else {}
    found: dict[str, Any] = {
        "kind": track.kind,
        "track_id": track.track_id,
        "codec": track.codec,
        **{name: first.get(name) for name in _PROPERTIES},
        "configurations": len(track.config_rows),
        "frames": len(frames),
    }
    return found | (_measured(track) if len(frames) else dict.fromkeys(_MEASURED))


def _measured(track: Track) -> dict[str, Any]:
    frames, rate = track.frames, track.rate
    timed = bool(frames.cts_ms.any())
    return {
        "bytes": track.size_bytes,
        "first_time_ns": int(frames.time_ns[0]),
        "last_time_ns": int(frames.time_ns[-1]),
        "first_dts_ms": int(frames.dts_ms[0]),
        "last_dts_ms": int(frames.dts_ms[-1]),
        "duration_ms": track.duration_ms,
        "frame_rate": None
        if rate is None
        else {
            "nominal_millihertz": rate.nominal_millihertz,
            "average_millihertz": rate.average_millihertz,
            "interval_ns": rate.interval_ns,
            "jitter_ns": rate.jitter_ns,
        },
        "bitrate": {"mean_bit_s": track.bitrate_bit_s, "peak_bit_s": track.peak_bit_s},
        "gop": _gop(track),
        "composition_time_ms": [int(frames.cts_ms.min()), int(frames.cts_ms.max())]
        if timed
        else None,
        "reordered_frames": int(track.reorder.max()),
        "backward_steps": len(track.backward),
        "repeated_timestamps": len(track.duplicate),
        "longest_step_ms": int(track.steps_ms.max()) if len(track.steps_ms) else None,
        "longest_wait_ns": int(track.waits_ns.max()) if len(track.waits_ns) else None,
        "latency_max_ns": int(track.latency_ns.max()),
        "backlog_max_ns": int(track.backlog_ns.max()),
    }


_MEASURED: Final = (
    "bytes", "first_time_ns", "last_time_ns", "first_dts_ms", "last_dts_ms", "duration_ms",
    "frame_rate", "bitrate", "gop", "composition_time_ms", "reordered_frames", "backward_steps",
    "repeated_timestamps", "longest_step_ms", "longest_wait_ns", "latency_max_ns",
    "backlog_max_ns",
)  # fmt: skip


def _gop(track: Track) -> dict[str, Any] | None:
    gops = track.gops
    if not len(gops.start):
        return None
    return {
        "count": len(gops.start),
        "frames_max": int(gops.frames.max()),
        "min_ms": gops.min_ms,
        "mean_ms": gops.mean_ms,
        "max_ms": gops.max_ms,
    }
