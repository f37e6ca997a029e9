"""The table of sessions to record: who talks to whom, what is wrong, and which rule must say so."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import record
from lab import SERVER, stop
from peers import AAC, AV1, H264, HEVC, VP9, Bench, picture, publish, tone, url

from tests.faults.truth import TRUTHS

Record = Callable[[Bench, Path], None]
ROOT: Final = Path(__file__).parents[2]
HERE: Final = "127.0.0.1"
PROXY_PORT: Final = 1938
QUIET: Final = ["ffmpeg", "-v", "verbose"]


@dataclass(frozen=True)
class Scenario:
    """A session; without `cause` nothing worse than a note may be found."""

    peers: str
    record: Record
    cause: str = ""
    """The rule that must be the first cause."""
    blame: str | None = None
    says: str = ""
    """Words its sentence must hold."""
    at: float | None = None
    """When the fault begins, in seconds after the client; the finding is less than one off."""
    cable: Sequence[str] = ()
    """Loss, reordering, seed (see lab.forward)."""


# -- how they are made ------------------------------------------------------------------------


def session(*client: str, seconds: float = 30, server: Callable[[Bench], None] = Bench.nginx,
            snaplen: int = 0) -> Record:  # fmt: skip
    """A server, and a client that runs to its end or is interrupted."""

    def scenario(b: Bench, target: Path) -> None:
        server(b)
        b.need(client[0])
        with b.lab.capture(target, snaplen=snaplen):
            b.client(*client, seconds=seconds)

    return scenario


def rewritten(fault: str, *extra: str, seconds: float = 4, limit: float = 25) -> Record:
    """The usual publisher; a proxy at each end changes what that end sends."""

    def scenario(b: Bench, target: Path) -> None:
        b.nginx()
        here, there = f"{SERVER}:{PROXY_PORT}", f"{HERE}:1935"
        for space, listen, to in ((b.lab.server, here, there), (b.lab.client, there, here)):
            side = "server" if space == b.lab.server else "client"
            command = [sys.executable, "-m", "tests.faults.proxy", fault, side, listen, to]
            b.lab.spawn(space, *command, name=f"proxy-{side}", env={"PYTHONPATH": str(ROOT)})
        b.lab.wait_for_port(PROXY_PORT)
        time.sleep(0.5)
        at = ["-rtmp_tcurl", url(PROXY_PORT, "live")]
        with b.lab.capture(target):
            command = publish(url(host=HERE), *extra, *at, seconds=seconds)
            b.client(*command, seconds=limit)

    return scenario


def workers(b: Bench) -> list[int]:
    """Process ids of nginx's workers."""
    master = (b.work / "nginx.pid").read_text().strip()
    found = subprocess.run(["pgrep", "-P", master], capture_output=True, text=True, check=True)
    return [int(word) for word in found.stdout.split()]


def signalled(
    client: Sequence[str], *steps: tuple[float, str, signal.Signals], rest: float = 2,
    network: Sequence[str] = (), sender: Sequence[str] = (),
) -> Record:  # fmt: skip
    """A client of nginx; after each wait (s) `client` or `server` gets a signal. `network` is set
    for both ends; `sender`: somebody unseen who publishes what the client plays."""

    def scenario(b: Bench, target: Path) -> None:
        b.nginx()
        if network:
            for space in (b.lab.client, b.lab.server):
                b.lab.spawn(space, "sysctl", "-w", *network).wait()
        source = b.lab.spawn(b.lab.server, *sender) if sender else None
        time.sleep(2 if sender else 0)
        with b.lab.capture(target):
            child = b.lab.spawn(b.lab.client, *client)
            for wait, who, what in steps:
                time.sleep(wait)
                for pid in [child.pid] if who == "client" else workers(b):
                    os.kill(pid, what)
            time.sleep(rest)
            stop(child, signal.SIGINT)
        if source is not None:
            stop(source, signal.SIGINT)

    return scenario


def relayed(direction: str) -> Record:
    """Two nginx: one pushes to the other, or pulls from it; the cable is between them."""

    def scenario(b: Bench, target: Path) -> None:
        b.nginx()
        name = "name=cam" if direction == "pull" else ""
        relay = f"application live {{ live on; {direction} rtmp://{SERVER}/live {name}; }}"
        b.nginx(relay, b.lab.client, "relay")
        time.sleep(1)
        source = publish(url(host=HERE), seconds=5)
        with b.lab.capture(target):
            if direction == "push":
                b.client(*source)
                time.sleep(1)
                return
            sender = b.lab.spawn(b.lab.server, *source)
            time.sleep(1.5)
            b.client(*QUIET, "-t", "2", "-i", url(host=HERE), "-c", "copy", "-f", "null", "-")
            sender.wait(15)
            time.sleep(1)

    return scenario


def played(*player: str, sender: Sequence[str] = (), seconds: float = 4) -> Record:
    """A publisher in the server's namespace, unseen; the player is recorded."""

    def scenario(b: Bench, target: Path) -> None:
        b.nginx()
        b.need(player[0])
        source = b.lab.spawn(
            b.lab.server, *(sender or publish(url(host=HERE), seconds=seconds + 4))
        )
        time.sleep(1.5)
        with b.lab.capture(target):
            b.client(*player, seconds=seconds)
        stop(source, signal.SIGINT)

    return scenario


def again_and_again(b: Bench, target: Path) -> None:
    b.nginx()
    with b.lab.capture(target):
        for _ in range(4):
            b.client(*publish(url(name="closed/cam"), seconds=2), seconds=6)
            time.sleep(0.5)


def one_name_twice(b: Bench, target: Path) -> None:
    b.nginx()
    with b.lab.capture(target):
        first = b.lab.spawn(b.lab.client, *publish(url(), seconds=6))
        time.sleep(2)
        b.client(*publish(url(), seconds=2), seconds=4)
        first.wait(15)


def mute(b: Bench) -> None:
    """A server that takes the connection, says nothing and closes."""
    program = (
        "import socket, time; s = socket.create_server(('0.0.0.0', 1935)); c, _ = s.accept();"
        "time.sleep(3); c.close(); time.sleep(9)"
    )
    b.lab.spawn(b.lab.server, sys.executable, "-c", program)
    b.lab.wait_for_port(1935)


def tls_server(b: Bench) -> None:
    key, certificate = str(b.work / "key.pem"), str(b.work / "certificate.pem")
    subprocess.run(
        [b.need("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key,
         "-out", certificate, "-days", "2", "-subj", "/CN=x"],
        check=True, capture_output=True,
    )  # fmt: skip
    b.lab.spawn(b.lab.server, "openssl", "s_server", "-port", "1935", "-key", key,
                "-cert", certificate, "-quiet")  # fmt: skip
    b.lab.wait_for_port(1935)


# -- who and what -----------------------------------------------------------------------------

NOISE: Final = ["-re", "-f", "lavfi", "-i", "nullsrc=s=640x360:r=15:d=14,geq=random(1)*255:128:128"]


def loud(to: str) -> list[str]:
    """A publisher of 12 Mbit/s, which fills windows soon."""
    return [*QUIET, *NOISE, "-c:v", "libx264", "-preset", "ultrafast", "-b:v", "12M", "-g", "15",
            "-bf", "0", "-pix_fmt", "yuv420p", "-f", "flv", to]  # fmt: skip


SMALL_WINDOW: Final = ["net.ipv4.tcp_rmem=4096 65536 400000"]
JITTER: Final = [(wait, "client", what) for _ in range(3)
                 for wait, what in ((1.6, signal.SIGSTOP), (1.6, signal.SIGCONT))]  # fmt: skip
STOP, CONT, KILL = signal.SIGSTOP, signal.SIGCONT, signal.SIGKILL


def encoded(seconds: float, *options: str, size: str = "160x120", rate: int = 15) -> list[str]:
    return [*QUIET, *picture(size, rate, seconds), *tone(seconds), *H264, *AAC, *options,
            "-f", "flv", url()]  # fmt: skip


def copied(*options: str, name: str = "live/cam") -> list[str]:
    return [*QUIET, *options, "-i", url(name=name), "-c", "copy", "-f", "null", "-"]


def slow(speed: str, seconds: float) -> list[str]:
    """An encoder that gives media slower than it plays."""
    paced = {"-re": ["-readrate", speed]}
    return [word for part in encoded(seconds) for word in paced.get(part, [part])]


CLEAN: Final[dict[str, Scenario]] = {
    "publish": Scenario("ffmpeg → nginx", session(*encoded(6))),
    "publish-long": Scenario("ffmpeg → nginx, 30 s", session(*encoded(30), seconds=45)),
    "publish-high-bitrate": Scenario(
        "ffmpeg → nginx, 4 Mbit/s",
        session(*encoded(6, "-b:v", "4M", "-maxrate", "4M", "-bufsize", "4M", "-g", "30",
                         size="640x360", rate=30)),
    ),
    "publish-many-b-frames": Scenario(
        "ffmpeg → nginx, 4 B-frames", session(*encoded(5, "-bf", "4", "-b_strategy", "0"))
    ),
    "publish-audio-only": Scenario(
        "ffmpeg → nginx, audio", session(*QUIET, *tone(6), *AAC, "-f", "flv", url())
    ),
    "publish-video-only": Scenario(
        "ffmpeg → nginx, video", session(*QUIET, *picture(seconds=6), *H264, "-f", "flv", url())
    ),
    "publish-mp3": Scenario(
        "ffmpeg → nginx, MP3",
        session(*QUIET, *picture(seconds=4), *tone(4), *H264, "-c:a", "libmp3lame", "-f", "flv",
                url()),
    ),
    "publish-1-frame-a-second": Scenario(
        "ffmpeg → nginx, 1 fps", session(*encoded(8, "-g", "2", rate=1))
    ),
    "publish-60-fps": Scenario("ffmpeg → nginx, 60 fps", session(*encoded(4, "-g", "60", rate=60))),
    "through-two-proxies": Scenario("ffmpeg → proxy → proxy → nginx", rewritten("nothing")),
    "play-ffmpeg": Scenario("nginx → ffmpeg", played(*copied("-t", "3"))),
    "play-rtmpdump": Scenario(
        "nginx → rtmpdump", played("rtmpdump", "-v", "-r", url(), "-o", "x.flv")
    ),
    "play-gstreamer": Scenario(
        "nginx → rtmp2src",
        played("gst-launch-1.0", "-e", "rtmp2src", f"location={url()}", "!", "fakesink"),
    ),
    "play-file": Scenario("nginx file → rtmpdump", record.vod_start),
    "publish-rtmp2sink": Scenario("GStreamer rtmp2sink → nginx", record.gstreamer("rtmp2sink")),
    "publish-librtmp": Scenario("GStreamer librtmp → nginx", record.gstreamer("rtmpsink")),
    "node-media-server": Scenario("ffmpeg ⇄ node-media-server", record.node_media_server),
    "node-media-server-hevc": Scenario(
        "ffmpeg 9 ⇄ node-media-server, HEVC", record.node_media_server_enhanced
    ),
    "ffmpeg-listens": Scenario("ffmpeg → ffmpeg", record.ffmpeg_listen),
    "ffmpeg-serves": Scenario("ffmpeg ← ffmpeg", record.ffmpeg_listen_play),
    "hevc": Scenario("ffmpeg 9 → ffmpeg 9, HEVC", record.enhanced(*HEVC, *AAC)),
    "av1-opus": Scenario(
        "ffmpeg 9 → ffmpeg 9, AV1", record.enhanced(*AV1, "-c:a", "libopus", "-b:a", "32k")
    ),
    "vp9-flac": Scenario("ffmpeg 9 → ffmpeg 9, VP9", record.enhanced(*VP9, "-c:a", "flac")),
    "push": Scenario("nginx → nginx (push)", relayed("push")),
    "pull": Scenario("nginx → nginx (pull)", relayed("pull")),
    "two-players": Scenario("ffmpeg → nginx → rtmpdump, ffmpeg", record.nginx_two_players),
}  # fmt: skip

_PUBLISHER: Final = "ffmpeg → nginx"
_OPTIONS: Final = {"no-acknowledgement": ("-b:v", "300k")}
_SECONDS: Final = {"no-audio": 7, "ping-unanswered": 8}
FAULTS: Final[dict[str, Scenario]] = {
    "loss": Scenario(_PUBLISHER, session(*encoded(4)), "NET-02", "network",
                     "from the client were sent again", cable=("0.09", "0.02", "4")),
    "paused-reader": Scenario(
        _PUBLISHER,
        signalled(loud(url()), (3, "server", STOP), (7, "server", CONT), rest=5,
                  network=SMALL_WINDOW),
        "NET-01", "server", "the server did not read", at=3,
    ),
    "paused-player": Scenario(
        "nginx → ffmpeg",
        signalled(copied(), (2, "client", STOP), (6, "client", CONT), network=SMALL_WINDOW,
                  sender=loud(url(host=HERE))),
        "NET-01", "client", "the client did not read", at=2,
    ),
    "paused-encoder": Scenario(
        _PUBLISHER, signalled(encoded(6), (3, "client", STOP), (12, "client", CONT), rest=5),
        "NET-07", "client", "sent nothing for 12", at=3,
    ),
    "stuttering-encoder": Scenario(
        _PUBLISHER, signalled(encoded(12), (3, "client", STOP), (4, "client", CONT), rest=8),
        "NET-03", "client", "no frame arrives for 4", at=3,
    ),
    "jittery-encoder": Scenario(
        _PUBLISHER, signalled(encoded(14), (2, "client", STOP), (1.6, "client", CONT), *JITTER),
        "MUX-01", "client", "no audio arrives for 1.6", at=3.6,
    ),
    "slow-encoder": Scenario(_PUBLISHER, session(*slow("0.6", 8)), "NET-03", "client",
                             "s of media arrive in 5 s"),
    "killed-encoder": Scenario(
        _PUBLISHER, signalled(encoded(9), (4, "client", KILL)), "END-04", "client",
        "the publisher is gone in mid-stream", at=4,
    ),
    "killed-server": Scenario(
        _PUBLISHER, signalled(encoded(12), (6, "server", KILL)), "END-03", "server",
        "the server closed without a status", at=6,
    ),
    "denied-by-a-hook": Scenario(
        _PUBLISHER, session(*publish(url(name="closed/cam")), seconds=6), "CMD-05", "server",
        "closed the connection without answering publish",
    ),
    "play-denied": Scenario(
        "nginx → ffmpeg", record.play_refused, "CMD-05", "server",
        "closed the connection without answering play",
    ),
    "wrong-application": Scenario(
        _PUBLISHER, session(*publish(url(name="nosuch/cam")), seconds=8), "CMD-06", "server",
        "closed without answering connect",
    ),
    "nobody-publishes": Scenario(
        "nginx → ffmpeg", session(*copied(name="live/none"), seconds=8), "CMD-11", "client",
        "after NetStream.Play.Start: nobody publishes",
    ),
    "no-such-file": Scenario(
        "nginx → rtmpdump", record.play_missing, "CMD-11", "client", "NetStream.Play.StreamNotFound"
    ),
    "one-name-twice": Scenario(
        _PUBLISHER, one_name_twice, "CMD-04", "client", "BadName: Already publishing; c0 has been"
    ),
    "again-and-again": Scenario(
        _PUBLISHER, again_and_again, "CMD-05", "server",
        "closed the connection without answering publish",
    ),
    "mute-server": Scenario(
        "ffmpeg → a mute server", session(*publish(url()), seconds=6, server=mute),
        "HS-03", "server", "never answered C0 and C1",
    ),
    "tls-to-plain": Scenario(
        _PUBLISHER, session(*publish(f"rtmps://{SERVER}:1935/live/cam"), seconds=8),
        "TLS-02", "client", "the client speaks TLS",
    ),
    "tls-refused": Scenario(
        "openssl → openssl",
        session("openssl", "s_client", "-connect", f"{SERVER}:1935", "-verify_return_error",
                seconds=5, server=tls_server),
        "TLS-01", "server", "the client says fatal unknown_ca",
    ),
    "long-gop": Scenario(
        _PUBLISHER,
        session(*encoded(22, "-g", "9999", "-sc_threshold", "0", "-b:v", "60k"), seconds=40),
        "VID-10", "client", "up to 22 s between keyframes",
    ),
    "cut-by-the-capture": Scenario(
        _PUBLISHER, session(*encoded(2), snaplen=96), "CAP-03", "capture",
        "cut off by the snapshot length",
    ),
    "captured-late": Scenario(
        _PUBLISHER, record.late_start, "CAP-01", "capture", "the capture begins mid-stream"
    ),
    **{
        fault: Scenario(
            f"{_PUBLISHER}, rewritten",
            rewritten(fault, *_OPTIONS.get(fault, ()), seconds=_SECONDS.get(fault, 4)),
            truth.rule, truth.blame, truth.says,
        )
        for fault, truth in TRUTHS.items()
    },
}  # fmt: skip
