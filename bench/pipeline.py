#!/usr/bin/env python3
"""N simulated 1080p25 4 Mbit/s RTSP cameras recorded for T seconds, by Vedette and by one ffmpeg process per camera.

Both record in the same run, one after the other, --rounds times, so that a drifting machine hits both. Vedette syncs every
2 s, hashes and finalises its clips; ffmpeg writes fragmented MP4 and never syncs. Prints a table and writes JSON.

  CPU    ms per camera-second: user and system time of all threads, from the first to the last recorded second, and for
         Vedette until the last clip is hashed and indexed
  PSS    proportional set size at the end of the recording, less the ring's payload for Vedette ("over ring"): of
         use from 40 s on, when the rings are full, as their size is told every 5 s
  lost   video frames missing in the files: steps of the presentation time that a frame is missing in
  bytes  what the process handed to write calls, per camera and second

usage: bench/pipeline.py --build build/release [--cameras 16] [--seconds 60] [--rounds 2] [--peers ffmpeg,vedette]
                         [--from-files | --pace MS] --media FILE [--json FILE]

The simulated cameras send each frame at once, which is kind to a reader. With --pace the packets of a camera's video come
so many ms apart, as from cameras that send while they encode.
"""
import argparse
import json
import os
import platform
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import uuid

FRAME_S = 1 / 25
COMMAND_S = 1 / 20  # the agent takes 20 commands a second
SLOW_DISK_BPS = 400e6  # what is still in the page cache when the recordings end must get to the disk
TICK_S = 1 / os.sysconf("SC_CLK_TCK")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for_port(port, limit_s=20):
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    sys.exit(f"nobody listens on port {port}")


def cpu_s(pid):
    """User and system time of the process; their sum is exact however the kernel splits it."""
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * TICK_S


def pss_bytes(pid):
    with open(f"/proc/{pid}/smaps_rollup") as f:
        return int(re.search(r"^Pss:\s+(\d+)", f.read(), re.M).group(1)) * 1024


def written_bytes(pid):
    with open(f"/proc/{pid}/io") as f:
        return int(re.search(r"^wchar: (\d+)", f.read(), re.M).group(1))


class Sampler:
    """What a set of processes used between two instants."""

    def __init__(self, pids):
        self.pids = pids
        self.begin()

    def begin(self):
        self.at = time.monotonic()
        self.cpu = {p: cpu_s(p) for p in self.pids}
        self.bytes = {p: written_bytes(p) for p in self.pids}

    def so_far(self):
        return {
            "wall_s": time.monotonic() - self.at,
            "cpu_s": sum(cpu_s(p) - self.cpu[p] for p in self.pids),
            "bytes": sum(written_bytes(p) - self.bytes[p] for p in self.pids),
        }


def frames_of(path):
    """(frames shown or not, frames missing) of a file's video."""
    out = subprocess.run(
        ["ffprobe", "-v", "error", "-ignore_editlist", "1", "-select_streams", "v", "-show_entries", "packet=pts_time",
         "-of", "csv=p=0", path],
        capture_output=True, text=True, check=True).stdout.split()
    times = sorted(float(t.strip(",")) for t in out)
    missing = sum(max(0, round((b - a) / FRAME_S) - 1) for a, b in zip(times, times[1:]))
    return len(times), missing


class Cameras:
    def __init__(self, build, media, count, folder, pace_ms):
        self.port = free_port()
        self.process = subprocess.Popen(
            [f"{build}/bin/camera_sim", "--media", media, "--cameras", str(count), "--port", str(self.port),
             "--user", "admin", "--password", "secret123"] + (["--pace", str(pace_ms)] if pace_ms else []),
            stdout=open(f"{folder}/cameras.log", "w"), stderr=subprocess.STDOUT)
        wait_for_port(self.port)

    def end(self):
        self.process.kill()

    def url(self, n, credentials=True):
        return f"rtsp://{'admin:secret123@' if credentials else ''}127.0.0.1:{self.port}/Streaming/Channels/{n}01"


class Files:
    """Instead of cameras: file:// sources, which play the footage in real time, over and over."""

    def __init__(self, media):
        self.media = os.path.abspath(media)

    def url(self, n, credentials=True):
        return f"file://{self.media}"

    def end(self):
        pass


class FfmpegPeer:
    """One process per camera, as a shell script would do it."""
    name = "ffmpeg"

    def __init__(self, args, cameras, folder):
        self.files = [f"{folder}/ffmpeg-{n}.mp4" for n in range(1, args.cameras + 1)]
        self.processes = [
            subprocess.Popen(["ffmpeg", "-nostdin", "-loglevel", "error", "-rtsp_transport", "tcp", "-i",
                              cameras.url(n), "-c", "copy", "-f", "mp4", "-movflags",
                              "frag_keyframe+empty_moov+default_base_moof", "-y", path],
                             stderr=subprocess.DEVNULL)
            for n, path in enumerate(self.files, 1)]
        self.args = args

    def pids(self):
        return [p.pid for p in self.processes]

    def start(self):
        deadline = time.monotonic() + 60
        while not all(os.path.exists(f) and os.path.getsize(f) > 100_000 for f in self.files):
            if time.monotonic() > deadline:
                sys.exit("ffmpeg does not record")
            time.sleep(0.1)

    def memory(self):
        return sum(pss_bytes(p) for p in self.pids()), 0

    def stop(self):
        for p in self.processes:
            p.send_signal(signal.SIGINT)
        for p in self.processes:
            p.wait(20)
        return self.files

    def end(self):
        for p in self.processes:
            p.kill()


class VedettePeer:
    name = "vedette"
    more_config = {}

    def __init__(self, args, cameras, folder):
        self.args = args
        self.folder = folder
        self.port = free_port()
        with open(f"{folder}/mosquitto.conf", "w") as f:
            f.write(f"listener {self.port} 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\n")
        self.broker = subprocess.Popen(["mosquitto", "-c", f"{folder}/mosquitto.conf"], stderr=subprocess.DEVNULL)
        wait_for_port(self.port)
        config = {
            "device_id": "bench", "mqtt": {"url": f"mqtt://127.0.0.1:{self.port}"},
            "storage": {"path": f"{folder}/data"}, "upload": {"target": "none"},
            "telemetry": {"interval_s": 5},
            "cameras": {f"cam{n}": {"url": cameras.url(n, False), "username": "admin", "password": "secret123"}
                        for n in range(1, args.cameras + 1)},
            **self.more_config}
        path = f"{folder}/vedette.json"
        with open(path, "w") as f:
            json.dump(config, f)
        self.events = open(f"{folder}/messages.log", "w+")
        self.listener = subprocess.Popen(["mosquitto_sub", "-p", str(self.port), "-v", "-t", "vedette/v1/bench/#"],
                                         stdout=self.events)
        self.began = time.monotonic()
        # Whoever measures may look into /proc, which the agent allows nobody but root otherwise.
        self.process = subprocess.Popen([f"{args.build}/bin/vedette", "--config", path, "--core-dumps"],
                                        stderr=open(f"{folder}/vedette.log", "w"))
        self.clips = []

    def pids(self):
        return [self.process.pid]

    def messages(self):
        with open(f"{self.folder}/messages.log") as f:
            for line in f:
                topic, _, payload = line.partition(" ")
                if line.endswith("\n") and payload.startswith("{"):
                    yield topic.removeprefix("vedette/v1/bench/"), json.loads(payload)

    def wait(self, what, done, limit_s):
        deadline = time.monotonic() + limit_s
        while not done():
            if time.monotonic() > deadline:
                sys.exit(f"vedette: {what} took longer than {limit_s} s; see {self.folder}")
            time.sleep(0.1)

    def command(self, verb, params):
        message = {"v": 1, "id": str(uuid.uuid4()), "reply_to": "bench", "params": params}
        subprocess.run(["mosquitto_pub", "-p", str(self.port), "-q", "1", "-t", f"vedette/v1/bench/command/{verb}", "-m",
                        json.dumps(message)], check=True)
        time.sleep(COMMAND_S)

    def count(self, topic):
        return sum(1 for t, _ in self.messages() if t == topic)

    def start(self):
        self.wait("streaming", lambda: self.count("event/camera.up") >= self.args.cameras, 60)
        self.all_filling_s = time.monotonic() - self.began
        for n in range(1, self.args.cameras + 1):
            self.command("recording.start", {"camera_id": f"cam{n}", "upload": "never"})
        self.wait("recording", lambda: self.count("event/recording.started") >= self.args.cameras, 60)

    def memory(self):
        ring = {}
        for topic, message in self.messages():
            if topic.startswith("telemetry/camera/"):
                ring[topic] = message["ring_bytes"]
        return pss_bytes(self.process.pid), sum(ring.values())

    def stop(self):
        for n in range(1, self.args.cameras + 1):
            self.command("recording.stop", {"camera_id": f"cam{n}"})
        self.wait("closing the clips", lambda: self.count("event/recording.stopped") >= self.args.cameras,
                  60 + self.args.cameras * self.args.seconds * 4e6 / SLOW_DISK_BPS)
        losses = self.count("event/loss.recorded")
        if losses:
            print(f"  vedette recorded {losses} losses in its ledger", file=sys.stderr)
        return [os.path.join(folder, name) for folder, _, names in os.walk(f"{self.folder}/data/clips")
                for name in names if name.endswith(".mp4")]

    def end(self):
        self.process.terminate()
        self.process.wait(10)
        self.listener.kill()
        self.broker.kill()


PEERS = {p.name: p for p in (FfmpegPeer, VedettePeer)}


def measure(peer_class, args, cameras):
    folder = tempfile.mkdtemp(prefix=f"vedette-pipeline-{peer_class.name}-", dir=args.folder)
    peer = peer_class(args, cameras, folder)
    try:
        peer.start()
        sampler = Sampler(peer.pids())
        time.sleep(args.seconds)  # the measured time itself
        steady = sampler.so_far()
        memory, ring = peer.memory()
        if peer_class is VedettePeer:
            files = peer.stop()
            whole_cpu = sampler.so_far()["cpu_s"]
        else:
            files = peer.stop()
            whole_cpu = steady["cpu_s"]
        counted = [frames_of(f) for f in files]
    finally:
        peer.end()
    if not args.keep:
        shutil.rmtree(folder)
    camera_seconds = args.cameras * steady["wall_s"]
    return {
        "peer": peer_class.name,
        "cpu_ms_per_camera_s": 1000 * steady["cpu_s"] / camera_seconds,
        "cpu_ms_per_camera_s_with_closing": 1000 * whole_cpu / camera_seconds,
        "pss_bytes_per_camera": memory / args.cameras,
        "pss_over_ring_bytes_per_camera": (memory - ring) / args.cameras,
        "frames": sum(c[0] for c in counted),
        "lost": sum(c[1] for c in counted),
        "files": len(files),
        "bytes_per_camera_s": steady["bytes"] / camera_seconds,
        "all_rings_filling_s": getattr(peer, "all_filling_s", None),
    }


def build_type(build):
    with open(f"{build}/CMakeCache.txt") as f:
        return re.search(r"^CMAKE_BUILD_TYPE:\w+=(.*)$", f.read(), re.M).group(1)


def argument_parser(description, cameras, rounds):
    """Takes what every bench with cameras is told."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--cameras", type=int, default=cameras)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--rounds", type=int, default=rounds)
    parser.add_argument("--media", required=True, help="1080p25 footage to serve (scripts/bench finds or makes it)")
    parser.add_argument("--json", help="write the figures to this file")
    return parser


def print_conditions(build, load):
    """Prints what the figures are of; returns the name of the processor."""
    cpu = next((l.split(":")[1].strip() for l in open("/proc/cpuinfo") if l.startswith("model name")), platform.machine())
    print(f"{cpu}, {os.cpu_count()} cores, {build_type(build)} build; {load}")
    if build_type(build) != "Release":
        print("WARNING: not a Release build, the figures say little")
    return cpu


def main():
    parser = argument_parser(__doc__, cameras=16, rounds=2)
    parser.add_argument("--peers", default="ffmpeg,vedette")
    parser.add_argument("--from-files", action="store_true",
                        help="no RTSP: Vedette alone plays the footage from file:// as if it were cameras")
    parser.add_argument("--pace", type=float, default=0, help="ms between the packets of a camera's video")
    parser.add_argument("--folder", help="where to record; default: the folder for temporary files")
    parser.add_argument("--keep", action="store_true", help="keep the recordings")
    args = parser.parse_args()

    cpu = print_conditions(args.build, f"{args.cameras} cameras, {args.seconds:g} s, {args.rounds} rounds" +
                           (f", packets {args.pace:g} ms apart" if args.pace else ""))

    log_folder = tempfile.mkdtemp(prefix="vedette-pipeline-")
    if args.from_files:
        args.peers = "vedette"
    cameras = Files(args.media) if args.from_files else Cameras(
        args.build, args.media, args.cameras, log_folder, args.pace)
    rows = []
    try:
        for round_number in range(args.rounds):
            for name in args.peers.split(","):
                row = measure(PEERS[name], args, cameras)
                row["round"] = round_number + 1
                rows.append(row)
                print(f"  round {row['round']} {name:8} CPU {row['cpu_ms_per_camera_s']:.2f} ms, with closing "
                      f"{row['cpu_ms_per_camera_s_with_closing']:.2f}; {row['frames']} frames, {row['lost']} lost")
    finally:
        cameras.end()
        shutil.rmtree(log_folder)

    summary = {}
    print(f"\n{'':10}{'CPU ms per':>12}{'with':>9}{'PSS MiB':>9}{'over ring':>11}{'MB/s':>8}{'frames':>9}{'lost':>6}")
    print(f"{'':10}{'camera-s':>12}{'closing':>9}{'/camera':>9}{'/camera':>11}{'/camera':>8}")
    for name in args.peers.split(","):
        mine = [r for r in rows if r["peer"] == name]
        mean = {k: statistics.mean(r[k] for r in mine) for k in mine[0] if isinstance(mine[0][k], (int, float))}
        summary[name] = mean
        print(f"{name:10}{mean['cpu_ms_per_camera_s']:12.2f}{mean['cpu_ms_per_camera_s_with_closing']:9.2f}"
              f"{mean['pss_bytes_per_camera'] / 2**20:9.1f}{mean['pss_over_ring_bytes_per_camera'] / 2**20:11.1f}"
              f"{mean['bytes_per_camera_s'] / 1e6:8.3f}{sum(r['frames'] for r in mine):9}"
              f"{sum(r['lost'] for r in mine):6}")
    if len(summary) == 2:
        ratio = summary["vedette"]["cpu_ms_per_camera_s_with_closing"] / summary["ffmpeg"]["cpu_ms_per_camera_s"]
        print(f"\nCPU of Vedette, synced, hashed and finalised, to that of ffmpeg: {ratio:.2f} (aim: <= 0.90)")
        summary["cpu_ratio"] = ratio
    if "vedette" in summary and summary["vedette"].get("all_rings_filling_s"):
        print(f"from the start of the process to all rings filling: {summary['vedette']['all_rings_filling_s']:.1f} s "
              "(aim: <= 3)")
    if args.json:
        with open(args.json, "w") as f:
            json.dump({"cpu": cpu, "build": build_type(args.build), "cameras": args.cameras, "seconds": args.seconds,
                       "pace_ms": args.pace, "rows": rows, "summary": summary}, f, indent=1)


if __name__ == "__main__":
    main()
