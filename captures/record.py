"""Record the captures under lab/ again: python3 captures/record.py [options] [scenario ...]

Needs root on Linux, Debian's nginx with libnginx-mod-rtmp, ffmpeg, rtmpdump, GStreamer (plugins bad
and ugly), tcpdump, iproute2, ethtool, wireshark's editcap. A scenario whose program is missing is
skipped and named. `--new-ffmpeg` names an ffmpeg of version 7 or later (PyPI imageio-ffmpeg has
one) and `--node-media-server` an npm folder with node-media-server in it.
A file recorded again differs in every byte; run captures/update_manifest.py afterwards.
"""

from __future__ import annotations

import argparse
import gzip
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

from lab import SERVER, SERVER6, Lab, stop
from peers import (
    AAC,
    AV1,
    H264,
    HDR,
    HEVC,
    MAP_TRACKS,
    SMALL_HEVC,
    TWO_TRACKS,
    VP9,
    VVC,
    Bench,
    picture,
    publish,
    tone,
    url,
)


def nginx_two_players(b: Bench, target: Path) -> None:
    b.nginx()
    with b.lab.capture(target):
        sender = b.lab.spawn(b.lab.client, *publish(url(), "-b:v", "50k", seconds=2.2))
        time.sleep(1)
        dump = b.lab.spawn(b.lab.client, "rtmpdump", "-v", "-r", url(), "-o", "dump.flv")
        b.client("ffmpeg", "-v", "verbose", "-t", "1", "-i", url(), "-c", "copy",
                 "-f", "null", "-")  # fmt: skip
        sender.wait(15)
        time.sleep(0.5)
        stop(dump, signal.SIGINT)


def publish_to(*extra: str, port: int = 1935, name: str = "live/cam", host: str = SERVER,
               seconds: float = 2) -> Callable[[Bench, Path], None]:  # fmt: skip
    """A scenario: nginx, and the usual publisher with `extra` options."""

    def scenario(b: Bench, target: Path) -> None:
        b.nginx()
        with b.lab.capture(target, expression=f"tcp port {port}"):
            b.client(*publish(url(port, name, host), *extra, seconds=seconds))

    return scenario


def duplicate_name(b: Bench, target: Path) -> None:
    b.nginx()
    first = b.lab.spawn(b.lab.server, *publish(url(host="127.0.0.1"), seconds=9))
    time.sleep(2)
    with b.lab.capture(target):
        b.client(*publish(url(), seconds=2), seconds=5)
    stop(first)


def play_missing(b: Bench, target: Path) -> None:
    b.nginx()
    with b.lab.capture(target):
        b.client("rtmpdump", "-r", url(name="vod/nothing.flv"), "-o", "x.flv", seconds=4)


def play_refused(b: Bench, target: Path) -> None:
    b.nginx()
    with b.lab.capture(target):
        b.client("ffmpeg", "-v", "verbose", "-i", url(name="closed/cam"), "-f", "null", "-",
                 seconds=4)  # fmt: skip


def vod_start(b: Bench, target: Path) -> None:
    b.nginx()
    source = [part for part in publish("vod/clip.flv", seconds=4) if part != "-re"]
    subprocess.run(source, cwd=b.work, check=True, capture_output=True)
    with b.lab.capture(target):
        b.client("rtmpdump", "-r", url(name="vod/clip.flv"), "-A", "1", "-B", "3", "-o", "x.flv")


def big_keyframes(b: Bench, target: Path) -> None:
    b.nginx()
    noise = ["-re", "-f", "lavfi", "-i", "nullsrc=s=480x272:r=10:d=0.5,geq=random(1)*255:128:128"]
    with b.lab.capture(target):
        b.client("ffmpeg", "-v", "verbose", *noise, "-c:v", "libx264", "-preset", "ultrafast",
                 "-qp", "24", "-g", "5", "-bf", "0", "-pix_fmt", "yuv420p", "-frames:v", "2",
                 "-f", "flv", url(1936))  # fmt: skip


def audio_only(b: Bench, target: Path) -> None:
    b.nginx()
    with b.lab.capture(target):
        b.client("ffmpeg", "-v", "verbose", *tone(3), *AAC, "-f", "flv", url())


def extended_play(b: Bench, target: Path) -> None:
    """Both sides start above 0xFFFFFF; keyframes are longer than a chunk of 128."""
    b.nginx()
    with b.lab.capture(target, expression="tcp port 1937"):
        sender = b.lab.spawn(
            b.lab.client,
            *publish(url(1937), "-b:v", "60k", "-output_ts_offset", "16800", seconds=2.5),
        )
        time.sleep(1)
        b.client("rtmpdump", "-v", "-r", url(1937), "-o", "x.flv", seconds=1.5)
        sender.wait(10)


def aborted_publisher(b: Bench, target: Path) -> None:
    b.nginx()
    with b.lab.capture(target):
        sender = b.lab.spawn(b.lab.client, *publish(url(), seconds=5))
        time.sleep(2)
        stop(sender, signal.SIGKILL)


def gstreamer(sink: str) -> Callable[[Bench, Path], None]:
    def scenario(b: Bench, target: Path) -> None:
        b.nginx()
        launch = b.need("gst-launch-1.0")
        with b.lab.capture(target):
            b.client(
                launch, "-e", "flvmux", "name=mux", "streamable=true", "!", sink,
                f"location={url()}" + (" live=1" if sink == "rtmpsink" else ""),
                "videotestsrc", "num-buffers=30", "is-live=true", "!",
                "video/x-raw,width=160,height=120,framerate=15/1", "!",
                "x264enc", "bitrate=100", "tune=zerolatency", "key-int-max=15", "!", "h264parse",
                "!", "mux.", "audiotestsrc", "num-buffers=86", "is-live=true", "!",
                "audio/x-raw,rate=44100,channels=1", "!", "voaacenc", "bitrate=32000", "!",
                "aacparse", "!", "mux.",
                seconds=10,
            )  # fmt: skip

    return scenario


def node_media_server(b: Bench, target: Path) -> None:
    b.node_media_server()
    with b.lab.capture(target):
        sender = b.lab.spawn(b.lab.client, *publish(url(), "-b:v", "50k", seconds=2.5))
        time.sleep(1)
        b.client("ffmpeg", "-v", "verbose", "-t", "1", "-i", url(), "-c", "copy",
                 "-f", "null", "-")  # fmt: skip
        sender.wait(10)


def node_media_server_extended(b: Bench, target: Path) -> None:
    """This server opens every message with fmt 0: above 0xFFFFFF each has the long form."""
    b.node_media_server()
    with b.lab.capture(target):
        sender = b.lab.spawn(
            b.lab.client, *publish(url(), "-b:v", "50k", "-output_ts_offset", "16800", seconds=2.2)
        )
        time.sleep(1)
        b.client("rtmpdump", "-v", "-r", url(), "-o", "x.flv", seconds=1.2)
        sender.wait(10)


def node_media_server_tls(b: Bench, target: Path) -> None:
    keys = target.with_suffix(".keys.log")
    keys.unlink(missing_ok=True)
    b.node_media_server(f"--tls-keylog={keys}")
    with b.lab.capture(target):
        b.client(*publish(f"rtmps://{SERVER}:1936/live/cam", seconds=1.5))


def node_media_server_enhanced(b: Bench, target: Path) -> None:
    b.node_media_server()
    with b.lab.capture(target):
        sender = b.lab.spawn(
            b.lab.client, b.new(), "-v", "verbose", *picture(seconds=2.5), *tone(2.5), *SMALL_HEVC,
            "-f", "flv", url(),
        )  # fmt: skip
        time.sleep(1.5)
        b.client(b.new(), "-v", "verbose", "-rtmp_enhanced_codecs", "hvc1,av01,vp09", "-t", "1.5",
                 "-i", url(), "-c", "copy", "-f", "null", "-")  # fmt: skip
        sender.wait(10)


def ffmpeg_listen(b: Bench, target: Path) -> None:
    b.listen("ffmpeg")
    with b.lab.capture(target):
        b.client(*publish(url()))


def ffmpeg_listen_play(b: Bench, target: Path) -> None:
    """FFmpeg as server of a player: the server sends the media."""
    b.lab.spawn(b.lab.server, *publish("rtmp://0.0.0.0:1935/live/cam", "-listen", "1"))
    b.lab.wait_for_port(1935)
    with b.lab.capture(target):
        b.client("ffmpeg", "-v", "verbose", "-i", url(), "-c", "copy", "-f", "null", "-")


def enhanced(*codecs: str, rate: int = 48000, inputs: Sequence[str] = ()) -> Callable[
    [Bench, Path], None
]:  # fmt: skip
    """A scenario: a current FFmpeg publishes to a current FFmpeg that listens."""

    def scenario(b: Bench, target: Path) -> None:
        program = b.new()
        b.listen(program, "rtmp://0.0.0.0:1935/live/cam", "-map", "0")
        sources = list(inputs) or [*picture(seconds=1.5), *tone(1.5, rate)]
        with b.lab.capture(target):
            b.client(program, "-v", "verbose", *sources, *codecs,
                     "-rtmp_enhanced_codecs", "hvc1,av01,vp09,Opus,fLaC,ac-3",
                     "-f", "flv", url())  # fmt: skip

    return scenario


def any_interface(b: Bench, target: Path) -> None:
    b.nginx()
    with b.lab.capture(target, interface="any", expression="tcp port 1935"):
        b.client(*publish(url()))


def capture_drops(b: Bench, target: Path) -> None:
    """tcpdump with room for a few frames misses some; the other end's capture has all."""
    b.nginx()
    whole = target.with_name(target.stem + "-whole.pcap")
    with (
        b.lab.capture(whole, where=b.lab.client),
        b.lab.capture(target, interface="any", expression="tcp port 1935", buffer_kib=1100),
    ):
        b.client(*publish(url()))


def late_start(b: Bench, target: Path) -> None:
    """Two captures of one stream: the second starts in its middle."""
    b.nginx()
    whole = target.with_name(target.stem + "-whole.pcap")
    with b.lab.capture(whole):
        sender = b.lab.spawn(b.lab.client, *publish(url(), seconds=3))
        time.sleep(1.5)
        with b.lab.capture(target):
            sender.wait(10)


def cut_short(b: Bench, target: Path) -> None:
    """Two captures of one stream: the second keeps 96 bytes of each frame."""
    b.nginx()
    whole = target.with_name(target.stem + "-whole.pcap")
    with b.lab.capture(whole), b.lab.capture(target, snaplen=96):
        b.client(*publish(url()))


def lossy(b: Bench, target: Path) -> None:
    """The cable loses and overtakes frames; recorded at both of its ends."""
    b.nginx()
    sender_side = target.with_name(target.stem + "-sender.pcap")
    with b.lab.capture(target), b.lab.capture(sender_side, where=b.lab.client):
        b.client(*publish(url(), "-b:v", "300k", seconds=2))


def audio_only_copies(b: Bench, target: Path) -> None:
    """The same packets as pcap, pcapng and gzip."""
    audio_only(b, target)
    subprocess.run(
        [b.need("editcap"), "-F", "pcapng", str(target), str(target.with_suffix(".pcapng"))],
        check=True,
    )
    packed = gzip.compress(target.read_bytes(), mtime=0)
    target.with_suffix(".pcap.gz").write_bytes(packed)


SCENARIOS: dict[str, Callable[[Bench, Path], None]] = {
    "nginx-two-players": nginx_two_players,
    "nginx-publish-denied": publish_to(name="closed/cam"),
    "nginx-publish-duplicate": duplicate_name,
    "nginx-play-missing": play_missing,
    "nginx-play-refused": play_refused,
    "nginx-vod-start": vod_start,
    "nginx-no-bframes": publish_to("-bf", "0"),
    "nginx-audio-only": audio_only_copies,
    "nginx-big-keyframes": big_keyframes,
    "nginx-aborted": aborted_publisher,
    "nginx-exttime-above": extended_play,
    "nginx-port-40123": publish_to(port=40123),
    "nginx-ipv6": publish_to(host=f"[{SERVER6}]"),
    "nginx-any-sll2": any_interface,
    "nginx-capture-drops": capture_drops,
    "nginx-late-start": late_start,
    "nginx-snaplen96": cut_short,
    "nginx-lossy": lossy,
    "gst-rtmp2sink": gstreamer("rtmp2sink"),
    "gst-rtmpsink-librtmp": gstreamer("rtmpsink"),
    "nms-publish-play": node_media_server,
    "nms-exttime-above": node_media_server_extended,
    "nms-rtmps": node_media_server_tls,
    "nms-hevc": node_media_server_enhanced,
    "ffmpeg-listen": ffmpeg_listen,
    "ffmpeg-listen-play": ffmpeg_listen_play,
    "ertmp-hevc-aac": enhanced(*HEVC, *AAC),
    "ertmp-hevc-hdr": enhanced(*HDR, *AAC),
    "ertmp-av1-opus": enhanced(*AV1, "-c:a", "libopus", "-b:a", "32k"),
    "ertmp-vp9-flac": enhanced(*VP9, "-c:a", "flac"),
    "ertmp-vvc-mp3": enhanced(*VVC, "-c:a", "libmp3lame", "-b:a", "32k", rate=44100),
    "ertmp-avc-ac3": enhanced(*H264, "-c:a", "ac3", "-b:a", "64k"),
    "ertmp-avc-eac3": enhanced(*H264, "-c:a", "eac3", "-b:a", "64k"),
    "ertmp-multitrack": enhanced(*MAP_TRACKS, *H264, *AAC, inputs=TWO_TRACKS),
    "ertmp-multitrack-mixed": enhanced(
        *MAP_TRACKS,
        *HEVC,
        "-c:v:0",
        "libx264",
        "-c:a:0",
        "aac",
        "-c:a:1",
        "libopus",
        inputs=TWO_TRACKS,
    ),
}


def record(name: str, options: argparse.Namespace) -> str:
    """Run one scenario in a fresh network and say how it went."""
    out = Path(options.out)
    with tempfile.TemporaryDirectory(prefix="rtmp-lab-") as scratch:
        work = Path(scratch)
        bad = ("0.03", "0.05", "4") if name == "nginx-lossy" else ()
        try:
            with Lab(work, bad) as lab:
                SCENARIOS[name](Bench(lab, work, out, options.new_ffmpeg, options.nms),
                                out / f"{name}.pcap")  # fmt: skip
        except FileNotFoundError as missing:
            return f"skipped: no {missing}"
        except (RuntimeError, subprocess.SubprocessError):
            return "FAILED\n" + traceback.format_exc()
        finally:
            if options.logs:
                shutil.copytree(work, Path(options.logs) / name, dirs_exist_ok=True,
                                ignore=shutil.ignore_patterns("*.flv", "data"))  # fmt: skip
    sizes = [f"{path.name} {path.stat().st_size}" for path in sorted(out.glob(f"{name}*"))]
    return ", ".join(sizes)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("scenario", nargs="*", help="default: all of them")
    parser.add_argument("--out", default=str(Path(__file__).parent / "lab"))
    parser.add_argument("--new-ffmpeg", default="", help="an ffmpeg that speaks Enhanced RTMP")
    parser.add_argument("--node-media-server", dest="nms", type=Path, help="an npm folder")
    parser.add_argument("--logs", help="keep what the programs said, here")
    options = parser.parse_args()
    unknown = set(options.scenario) - set(SCENARIOS)
    if unknown:
        parser.error(f"no such scenario: {', '.join(sorted(unknown))}")
    if os.geteuid() != 0:
        parser.error("needs root: it makes network namespaces")
    Path(options.out).mkdir(parents=True, exist_ok=True)
    for name in options.scenario or SCENARIOS:
        print(f"{name}: {record(name, options)}", file=sys.stderr, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
