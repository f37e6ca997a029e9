"""The programs that talk: servers to start, and the command lines of their clients."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

from lab import SERVER, Lab, stop

NGINX = """
load_module {modules}/ngx_rtmp_module.so;
daemon off; worker_processes 1; pid nginx.pid; error_log nginx.log info; user root;
events {{ worker_connections 64; }}
rtmp {{
  server {{ listen 1935; listen [::]:1935 ipv6only=on; chunk_size 4096; {apps} }}
  server {{ listen 1936; chunk_size 60000; {apps} }}
  server {{ listen 1937; chunk_size 128; {apps} }}
  server {{ listen 40123; chunk_size 4096; {apps} }}
}}
http {{ access_log off; client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fcgi;
  uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  server {{ listen 127.0.0.1:8080; location /no {{ return 403; }} }} }}
"""
APPS = """
application live { live on; }
application closed {
  live on; on_publish http://127.0.0.1:8080/no; on_play http://127.0.0.1:8080/no;
}
application vod { play vod; }
"""


@dataclass
class Bench:
    """What a scenario needs: the network, where files go, the programs."""

    lab: Lab
    work: Path
    out: Path
    new_ffmpeg: str
    nms: Path | None

    def nginx(self, apps: str = APPS, space: str = "", folder: str = "") -> None:
        """Start nginx for the server, or with other applications and files in another space."""
        place = self.work / folder
        (place / "vod").mkdir(parents=True, exist_ok=True)
        config = place / "nginx.conf"
        built = subprocess.run(["nginx", "-V"], capture_output=True, text=True, check=True).stderr
        modules = re.search(r"--modules-path=(\S+)", built)
        where = modules[1] if modules else "modules"
        config.write_text(NGINX.format(apps=apps, modules=where))
        self.lab.spawn(space or self.lab.server, "nginx", "-p", str(place), "-c", str(config))
        if not space:
            self.lab.wait_for_port(1935)

    def node_media_server(self, *node_options: str) -> None:
        if self.nms is None:
            raise FileNotFoundError("node-media-server")
        package = self.nms / "node_modules" / "node-media-server"
        self.lab.spawn(
            self.lab.server, "node", *node_options, str(package / "bin" / "app.js"),
            "--no-admin", "--data-path", str(self.work / "data"),
        )  # fmt: skip
        self.lab.wait_for_port(1935)

    def listen(self, program: str, url: str = "rtmp://0.0.0.0:1935/live/cam", *maps: str) -> None:
        """FFmpeg itself as the server of one connection."""
        self.lab.spawn(
            self.lab.server, program, "-v", "verbose", "-listen", "1", "-i", url, *maps,
            "-c", "copy", "-f", "null", "-", name="listen",
        )  # fmt: skip
        self.lab.wait_for_port(1935)

    def need(self, program: str) -> str:
        found = shutil.which(program)
        if not found:
            raise FileNotFoundError(program or "--new-ffmpeg")
        return found

    def new(self) -> str:
        return self.need(self.new_ffmpeg)

    def client(self, *command: str, seconds: float = 20) -> int:
        """Run a program at the client's end until it ends, or interrupt it after `seconds`."""
        child = self.lab.spawn(self.lab.client, *command)
        try:
            return child.wait(seconds)
        except subprocess.TimeoutExpired:
            stop(child, signal.SIGINT)
            return -1


def url(port: int = 1935, name: str = "live/cam", host: str = SERVER) -> str:
    return f"rtmp://{host}:{port}/{name}"


def picture(size: str = "160x120", rate: int = 15, seconds: float = 2) -> list[str]:
    return ["-re", "-f", "lavfi", "-i", f"testsrc2=s={size}:r={rate}:d={seconds}"]


def tone(seconds: float = 2, rate: int = 44100, frequency: int = 440) -> list[str]:
    return [
        "-re", "-f", "lavfi", "-i", f"sine=f={frequency}:r={rate}:d={seconds}",
    ]  # fmt: skip


H264 = ["-c:v", "libx264", "-preset", "veryfast", "-g", "15", "-bf", "2", "-b:v", "120k",
        "-pix_fmt", "yuv420p"]  # fmt: skip
AAC = ["-c:a", "aac", "-b:a", "32k"]


def publish(to: str, *extra: str, program: str = "ffmpeg", seconds: float = 2) -> list[str]:
    """The usual publisher: H.264 with B-frames and AAC mono."""
    return [program, "-v", "verbose", *picture(seconds=seconds), *tone(seconds), *H264, *AAC,
            *extra, "-f", "flv", to]  # fmt: skip


HEVC = ["-c:v", "libx265", "-preset", "ultrafast", "-b:v", "80k", "-x265-params",
        "keyint=15:bframes=2:log-level=none", "-pix_fmt", "yuv420p"]  # fmt: skip
SMALL_HEVC = [*HEVC[:5], "40k", *HEVC[6:], "-b:a", "24k"]
AV1 = ["-c:v", "libsvtav1", "-preset", "12", "-g", "15", "-b:v", "60k", "-pix_fmt", "yuv420p"]
VP9 = ["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-g", "15",
       "-b:v", "80k", "-pix_fmt", "yuv420p"]  # fmt: skip
VVC = ["-c:v", "libvvenc", "-preset", "faster", "-b:v", "60k", "-pix_fmt", "yuv420p10le"]

TWO_TRACKS = [
    *picture(seconds=1.5), *picture("80x60", seconds=1.5), *tone(1.5), *tone(1.5, frequency=880),
]  # fmt: skip
MAP_TRACKS = ["-map", "0:v", "-map", "1:v", "-map", "2:a", "-map", "3:a"]
HDR = ["-vf", "setparams=color_primaries=bt2020:color_trc=smpte2084:colorspace=bt2020nc",
       "-c:v", "libx265", "-preset", "ultrafast", "-b:v", "80k", "-pix_fmt", "yuv420p10le",
       "-color_primaries", "bt2020", "-color_trc", "smpte2084", "-colorspace", "bt2020nc",
       "-x265-params", "keyint=15:log-level=none:hdr10=1:repeat-headers=1:"
       "colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc:max-cll=1000,400:"
       "master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1)",
       ]  # fmt: skip
