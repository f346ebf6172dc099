#!/usr/bin/python3
"""Uploads into a local Ceph RADOS Gateway, by Vedette's engine and by others in the same run, in turns.

Two loads: one object of 256 MiB, and 200 of 1 MiB. Vedette finds their rows in its catalog on the disk, signs the hash
of every body, and has every object proved. The peers:

  curl         `curl -T` with presigned URLs, one process, one request after the other: nothing is hashed, here or at the store
               (UNSIGNED-PAYLOAD)
  curl x4      the same, four at once
  curl signed  what Vedette's requests say: `openssl dgst -sha256`, and then `curl -T` with the hash signed, which the store checks
  curl hashed  the same, but the hash is there before the clock begins: nobody who has to sign it can be faster by one stream
  curl parts   what Vedette asks of the store for a large object, and nothing else: parts of 8 MiB, four at once, their hashes signed and
               there before the clock begins, and what makes them one object: nobody who has to go on behind a kill can be faster
  aws s3 cp    as it comes

  MiB/s     payload by the time of the whole process, from its start to its end
  CPU       seconds of the client, user and system (wait4)
  store CPU seconds that all of the gateway's processes used meanwhile
  busy      both, as a share of what the processors had to give: at 1 nobody could have been faster without asking less of them
  RSS +     the most it grew to, less what it had when it began: Vedette by its own word, the others from 0
  p99       of bench_arrival: nothing is uploaded; the same process uploads by Vedette's engine, at a rate and as fast as it goes;
            curl uploads (`--limit-rate`; presigned URLs), which tells how much of it is the store's. The store is SCHED_IDLE
            meanwhile: it takes only what the others leave. Then once more with a process in its place that reads the bodies
            and answers, as a store on another machine would
  resumed   from the start of a process, behind one that was killed in the middle of the 256 MiB, until the store has one more
            part and the catalog its row

The gateway shares the machine, and uses more of it than any client: throughput is that of the two together.

usage: bench/upload.py --build build/release --media FILE [--rounds 5] [--seconds 10] [--cameras 16] [--mbit 100] [--link-mbit 1000]
                       [--store memstore|bluestore] [--small] [--only vedette,curl] [--json FILE]
"""
import argparse
import hashlib
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

import boto3
import botocore.client

from sink import Sink

HERE = os.path.dirname(os.path.abspath(__file__))
BUCKET = "bench"
MIB = 1 << 20
URL_LIFE_S = 3600
PART_BYTES = 8 * MIB  # upload.part_size_bytes, as it comes


def free_ports(count):
    """The first of so many consecutive ones, below those that outgoing connections take."""
    for first in range(21000 + os.getpid() % 5000, 32000, count):
        sockets = [socket.socket() for _ in range(count)]
        try:
            for i, s in enumerate(sockets):
                s.bind(("127.0.0.1", first + i))
            return first
        except OSError:
            continue
        finally:
            for s in sockets:
                s.close()
    sys.exit("no free ports")


class Store:
    """The gateway, and what is to be known of it from outside."""

    def __init__(self, folder, kind):
        port = free_ports(20)
        self.folder = f"{folder}/store"
        self.endpoint = f"http://127.0.0.1:{port}"
        self.process = subprocess.Popen(
            [f"{HERE}/../tests/support/serve_s3.sh", "ceph_rgw", self.folder, str(port)], stdout=subprocess.PIPE,
            text=True, env={**os.environ, "S3_STORE": kind, "S3_OSD_GB": "10", "S3_BUCKETS": BUCKET})
        for line in self.process.stdout:
            if "ready: " in line:
                break
        else:
            sys.exit("the store does not start")
        self.env = {"S3_ENDPOINT": self.endpoint, "S3_BUCKET": BUCKET, "AWS_ACCESS_KEY_ID": "S3TESTACCESSKEY",
                    "AWS_SECRET_ACCESS_KEY": "s3testsecretkey", "AWS_DEFAULT_REGION": "us-east-1",
                    "AWS_EC2_METADATA_DISABLED": "true"}
        os.environ.update(self.env)
        self.client = boto3.client("s3", endpoint_url=self.endpoint, config=botocore.client.Config(
            signature_version="s3v4", s3={"addressing_style": "path"}))

    def objects(self, prefix):
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix + "/")
        return [item for page in pages for item in page.get("Contents", [])]

    def put_url(self, key):
        return self.client.generate_presigned_url("put_object", Params={"Bucket": BUCKET, "Key": key},
                                                  ExpiresIn=URL_LIFE_S)

    def forget(self, prefix):
        keys = [{"Key": item["Key"]} for item in self.objects(prefix)]
        for i in range(0, len(keys), 1000):
            self.client.delete_objects(Bucket=BUCKET, Delete={"Objects": keys[i:i + 1000]})

    def processes(self):
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/cmdline") as f:
                    if self.folder in f.read():
                        yield pid
            except (FileNotFoundError, ProcessLookupError):
                continue

    def give_way(self):
        """From here on it gets the processor when nobody else wants it: in life it has a machine of its own."""
        for pid in self.processes():
            for tid in os.listdir(f"/proc/{pid}/task"):
                try:
                    os.sched_setscheduler(int(tid), os.SCHED_IDLE, os.sched_param(0))
                except ProcessLookupError:
                    continue

    def cpu_s(self):
        """What it has used so far, user and system."""
        ticks = 0
        for pid in self.processes():
            with open(f"/proc/{pid}/stat") as f:
                ticks += sum(int(field) for field in f.read().rpartition(")")[2].split()[11:13])
        return ticks / os.sysconf("SC_CLK_TCK")

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()


class Load:
    """Files to upload, and the list of them that `sha256sum` would print."""

    def __init__(self, name, folder, count, size):
        self.name, self.folder, self.bytes = name, os.path.join(folder, name), count * size
        os.mkdir(self.folder)
        self.files, lines = [], []
        for i in range(count):
            content = os.urandom(size)
            self.files.append(f"{i:03}.mp4")
            with open(os.path.join(self.folder, self.files[-1]), "wb") as f:
                f.write(content)
            lines.append(f"{hashlib.sha256(content).hexdigest()}  {self.files[-1]}\n")
        self.list = os.path.join(folder, name + ".sha256")
        with open(self.list, "w") as f:
            f.writelines(lines)


class Peak(threading.Thread):
    """The largest RSS of a process. Its high-water mark never falls, so that looking often is enough."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.status, self.kib, self.ended = f"/proc/{pid}/status", 0, threading.Event()
        self.start()

    def run(self):
        while not self.ended.wait(0.01):
            try:
                with open(self.status) as f:
                    self.kib = max([self.kib] + [int(line.split()[1]) for line in f if line.startswith("VmHWM:")])
            except OSError:
                return


def measure(argv):
    """A process to its end: (its output, wall time, CPU time, peak of RSS)."""
    began = time.monotonic()
    process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    peak = Peak(process.pid)
    output = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    wall_s = time.monotonic() - began
    peak.ended.set()
    peak.join()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{argv[0]} failed")
    return output, wall_s, used.ru_utime + used.ru_stime, peak.kib


def queue(build, load, prefix, state):
    with open(load.list) as given:
        subprocess.run([f"{build}/bin/bench_upload", "queue", load.folder, prefix, state], stdin=given, check=True)


def by_vedette(build, store, load, prefix):
    with tempfile.TemporaryDirectory(prefix="bench-catalog-") as state:
        queue(build, load, prefix, state)
        output, wall_s, cpu_s, _ = measure([f"{build}/bin/bench_upload", "deliver", load.folder, state])
    return wall_s, cpu_s, json.loads(output)["rss_growth_kib"]


def by_curl(at_once, store, load, prefix):
    config = os.path.join(load.folder, ".curl")
    with open(config, "w") as f:
        for name in load.files:
            f.write(f'upload-file = "{load.folder}/{name}"\nurl = "{store.put_url(f"{prefix}/{name}")}"\noutput = /dev/null\n')
    parallel = ["--parallel", "--parallel-immediate", "--parallel-max", str(at_once)] if at_once > 1 else []
    _, wall_s, cpu_s, kib = measure(["curl", "--silent", "--show-error", "--no-progress-meter", "--fail", *parallel, "--config", config])
    os.remove(config)
    return wall_s, cpu_s, kib


def write_signed(config, store, requests):
    """For curl: requests that put a file under a key, and sign its hash."""
    with open(config, "w") as f:
        f.write("next\n".join(f"""upload-file = "{path}"
url = "{store.endpoint}/{BUCKET}/{key}"
header = "x-amz-content-sha256: {sha256}"
aws-sigv4 = "aws:amz:us-east-1:s3"
user = "{store.env['AWS_ACCESS_KEY_ID']}:{store.env['AWS_SECRET_ACCESS_KEY']}"
output = /dev/null
silent
show-error
fail
""" for path, key, sha256 in requests))


def by_signed_curl(hashed_before, store, load, prefix):
    paths = [os.path.join(load.folder, name) for name in load.files]
    output, wall_s, cpu_s, kib = measure(["openssl", "dgst", "-sha256", "-r", *paths])
    if hashed_before:
        wall_s = cpu_s = 0
    hashes = [line.split()[0].decode() for line in output.splitlines()]
    config = os.path.join(load.folder, ".curl")
    write_signed(config, store, [(path, f"{prefix}/{os.path.basename(path)}", sha256) for path, sha256 in zip(paths, hashes)])
    _, curl_wall_s, curl_cpu_s, curl_kib = measure(["curl", "--config", config])
    os.remove(config)
    return wall_s + curl_wall_s, cpu_s + curl_cpu_s, max(kib, curl_kib)


class Parts:
    """A large object as files of one part each, with their hashes."""

    def __init__(self, path, size):
        self.folder = path + ".parts"
        shutil.rmtree(self.folder, ignore_errors=True)
        os.makedirs(self.folder)
        self.hashes = {}
        with open(path, "rb") as f:
            while part := f.read(size):
                name = str(len(self.hashes) + 1)
                with open(os.path.join(self.folder, name), "wb") as out:
                    out.write(part)
                self.hashes[name] = hashlib.sha256(part).hexdigest()


def by_curl_parts(store, load, prefix):
    parts = Parts(os.path.join(load.folder, load.files[0]), PART_BYTES)
    object_ = {"Bucket": BUCKET, "Key": f"{prefix}/{load.files[0]}"}
    config = parts.folder + "/.curl"
    began_s = time.monotonic()
    object_["UploadId"] = store.client.create_multipart_upload(**object_)["UploadId"]
    asked_s = time.monotonic() - began_s
    write_signed(config, store, [(f"{parts.folder}/{name}", f"{object_['Key']}?partNumber={name}&uploadId={object_['UploadId']}", sha256)
                                 for name, sha256 in parts.hashes.items()])
    _, wall_s, cpu_s, kib = measure(["curl", "--no-progress-meter", "--parallel", "--parallel-immediate", "--parallel-max", "4",
                                     "--config", config])
    began_s = time.monotonic()
    sent = [{"PartNumber": part["PartNumber"], "ETag": part["ETag"]} for part in store.client.list_parts(**object_)["Parts"]]
    store.client.complete_multipart_upload(**object_, MultipartUpload={"Parts": sent})
    asked_s += time.monotonic() - began_s
    shutil.rmtree(parts.folder)
    return wall_s + asked_s, cpu_s, kib


def by_aws(store, load, prefix):
    aws = "/usr/bin/aws" if os.access("/usr/bin/aws", os.X_OK) else "aws"
    what = ["--recursive", load.folder] if len(load.files) > 1 else [os.path.join(load.folder, load.files[0])]
    _, wall_s, cpu_s, kib = measure([aws, "--endpoint-url", store.endpoint, "s3", "cp", "--only-show-errors", *what,
                                     f"s3://{BUCKET}/{prefix}/"])
    return wall_s, cpu_s, kib


def compare(store, loads, peers, rounds):
    """Rows of what each try came to; the order turns with the rounds."""
    rows = []
    for turn in range(rounds):
        names = list(peers)
        for load in loads:
            for name in names[turn % len(names):] + names[:turn % len(names)]:
                if name.startswith("curl x") and len(load.files) == 1 or name == "curl parts" and len(load.files) > 1:
                    continue
                prefix = f"{load.name}-{turn}-{name.replace(' ', '-')}"
                store_began_s = store.cpu_s()
                wall_s, cpu_s, rss_kib = peers[name](store, load, prefix)
                store_cpu_s = store.cpu_s() - store_began_s
                if isinstance(store, Store):
                    there = store.objects(prefix)
                    if (len(there), sum(item["Size"] for item in there)) != (len(load.files), load.bytes):
                        sys.exit(f"{name}: not all of {load.name} is in the store")
                store.forget(prefix)
                rows.append({"load": load.name, "peer": name, "round": turn, "mib_s": load.bytes / MIB / wall_s,
                             "cpu_s": cpu_s, "store_cpu_s": store_cpu_s, "rss_growth_mib": rss_kib / 1024,
                             "busy": (cpu_s + store_cpu_s) / wall_s / os.cpu_count()})
    return rows


def spread(values, digits):
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f}-{max(values):.{digits}f})"


def print_comparison(rows, where):
    print(f"\nto {where}\n{'load':12} {'client':11} {'MiB/s':>22} {'CPU s':>20} {'store CPU s':>20} {'busy':>18} {'RSS + MiB':>18}"
          "     median (least-most)")
    for load, peer in dict.fromkeys((row["load"], row["peer"]) for row in rows):
        mine = [row for row in rows if (row["load"], row["peer"]) == (load, peer)]
        print(f"{load:12} {peer:11} {spread([r['mib_s'] for r in mine], 0):>22} {spread([r['cpu_s'] for r in mine], 2):>20} "
              f"{spread([r['store_cpu_s'] for r in mine], 2):>20} {spread([r['busy'] for r in mine], 2):>18} "
              f"{spread([r['rss_growth_mib'] for r in mine], 0):>18}")


class CurlPeer:
    """Uploads ten of the files again and again, until it is stopped; at a rate, or as fast as it goes (0)."""

    def __init__(self, store, load, mbit):
        self.ended, self.bytes, self.curl = threading.Event(), 0, None
        limit = ["--limit-rate", str(mbit * 1000000 // 8)] if mbit else []
        what = [word for name in load.files[:10] for word in (
            "--upload-file", os.path.join(load.folder, name), "--output", "/dev/null", store.put_url(f"beside/curl-{name}"))]
        self.argv = ["curl", "--silent", *limit, "--write-out", "%{size_upload}\n", *what]
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while not self.ended.is_set():
            self.curl = subprocess.Popen(self.argv, stdout=subprocess.PIPE, text=True)
            if self.ended.is_set():
                self.curl.terminate()
            self.bytes += sum(int(size) for size in self.curl.communicate()[0].split())

    def stop(self):
        """What it has sent, in MiB."""
        self.ended.set()
        if self.curl:
            self.curl.terminate()
        self.thread.join()
        return self.bytes / MIB


def beside(store, args, folder, loads):
    """What uploads do to the frames of cameras: one round, whose objects are forgotten behind it."""
    build = args.build
    port = free_ports(1)
    cameras = subprocess.Popen(
        [f"{build}/bin/camera_sim", "--media", args.media, "--cameras", str(args.cameras), "--port", str(port), "--user",
         "admin", "--password", "secret123"], stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)
    try:
        deadline = time.monotonic() + 20
        while socket.socket().connect_ex(("127.0.0.1", port)) != 0:
            if time.monotonic() > deadline:
                sys.exit("the cameras do not start")
            time.sleep(0.05)
        urls = [f"rtsp://127.0.0.1:{port}/Streaming/Channels/{n}01" for n in range(1, args.cameras + 1)]
        rows, peer = [], None
        with open(loads[1].list) as given, open(f"{folder}/beside.log", "w") as log:
            bench = subprocess.Popen([f"{build}/bin/bench_upload", "beside", loads[1].folder, str(args.seconds), str(args.mbit), *urls],
                                     stdin=given, stdout=subprocess.PIPE, stderr=log, text=True)
            for line in bench.stdout:
                row = json.loads(line)
                if "begins" not in row:
                    if peer:
                        row["uploaded_mib_s"] = peer.stop() / args.seconds
                    rows.append(row)
                elif row["begins"].startswith("curl"):
                    peer = CurlPeer(store, loads[1], args.mbit if "limited" in row["begins"] else 0)
                else:
                    peer = None
        if bench.wait() != 0:
            sys.exit("bench_upload beside failed: " + open(f"{folder}/beside.log").read()[-2000:])
        return rows
    finally:
        cameras.kill()
        cameras.wait()
        store.forget("beside")


def print_beside(rows, cameras, mbit, where):
    print(f"\n{cameras} cameras, arrival to waiting cursor, while something uploads to {where}, limited to {mbit} Mbit/s or not: "
          "median (least-most) of the stretches")
    print(f"{'uploads':14} {'p50 us':>16} {'p99 us':>20} {'p99 to none':>12} {'max us':>22} {'MiB/s':>20} {'CPU s':>18}")
    of = lambda what, key: [row[key] for row in rows if row["uploads"] == what]
    for what in dict.fromkeys(row["uploads"] for row in rows):
        more = 100 * (statistics.median(of(what, "p99_us")) / statistics.median(of("none", "p99_us")) - 1)
        print(f"{what:14} {spread(of(what, 'p50_us'), 0):>16} {spread(of(what, 'p99_us'), 0):>20} {more:>+10.0f} % "
              f"{spread(of(what, 'max_us'), 0):>22} {spread(of(what, 'uploaded_mib_s'), 1):>20} {spread(of(what, 'cpu_s'), 2):>18}")


def resume(store, build, load):
    """Seconds from the start of the process that goes on."""
    with tempfile.TemporaryDirectory(prefix="bench-catalog-") as state:
        queue(build, load, "resume", state)
        killed = subprocess.run([f"{build}/bin/bench_upload", "interrupted", load.folder, state], check=False)
        if killed.returncode != -signal.SIGKILL:
            sys.exit("bench_upload interrupted ended by itself")
        began = time.monotonic()
        going_on = subprocess.Popen([f"{build}/bin/bench_upload", "resumed", load.folder, state], stdout=subprocess.PIPE, text=True)
        line = going_on.stdout.readline()
        took_s = time.monotonic() - began
        if line.strip() != "resumed" or going_on.wait() != 0:
            sys.exit("bench_upload resumed failed")
    store.forget("resume")
    return took_s


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True)
    parser.add_argument("--media", required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--link-mbit", type=int, default=1000, help="of the link to a store that stands somewhere else")
    parser.add_argument("--seconds", type=int, default=10, help="of a stretch in which frames are measured; 0: none")
    parser.add_argument("--only", help="peers, with commas between")
    parser.add_argument("--cameras", type=int, default=16)
    parser.add_argument("--mbit", type=int, default=100)
    parser.add_argument("--store", choices=["memstore", "bluestore"], default="memstore")
    parser.add_argument("--small", action="store_true", help="little data: to see that it works")
    parser.add_argument("--json")
    args = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="bench-upload-")
    store = None
    try:
        store = Store(folder, args.store)
        loads = [Load("1x24MiB", folder, 1, 24 * MIB), Load("10x1MiB", folder, 10, MIB)] if args.small else [
            Load("1x256MiB", folder, 1, 256 * MIB), Load("200x1MiB", folder, 200, MIB)]
        peers = {"vedette": lambda *rest: by_vedette(args.build, *rest), "curl": lambda *rest: by_curl(1, *rest),
                 "curl x4": lambda *rest: by_curl(4, *rest), "curl signed": lambda *rest: by_signed_curl(False, *rest),
                 "curl hashed": lambda *rest: by_signed_curl(True, *rest), "curl parts": by_curl_parts, "aws s3 cp": by_aws}
        if args.only:
            peers = {name: peers[name] for name in args.only.split(",")}
        rows = compare(store, loads, peers, args.rounds)
        print_comparison(rows, "the gateway")
        resumed = [] if args.only else [resume(store, args.build, loads[0]) for _ in range(args.rounds)]
        if resumed:
            print(f"\nresumed behind a kill after {spread([1000 * s for s in resumed], 0)} ms")
        store.give_way()
        latency = [row for _ in range(args.rounds if args.seconds else 0) for row in beside(store, args, folder, loads)]
        if latency:
            print_beside(latency, args.cameras, args.mbit, "the gateway")
            store.end()
            store = Sink(args.link_mbit)
            os.environ["S3_ENDPOINT"] = store.endpoint
            by_link = compare(store, loads, {name: by for name, by in peers.items() if name in ("vedette", "curl")}, args.rounds)
            print_comparison(by_link, f"what only reads it, at {args.link_mbit} Mbit/s")
            store.end()
            store = Sink()
            os.environ["S3_ENDPOINT"] = store.endpoint
            elsewhere = [row for _ in range(args.rounds) for row in beside(store, args, folder, loads)]
            print_beside(elsewhere, args.cameras, args.mbit, "what only reads it")
        if args.json:
            with open(args.json, "w") as f:
                json.dump({"store": args.store, "uploads": rows, "resumed_s": resumed, "beside": latency,
                           "by_link": by_link if latency else [], "elsewhere": elsewhere if latency else []}, f, indent=1)
    finally:
        if store:
            store.end()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
