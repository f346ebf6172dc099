#!/usr/bin/env python3
"""What an agent costs that has nothing to do: connected to a broker, with cameras or without, and nothing recorded.

  agent, no cameras    all that is not about cameras: main loop, MQTT, telemetry
  agent, N cameras     the same with N RTSP cameras 1080p25 of 4 Mbit/s, whose packets it keeps in its rings
  ffmpeg -c copy       the same cameras read by one ffmpeg each, which throws everything away: what reading costs anyhow

All one after the other, --rounds times, in % of one core. The aim: 1 % for what is not about cameras, and with cameras no more
than that beyond the bare readers.

usage: bench/idle.py --build build/release [--cameras 4] [--seconds 60] [--rounds 1] --media FILE [--json FILE]
"""
import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

from pipeline import Cameras, Sampler, VedettePeer, argument_parser, build_type, print_conditions

SETTLED_S = 3  # after the last camera is up: connections, first keyframes, first telemetry


class Reader:
    """One ffmpeg per camera."""

    def __init__(self, args, cameras, _folder):
        self.processes = [
            subprocess.Popen(["ffmpeg", "-nostdin", "-loglevel", "error", "-rtsp_transport", "tcp", "-i", cameras.url(n),
                              "-c", "copy", "-f", "null", "-"], stderr=subprocess.DEVNULL)
            for n in range(1, args.cameras + 1)]

    def pids(self):
        return [p.pid for p in self.processes]

    def start(self):
        pass

    def end(self):
        for p in self.processes:
            p.kill()
            p.wait()


class Idle(VedettePeer):
    """The agent as it is configured by default."""
    more_config = {"telemetry": {"interval_s": 30}}

    def start(self):
        self.wait("streaming", lambda: self.count("event/camera.up") >= self.args.cameras, 60)
        self.wait("the status", lambda: self.count("status") >= 1, 60)


def measure(peer_class, args, cameras, count):
    folder = tempfile.mkdtemp(prefix="vedette-idle-")
    peer = peer_class(argparse.Namespace(**{**vars(args), "cameras": count}), cameras, folder)
    try:
        peer.start()
        time.sleep(SETTLED_S)
        sampler = Sampler(peer.pids())
        time.sleep(args.seconds)  # the measured time itself
        used = sampler.so_far()
        if any(not os.path.exists(f"/proc/{pid}/exe") for pid in peer.pids()):
            sys.exit(f"{peer_class.__name__}: a process ended")
    finally:
        peer.end()
        shutil.rmtree(folder)
    return 100 * used["cpu_s"] / used["wall_s"]


def main():
    args = argument_parser(__doc__, cameras=4, rounds=1).parse_args()
    cpu = print_conditions(args.build, f"{args.seconds:g} s each, {args.rounds} rounds")

    log_folder = tempfile.mkdtemp(prefix="vedette-idle-")
    cameras = Cameras(args.build, args.media, args.cameras, log_folder, 0)
    kinds = {"agent, no cameras": (Idle, 0), f"agent, {args.cameras} cameras": (Idle, args.cameras),
             f"ffmpeg -c copy, {args.cameras} cameras": (Reader, args.cameras)}
    figures = {name: [] for name in kinds}
    try:
        for _ in range(args.rounds):
            for name, (peer_class, count) in kinds.items():
                figures[name].append(measure(peer_class, args, cameras, count))
                print(f"  {name:28}{figures[name][-1]:7.2f} % of a core")
    finally:
        cameras.end()
        shutil.rmtree(log_folder)

    bare, busy, reader = (statistics.mean(values) for values in figures.values())
    print(f"\nwithout cameras {bare:.2f} % (aim: <= 1); with {args.cameras} cameras {busy:.2f} %, {busy - reader:+.2f} % beyond the "
          f"bare readers' {reader:.2f} % (aim: <= 1)")
    if args.json:
        with open(args.json, "w") as f:
            json.dump({"cpu": cpu, "build": build_type(args.build), "seconds": args.seconds, "percent_of_a_core": figures}, f,
                      indent=1)


if __name__ == "__main__":
    main()
