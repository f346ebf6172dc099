#!/usr/bin/env python3
"""Kills the agent with SIGKILL at random instants, again and again, and then looks at what is left.

Eight cameras (test://pattern) are recorded all the time, in short segments, so that a kill meets every step of creating,
writing, joining, closing and uploading a clip. After each kill the agent starts again, which recovers what it left.
Checked after each kill: how much of each camera's video up to the kill is missing. Checked at the end, with nothing of
the product: each row of the catalog has its file with that size and SHA-256 and each file its row; every clip is a
plain MP4 that ffmpeg decodes without an error; nothing is left open; nothing is in quarantine; no upload is lost.

usage: tests/faults/kill_campaign.py [--build build/release] [--kills 500] [--cameras 8] [--seed N] [--keep]
Exit status 1 when anything was wrong. Half an hour for 500.
"""
import argparse
import datetime
import hashlib
import json
import os
import random
import shutil
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

# What a kill may cost: the packets since the last fragment (250 ms), and as much for an encoder and a busy machine.
MOST_LOST_S = 1.0
LONGEST_RUN_S = 2.5
START_LIMIT_S = 60


class Agent:
    def __init__(self, args, folder):
        self.binary = f"{args.build}/bin/vedette"
        self.storage = f"{folder}/storage"
        self.log_path = f"{folder}/vedette.log"
        self.config = f"{folder}/vedette.json"
        self.cameras = [f"cam{n}" for n in range(1, args.cameras + 1)]
        with open(self.config, "w") as f:
            json.dump({
                "device_id": "campaign", "mqtt": {"url": "mqtt://127.0.0.1:1"},  # no broker: events stay in the outbox
                "storage": {"path": self.storage, "min_free_bytes": 0}, "recording": {"segment_s": 1},
                "cameras": {c: {"url": f"test://pattern?size=160x90&fps=25&gop=10&audio={n % 2}", "ring_s": 5,
                                "record": "continuous"} for n, c in enumerate(self.cameras)}}, f)

    def database(self):
        return sqlite3.connect(f"file:{self.storage}/vedette.db?mode=ro", uri=True, timeout=30)

    def start(self):
        self.process = subprocess.Popen([self.binary, "--config", self.config], stderr=open(self.log_path, "a"))

    def wait_recording(self, since_us):
        """Until each camera has a clip that began in this run."""
        deadline = time.monotonic() + START_LIMIT_S
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                sys.exit(f"the agent ended by itself: {self.process.returncode}; see {self.log_path}")
            try:
                db = self.database()
                rows = db.execute("SELECT count(DISTINCT camera_id) FROM clip WHERE start_us > ?", (since_us,)).fetchone()
                db.close()
                if rows[0] == len(self.cameras):
                    return
            except sqlite3.OperationalError:
                pass
            time.sleep(0.02)
        sys.exit(f"the cameras are not recorded; see {self.log_path}")

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        self.process.terminate()
        self.process.wait(20)


def now_us():
    return time.time_ns() // 1000


def lost_at_kill(agent, killed_us):
    """Seconds of each camera's video that are missing up to the kill, from the catalog after recovery."""
    db = agent.database()
    ends = dict(db.execute("SELECT camera_id, max(end_us) FROM clip WHERE start_us < ? GROUP BY camera_id", (killed_us,)))
    db.close()
    return [max(0.0, (killed_us - ends.get(c, 0)) / 1e6) for c in agent.cameras]


def check_clip(storage, path, size, sha256):
    file = os.path.join(storage, path)
    try:
        with open(file, "rb") as f:
            data = f.read()
    except OSError as e:
        return f"{path}: {e}"
    if len(data) != size or hashlib.sha256(data).hexdigest() != sha256:
        return f"{path}: size or SHA-256 is not that of its row"
    if data[4:8] != b"ftyp" or data[int.from_bytes(data[:4], "big") + 4:][:4] != b"moov":
        return f"{path}: not ftyp, moov"
    result = subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-xerror", "-i", file, "-f", "null", "-"],
                            capture_output=True, text=True)
    return f"{path}: {result.stderr.strip()[:200]}" if result.returncode or result.stderr else None


def check_all(agent):
    problems = []
    db = agent.database()
    rows = db.execute("SELECT path, size_bytes, sha256, state, clip_id FROM clip").fetchall()
    problems += [f"{r[0]}: left in state {r[3]}" for r in rows if r[3] != "ready"]
    known = {r[0] for r in rows}
    known |= {os.path.splitext(p)[0] + ".jpg" for p in known}  # posters
    on_disk = {os.path.relpath(os.path.join(d, n), agent.storage)
               for d, _, names in os.walk(f"{agent.storage}/clips") for n in names}
    problems += [f"{p}: no row" for p in sorted(on_disk - known)]
    quarantine = f"{agent.storage}/quarantine"
    problems += [f"quarantine: {n}" for n in (os.listdir(quarantine) if os.path.isdir(quarantine) else [])]
    lost_uploads = db.execute("SELECT count(*) FROM clip c WHERE NOT EXISTS"
                              "(SELECT 1 FROM upload u WHERE u.subject_id = c.clip_id)").fetchone()[0]
    if lost_uploads:
        problems.append(f"{lost_uploads} clips have no upload row")
    told = {json.loads(r[0])["clip_id"] for r in
            db.execute("SELECT data FROM outbox WHERE type IN ('clip.ready', 'clip.recovered')")}
    problems += [f"{r[0]}: no event" for r in rows if r[4] not in told]
    recovered = db.execute("SELECT count(*) FROM clip WHERE recovered = 1").fetchone()[0]
    db.close()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        problems += [p for p in pool.map(lambda r: check_clip(agent.storage, *r[:3]), rows) if p]
    return len(rows), recovered, problems


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--cameras", type=int, default=8)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    parser.add_argument("--keep", action="store_true", help="keep the folder")
    args = parser.parse_args()
    chance = random.Random(args.seed)
    folder = tempfile.mkdtemp(prefix="vedette-kill-campaign-")
    agent = Agent(args, folder)
    began = time.monotonic()
    lost, killed_us = [], 0
    print(f"{args.kills} kills, {args.cameras} cameras, seed {args.seed}, in {folder}", flush=True)
    for number in range(args.kills + 1):
        started_us = now_us()
        agent.start()
        agent.wait_recording(started_us)
        if number > 0:
            lost += lost_at_kill(agent, killed_us)
        if number == args.kills:
            break
        # Recording has only just begun: a clip must be longer than what may be lost.
        time.sleep(MOST_LOST_S + chance.uniform(0, LONGEST_RUN_S))
        killed_us = now_us()
        agent.kill()
        if (number + 1) % 25 == 0:
            print(f"  {number + 1} kills, {time.monotonic() - began:.0f} s", flush=True)
    agent.stop()
    clips, recovered, problems = check_all(agent)
    worst = max(lost)
    if worst > MOST_LOST_S:
        problems.append(f"{sum(l > MOST_LOST_S for l in lost)} times more than {MOST_LOST_S} s were lost")
    for problem in problems[:50]:
        print("WRONG:", problem)
    ordered = sorted(lost)
    print(f"{args.kills} kills: {clips} clips, {recovered} of them recovered; lost at a kill per camera: median "
          f"{statistics.median(lost):.3f} s, p99 {ordered[int(len(ordered) * 0.99)]:.3f} s, most {worst:.3f} s; "
          f"{len(problems)} problems; {datetime.timedelta(seconds=int(time.monotonic() - began))}")
    if not args.keep and not problems:
        shutil.rmtree(folder)
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
