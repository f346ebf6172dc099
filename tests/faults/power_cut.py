#!/usr/bin/env python3
"""Cuts the power of the agent, not only its life, at hundreds of instants, and looks at what it makes of the disk.

The agent runs once, with a real broker, under disk/disk_tap.cpp, which writes down every change of the storage folder:
cameras (test://pattern) recorded all the time and on command, in short segments, with retention, deletions and uploads;
killed once in the middle, so that a recovery is in it as well. For each cut, at a record of that log, disk/disk_log.py
makes what the disk may hold then. The agent is started on it, and stopped. Every third time the power is cut a second
time, in the recovery from the first. Checked, with nothing of the product:

- it starts, and the catalog is the one of before, and in order (PRAGMA integrity_check);
- every row is a clip that is ready and has its file of that size and SHA-256, index first; every file has its row; a
  sample is decoded with ffmpeg; in quarantine is only what was never synced;
- what others had been told before the cut holds: a clip of clip.ready or clip.recovered is there unchanged (or was
  deleted), one of clip.deleted is not, one of clip.uploaded is known to be in the store; every command that changes
  something is known if it was acknowledged (PUBACK), and its reply if that was sent;
- of each recording that ran, no more is missing than the sync interval, a fragment, and how long the longest sync took.

usage: tests/faults/power_cut.py [--build build/release] [--cuts 500] [--seconds 60] [--seed N] [--keep]
Exit status 1 when anything was wrong; then the folders of what was wrong are kept. 500 cuts take about 10 minutes.
docs/design/power-cuts.md says more.
"""
import argparse
import collections
import datetime
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "disk"))
import disk_log  # noqa: E402
from after_cut import Check  # noqa: E402
from mqtt_talk import Talk  # noqa: E402

SYNC_INTERVAL_S = 2.0
FRAGMENT_S = 0.25
# What a busy machine may add: the recorder's thread wakes up late, and packets wait for it.
SLACK_S = 0.5
LIMIT_S = 60
CHANGES = {"recording.start", "recording.stop", "clip.delete", "clip.protect"}
LIARS = ["vedette.db-wal", ".mp4.part", "/"]  # disks that do not sync: the log of the catalog, clips, folders
ALWAYS = ["always1", "always2"]  # recorded all the time, nothing of them is deleted


def wait_until(what, condition):
    deadline = time.monotonic() + LIMIT_S
    while not condition():
        if time.monotonic() > deadline:
            sys.exit(f"{what}: not within {LIMIT_S} s")
        time.sleep(0.005)


def read_text(path):
    with open(path, errors="replace") as f:
        return f.read()


class Agent:
    """One run of the agent on a folder."""

    def __init__(self, args, folder, config, tap=None):
        self.folder = folder
        self.log = f"{folder}/vedette-{len(os.listdir(folder))}.log"  # one for each run
        with open(f"{folder}/vedette.json", "w") as f:
            json.dump(config, f)
        environment = dict(os.environ)
        if tap:
            environment.update(tap, LD_PRELOAD=f"{args.build}/lib/libdisk_tap.so", DISK_TAP_FOLDER=f"{folder}/storage")
        self.process = subprocess.Popen([f"{args.build}/bin/vedette", "--config", f"{folder}/vedette.json"],
                                        stderr=open(self.log, "a"), env=environment)

    def end(self, how):
        self.process.send_signal(how)
        return self.process.wait(LIMIT_S)


def config_of(folder, port, cameras, target="directory"):
    return {"device_id": "cut", "mqtt": {"url": f"mqtt://127.0.0.1:{port}"},
            "storage": {"path": f"{folder}/storage", "min_free_bytes": 0, "sync_interval_ms": int(SYNC_INTERVAL_S * 1000)},
            "upload": {"target": target, "directory": f"{folder}/store"},
            "recording": {"segment_s": 4}, "cameras": cameras}


class Workload:
    """What the agent is made to do; the log of it."""

    def __init__(self, args, folder, chance):
        self.args, self.folder, self.chance = args, folder, chance
        self.log = f"{folder}/disk.log"
        self.errors = []

    def start(self, port):
        def camera(n, **more):
            return {"url": f"test://pattern?size=160x90&fps=25&gop=10&audio={n % 2}", "ring_s": 5, **more}
        cameras = {c: camera(n, record="continuous") for n, c in enumerate(ALWAYS)}
        cameras["limited"] = camera(0, record="continuous", max_bytes=600_000)
        cameras["asked"] = camera(1)
        return Agent(self.args, self.folder, config_of(self.folder, port, cameras),
                     {"DISK_TAP_LOG": self.log, "DISK_TAP_PORT": str(port)})

    def command(self, verb, **params):
        """The result; None when the agent did not do it."""
        call = [f"{self.args.build}/bin/vedettectl", "--broker", f"mqtt://127.0.0.1:{self.port}", "--device", "cut",
                "--timeout", "10", verb] + [f"{k}:={json.dumps(v)}" for k, v in params.items()]
        done = subprocess.run(call, capture_output=True, text=True)
        return json.loads(done.stdout).get("result") if done.returncode == 0 else None

    def wait_recording(self):
        wait_until("the cameras are recorded", lambda: all(
            self.command("clip.query", camera_id=c, state=["recording"]) for c in [ALWAYS[0], "asked"]))

    def commands_for(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            started = self.command("recording.start", camera_id="asked", pre_roll_ms=500)
            if not started:
                time.sleep(0.1)
                continue
            time.sleep(self.chance.uniform(0.2, 3.0))
            self.command("recording.stop", recording_id=started["recording_id"])
            clips = (self.command("clip.query", camera_id="asked", state=["ready"]) or {}).get("clips", [])
            if clips:
                clip = self.chance.choice(clips)["clip_id"]
                self.command("clip.protect", clip_id=clip, protected=self.chance.random() < 0.5)
            if len(clips) > 2:
                self.command("clip.delete", clip_ids=[self.chance.choice(clips)["clip_id"]], force=self.chance.random() < 0.7)

    def run(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        broker = subprocess.Popen(["mosquitto", "-p", str(self.port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            agent = self.start(self.port)
            self.commands_for(self.args.seconds / 2)
            agent.end(signal.SIGKILL)
            agent = self.start(self.port)
            self.commands_for(self.args.seconds / 2)
            if status := agent.end(signal.SIGTERM):
                sys.exit(f"the agent ended with {status}; see {agent.log}")
        finally:
            broker.terminate()
            broker.wait()
        return disk_log.read_log(self.log)


def told_before(talk, number):
    """By kind of event, what others had been told up to that record; "ack" and "reply" of commands."""
    told = collections.defaultdict(dict)
    for said in talk:
        if said.number > number:
            break
        if said.kind == "event":
            told[said.name][said.data.get("clip_id", said.id)] = said.data
        elif said.name in CHANGES:
            told[said.kind][said.id] = said.data
    return told


def recordings_of(talk, cameras):
    """Of those cameras: recording id -> when it began and ended, in microseconds."""
    spans = {}
    for said in talk:
        if said.kind != "event" or said.camera_id not in cameras:
            continue
        if said.name == "recording.started":
            spans[said.data["recording_id"]] = [disk_time(said.data["clip_start"]), 1 << 62]
        elif said.name == "recording.stopped" and said.data["recording_id"] in spans:
            spans[said.data["recording_id"]][1] = disk_time(said.at)
    return spans


def disk_time(text):
    return int(datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1e6)


class Campaign:
    def __init__(self, args, folder):
        self.args, self.folder = args, folder
        self.problems, self.lost, self.twice = [], [], 0
        self.modes = collections.Counter()

    def never_synced(self, disk):
        """Clip ids of files that no sync ever covered."""
        ids, work = set(), [disk.root]
        while work:
            for name, what in work.pop().names.items():
                if isinstance(what, disk_log.Folder):
                    work.append(what)
                elif not what.ever_synced:
                    ids.add(name.split(".")[0])
        return ids

    def recover(self, folder, tap=None):
        os.makedirs(f"{folder}/storage", exist_ok=True)
        agent = Agent(self.args, folder, config_of(folder, 1, {}, "none"), tap)
        try:
            wait_until("the start after a cut", lambda: "broker not reached" in read_text(agent.log)
                       or agent.process.poll() is not None)
        finally:
            status = agent.end(signal.SIGTERM)
        text = read_text(agent.log)
        problems = [f"it ended with {status}"] if status else []
        return problems + [line for line in text.splitlines() if "set aside" in line]

    def one(self, job):
        number, seed, mode, folder, until_us, told, spans, never_synced = job
        chance = random.Random(seed)
        problems = []
        if seed % 3 == 0:
            log = f"{folder}/disk.log"
            disk = disk_log.Disk.load(f"{folder}/storage")
            problems += self.recover(folder, {"DISK_TAP_LOG": log})
            records = disk_log.read_log(log)
            for at, record in enumerate(records[:chance.randint(1, len(records))]):
                disk.apply(at, record)
            shutil.rmtree(f"{folder}/storage")
            disk.write_to(f"{folder}/storage", chance, chance.choice(disk_log.MODES))
        problems += self.recover(folder)
        check = Check(folder, told, never_synced)
        problems += check.run(lambda clip: chance.random() < self.args.decode)
        lost = [check.lost(r, begin, until_us) for r, (begin, end) in spans.items() if begin < until_us <= end]
        check.db.close()
        if problems:
            problems = [f"cut at {number}, {mode}, seed {seed}: {p} ({folder})" for p in problems]
        elif not self.args.keep:
            shutil.rmtree(folder)
        return problems, lost, seed % 3 == 0

    def jobs(self, records, talk, chance, cuts, modes, liar=None):
        """One for each cut, in the order of the log, with its folder made."""
        spans = recordings_of(talk, ALWAYS + ["asked"])
        # A third anywhere, a third where syncs and names are, a third just when something was told.
        anywhere = [n for n, r in enumerate(records) if r.kind not in "NH"]
        marks = [n for n, r in enumerate(records) if r.kind in "SERUM"]
        tellings = [said.number for said in talk]
        cuts = sorted(chance.choice([anywhere, marks, tellings][i % 3]) for i in range(cuts))
        disk, at = disk_log.Disk(liar), 0
        for number in cuts:
            while at <= number:
                disk.apply(at, records[at])
                at += 1
            mode, seed = chance.choice(modes), chance.randrange(1 << 30)
            folder = f"{self.folder}/cut-{number}-{seed}"
            os.mkdir(folder)
            disk.write_to(f"{folder}/storage", random.Random(seed), mode)
            self.modes[mode] += 1
            until_us = records[min(at, len(records) - 1)].time_us
            yield number, seed, mode, folder, until_us, told_before(talk, number), spans, self.never_synced(disk)

    def run(self, jobs):
        began = time.monotonic()
        with ThreadPoolExecutor(self.args.jobs) as pool:
            waiting = collections.deque()
            def take():
                problems, lost, twice = waiting.popleft().result()
                self.problems += problems
                self.lost += lost
                self.twice += twice
            for done, job in enumerate(jobs):
                waiting.append(pool.submit(self.one, job))
                while len(waiting) > 2 * self.args.jobs:
                    take()
                if done % 100 == 99:
                    print(f"  {done + 1} cuts, {time.monotonic() - began:.0f} s", flush=True)
            while waiting:
                take()


def longest_sync(records):
    begun, longest = {}, 0
    for r in records:
        if r.kind == "S":
            begun[r.b] = r.time_us
        elif r.kind == "E":
            longest = max(longest, r.time_us - begun[r.b])
    return longest / 1e6


def notices(args, folder, records, talk, liar):
    """Whether the checks find anything wrong when syncs of that kind are ignored: they could be blind."""
    folder = f"{folder}/liar-{LIARS.index(liar)}"
    os.mkdir(folder)
    blind = Campaign(args, folder)
    blind.run(blind.jobs(records, talk, random.Random(1), 4, ["oldest"], liar))
    shutil.rmtree(folder)
    return bool(blind.problems)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--cuts", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=60, help="how long the agent records")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--decode", type=float, default=0.1, help="the part of the clips that is decoded with ffmpeg")
    parser.add_argument("--keep", action="store_true", help="keep all folders")
    args = parser.parse_args()
    args.build = os.path.abspath(args.build)
    disk_log.self_test()
    chance = random.Random(args.seed)
    folder = tempfile.mkdtemp(prefix="vedette-power-cut-")
    print(f"{args.cuts} cuts, seed {args.seed}, in {folder}", flush=True)
    records = Workload(args, folder, chance).run()
    talk = Talk.of(records)
    kinds = collections.Counter(r.kind for r in records)
    said = collections.Counter(s.name if s.kind == "event" else s.kind for s in talk)
    print(f"  {len(records)} records: {kinds['W']} writes, {kinds['E']} syncs, {kinds['R'] + kinds['U'] + kinds['M']} names; "
          f"told: {dict(said)}", flush=True)
    campaign = Campaign(args, folder)
    campaign.run(campaign.jobs(records, talk, chance, args.cuts, ["oldest", "newest", "mixed", "mixed", "mixed"]))
    campaign.problems += [f"with a disk that ignores each sync of {liar}, nothing is wrong" for liar in LIARS
                          if not notices(args, folder, records, talk, liar)]
    slowest = longest_sync(records)
    bound = SYNC_INTERVAL_S + FRAGMENT_S + slowest + SLACK_S
    problems = campaign.problems
    problems += [f"{lost:.3f} s of a recording were lost" for lost in campaign.lost if lost > bound]
    if not campaign.lost or not said["clip.ready"] or not said["clip.deleted"] or not said["ack"]:
        problems.append("too little happened to say anything")
    for problem in problems[:50]:
        print("WRONG:", problem)
    ordered = sorted(campaign.lost) or [0]
    def part(p):
        return ordered[min(len(ordered) - 1, int(len(ordered) * p))]
    print(f"{args.cuts} cuts {dict(campaign.modes)}, {campaign.twice} of them twice: lost per running recording "
          f"({len(campaign.lost)}): median {part(0.5):.3f} s, p90 {part(0.9):.3f} s, p99 {part(0.99):.3f} s, most "
          f"{ordered[-1]:.3f} s, bound {bound:.3f} s (longest sync {slowest:.3f} s); {len(problems)} problems")
    if not args.keep and not problems:
        shutil.rmtree(folder)
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
