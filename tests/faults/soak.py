#!/usr/bin/env python3
"""Lets the agent run for a long time while its cameras and its broker fail, and looks for leaks.

Simulated RTSP cameras are recorded all the time in short segments; every 15 s they are killed and started again, every
45 s the broker is. Once a second the memory (RSS), threads and file descriptors of the agent are read. Reported: the slope of
the memory after the first third of the time, and what there is more of at the end than at the beginning, both times
with everything connected.

usage: tests/faults/soak.py --media FILE [--build build/release] [--minutes 30] [--cameras 8] [--most-slope-mib-per-hour 1]
FILE is footage for the cameras (build/footage/h264_aac_1080p25.mp4, say). Exit status 1 when the slope is above the bound, or
threads or descriptors have become more.
"""
import argparse
import json
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

CAMERAS_DIE_S = 15
BROKER_DIES_S = 45
DOWN_S = 3


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def rss_bytes(pid):
    with open(f"/proc/{pid}/status") as f:
        return int(re.search(r"^VmRSS:\s+(\d+)", f.read(), re.M).group(1)) * 1024


def threads(pid):
    return len(os.listdir(f"/proc/{pid}/task"))


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


class Server:
    """A process that is killed and started again."""

    def __init__(self, command, every_s):
        self.command, self.every_s = command, every_s
        self.process = None
        self.start()

    def start(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.due = time.monotonic() + self.every_s

    def step(self):
        if time.monotonic() < self.due:
            return
        if self.process:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self.process, self.due = None, time.monotonic() + DOWN_S
        else:
            self.start()

    def up(self):
        return self.process is not None


def slope_per_hour(points):
    """Least squares through (seconds, bytes)."""
    mean_t, mean_y = statistics.mean(t for t, _ in points), statistics.mean(y for _, y in points)
    below = sum((t - mean_t) ** 2 for t, _ in points)
    return 3600 * sum((t - mean_t) * (y - mean_y) for t, y in points) / below


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--media", required=True)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--cameras", type=int, default=8)
    parser.add_argument("--most-slope-mib-per-hour", type=float, default=1)
    args = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="vedette-soak-")
    rtsp, mqtt = free_port(), free_port()
    cameras = Server([f"{args.build}/bin/camera_sim", "--media", args.media, "--cameras", str(args.cameras), "--port",
                      str(rtsp), "--user", "admin", "--password", "secret123"], CAMERAS_DIE_S)
    broker = Server(["mosquitto", "-p", str(mqtt)], BROKER_DIES_S)
    config = f"{folder}/vedette.json"
    with open(config, "w") as f:
        json.dump({"device_id": "soak", "mqtt": {"url": f"mqtt://127.0.0.1:{mqtt}"},
                   "storage": {"path": f"{folder}/storage", "max_bytes": 1 << 30}, "upload": {"target": "none"},
                   "recording": {"segment_s": 10}, "telemetry": {"interval_s": 5},
                   "cameras": {f"cam{n}": {"url": f"rtsp://127.0.0.1:{rtsp}/Streaming/Channels/{n}01", "ring_s": 5,
                                           "username": "admin", "password": "secret123", "record": "continuous"}
                               for n in range(1, args.cameras + 1)}}, f)
    # So that its user may look into its /proc.
    agent = subprocess.Popen([f"{args.build}/bin/vedette", "--config", config, "--core-dumps"],
                             stderr=open(f"{folder}/vedette.log", "w"))
    began = time.monotonic()
    points, counts = [], []
    while (elapsed := time.monotonic() - began) < 60 * args.minutes:
        time.sleep(1)  # the rate of the samples
        if agent.poll() is not None:
            sys.exit(f"the agent ended by itself: {agent.returncode}; see {folder}")
        cameras.step()
        broker.step()
        points.append((elapsed, rss_bytes(agent.pid)))
        # Long enough after both came back that everything is connected again.
        if cameras.up() and broker.up() and cameras.due - time.monotonic() < 3 and broker.due - time.monotonic() < 35:
            counts.append((threads(agent.pid), descriptors(agent.pid)))
        if len(points) % 60 == 0:
            print(f"  {elapsed / 60:.0f} min: {points[-1][1] / 2**20:.1f} MiB, {threads(agent.pid)} threads, "
                  f"{descriptors(agent.pid)} descriptors", flush=True)
    agent.terminate()
    status = agent.wait(20)
    for server in (cameras, broker):
        if server.up():
            server.process.kill()
    late = [p for p in points if p[0] > 20 * args.minutes]
    slope = slope_per_hour(late) / 2**20
    more = [statistics.median(c[i] for c in counts[-5:]) - statistics.median(c[i] for c in counts[:5]) for i in (0, 1)]
    reconnects = sum("camera is streaming" in line for line in open(f"{folder}/vedette.log"))
    bad = slope > args.most_slope_mib_per_hour or any(m > 0 for m in more) or status != 0
    print(f"{args.minutes:g} min, {args.cameras} cameras, {reconnects} connections to cameras: memory {slope:+.2f} MiB/h "
          f"(at most {args.most_slope_mib_per_hour:g}), {more[0]:+g} threads, {more[1]:+g} descriptors; exit status {status}")
    if not bad:
        shutil.rmtree(folder)
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
