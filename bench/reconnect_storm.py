#!/usr/bin/python3
"""A broker is killed and comes back: when are all agents with it again, and what does that cost it?

Two answers in one picture. The model: a thousand agents by the agent's own pauses (bench_reconnect_model). The real thing:
N processes of vedette without cameras and one mosquitto on this machine, which is killed (SIGKILL) and started again, for
each outage anew. An agent is back when its birth (B/status online) is seen by a subscriber. The processor time of the broker
is read ten times a second; its peak is that of one second. The broker keeps nothing, so that every agent publishes
everything that it retains. Each connection lasts a minute before, so that the pauses begin anew.

Needs python3-paho-mqtt of Debian, and descriptors: `ulimit -n 4096`.

usage: bench/reconnect_storm.py --build build/release [--agents 200] [--outages 2,10,30] [--model-agents 1000]
                                [--model-outages 2,10,60,600] [--svg FILE] [--json FILE]
"""
import argparse
import bisect
import collections
import json
import os
import platform
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

import paho.mqtt.client as mqtt

TICK_S = 1 / os.sysconf("SC_CLK_TCK")
START_LIMIT_S = 120
BACK_LIMIT_S = 150
SETTLE_S = 61  # so long a connection must have lasted for the pauses to begin anew (mqtt/pauses.h)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def until(condition, limit_s, what):
    deadline = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > deadline:
            sys.exit(f"reconnect_storm: {what} took longer than {limit_s} s")
        time.sleep(0.02)


class Broker:
    """mosquitto, and its processor time over time."""

    def __init__(self, folder):
        self.port = free_port()
        self.config = os.path.join(folder, "mosquitto.conf")
        with open(self.config, "w", encoding="utf-8") as f:
            f.write(f"listener {self.port} 127.0.0.1\nallow_anonymous true\nuser root\nlog_type error\nlog_dest stderr\n")
        self.samples = []  # (time, seconds of processor)
        self.process = None

    def start(self):
        program = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
        self.process = subprocess.Popen([program, "-c", self.config], stderr=subprocess.DEVNULL)

        def listens():
            with socket.socket() as s:
                return s.connect_ex(("127.0.0.1", self.port)) == 0

        while not listens():
            time.sleep(0.005)
        self.samples = [(time.monotonic(), 0.0)]
        threading.Thread(target=self.sample, args=(self.process,), daemon=True).start()

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def sample(self, process):
        while process is self.process and process.poll() is None:
            try:
                with open(f"/proc/{process.pid}/stat", encoding="ascii") as f:
                    fields = f.read().rpartition(")")[2].split()
            except FileNotFoundError:
                return
            self.samples.append((time.monotonic(), (int(fields[11]) + int(fields[12])) * TICK_S))
            time.sleep(0.1)

    def load(self):
        """Seconds of processor since the start, and the most in one second, in per cent of one processor."""
        samples = list(self.samples)
        peak = 0.0
        for i, (at, used) in enumerate(samples):
            for later, used_then in samples[i + 1:]:
                if later - at >= 1:
                    peak = max(peak, (used_then - used) / (later - at) * 100)
                    break
        return samples[-1][1], peak


class Births:
    """Who of the agents was heard of since when."""

    def __init__(self, port):
        self.port = port
        self.lock = threading.Lock()
        self.seen = {}
        self.stop = False
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while not self.stop:
            client = mqtt.Client("births", protocol=mqtt.MQTTv5)
            client.on_connect = lambda c, *_: c.subscribe("vedette/v1/+/status", 0)
            client.on_message = self.on_message
            try:
                client.connect("127.0.0.1", self.port)
                while client.loop(0.05) == mqtt.MQTT_ERR_SUCCESS and not self.stop:
                    pass
            except OSError:
                time.sleep(0.01)

    def on_message(self, _client, _userdata, message):
        if json.loads(message.payload).get("state") in ("online", "degraded"):
            with self.lock:
                self.seen.setdefault(message.topic, time.monotonic())

    def clear(self):
        with self.lock:
            self.seen = {}

    def times(self):
        with self.lock:
            return sorted(self.seen.values())


def start_agents(build, folder, port, count):
    agents = []
    for number in range(count):
        home = os.path.join(folder, f"edge-{number:04}")
        os.mkdir(home)
        config = {"device_id": f"edge-{number:04}",
                  "mqtt": {"url": f"mqtt://127.0.0.1:{port}"},
                  "storage": {"path": os.path.join(home, "storage"), "min_free_bytes": 0},
                  "upload": {"target": "none"},
                  "log": {"level": "error"}}
        path = os.path.join(home, "vedette.json")
        with open(path, "w", encoding="utf-8") as f:
            json.dump(config, f)
        agents.append(subprocess.Popen([os.path.join(build, "bin/vedette"), "--config", path],
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
    return agents


def per_second(times):
    """The most of them in one second."""
    most = 0
    first = 0
    for last, at in enumerate(times):
        while at - times[first] > 1:
            first += 1
        most = max(most, last - first + 1)
    return most


def measure(args):
    """The real agents: for each outage a row of the table."""
    results = []
    with tempfile.TemporaryDirectory(prefix="vedette-storm-") as folder:
        broker = Broker(folder)
        broker.start()
        births = Births(broker.port)
        agents = start_agents(args.build, folder, broker.port, args.agents)
        try:
            until(lambda: len(births.times()) == args.agents, START_LIMIT_S, "the start of the agents")
            for outage_s in args.outages:
                time.sleep(SETTLE_S)
                broker.kill()
                births.clear()
                time.sleep(outage_s)
                broker.start()
                started = broker.samples[0][0]
                until(lambda: len(births.times()) == args.agents, BACK_LIMIT_S, "the way back of the agents")
                time.sleep(1)
                used_s, peak = broker.load()
                times = [at - started for at in births.times()]
                results.append({"outage_s": outage_s, "agents": args.agents, "times_s": [round(t, 3) for t in times],
                                "half_s": round(times[len(times) // 2], 2), "all_s": round(times[-1], 2),
                                "most_per_s": per_second(times), "broker_cpu_s": round(used_s, 2),
                                "broker_peak_pct": round(peak, 1)})
        finally:
            births.stop = True
            for agent in agents:
                agent.kill()
            for agent in agents:
                agent.wait()
            broker.kill()
    return results


def model(args):
    output = subprocess.run([os.path.join(args.build, "bin/bench_reconnect_model"), str(args.model_agents),
                             *map(str, args.model_outages)], check=True, capture_output=True, text=True).stdout
    times = collections.defaultdict(list)
    tries = collections.defaultdict(int)
    for line in output.splitlines()[1:]:
        outage, _, count, at = line.split(",")
        times[float(outage)].append(float(at) - float(outage))
        tries[float(outage)] += int(count)
    results = []
    for outage_s, of_outage in times.items():
        of_outage.sort()
        results.append({"outage_s": outage_s, "agents": args.model_agents, "times_s": [round(t, 3) for t in of_outage],
                        "half_s": round(of_outage[len(of_outage) // 2], 2), "all_s": round(of_outage[-1], 2),
                        "most_per_s": per_second(of_outage),
                        "tries_per_agent": round(tries[outage_s] / args.model_agents, 1)})
    return results


COLOURS = ["#1b6ca8", "#d1495b", "#3a7d44", "#8a4fbf"]
WIDTH, HEIGHT, LEFT, TOP, BETWEEN = 460, 260, 60, 46, 70


def panel(results, x, title, most_s):
    """One diagram: what part of the agents is back, by the seconds since the broker is."""
    out = [f'<text x="{x + WIDTH / 2}" y="{TOP - 18}" text-anchor="middle" font-weight="bold">{title}</text>',
           f'<rect x="{x}" y="{TOP}" width="{WIDTH}" height="{HEIGHT}" fill="none" stroke="#888"/>']
    for pct in (0, 25, 50, 75, 100):
        y = TOP + HEIGHT * (1 - pct / 100)
        out.append(f'<line x1="{x}" x2="{x + WIDTH}" y1="{y}" y2="{y}" stroke="#ddd"/>')
        out.append(f'<text x="{x - 6}" y="{y + 4}" text-anchor="end">{pct} %</text>')
    for s in range(0, most_s + 1, 10):
        at = x + WIDTH * s / most_s
        out.append(f'<line x1="{at}" x2="{at}" y1="{TOP}" y2="{TOP + HEIGHT}" stroke="#eee"/>')
        out.append(f'<text x="{at}" y="{TOP + HEIGHT + 16}" text-anchor="middle">{s}</text>')
    out.append(f'<text x="{x + WIDTH / 2}" y="{TOP + HEIGHT + 34}" text-anchor="middle">seconds since the broker is '
               'there again</text>')
    for i, result in enumerate(results):
        colour = COLOURS[i % len(COLOURS)]
        points = []
        for step in range(most_s * 5 + 1):
            back = bisect.bisect_right(result["times_s"], step / 5) / result["agents"]
            points.append((x + WIDTH * step / 5 / most_s, TOP + HEIGHT * (1 - back)))
        line = " ".join(f"{px:.1f},{py:.1f}" for px, py in points)
        out.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        legend = f'away {result["outage_s"]:g} s: all back after {result["all_s"]:.1f} s, at most ' \
                 f'{result["most_per_s"]} in one second'
        if "broker_peak_pct" in result:
            legend += f', broker at most {result["broker_peak_pct"]:.0f} %'
        out.append(f'<text x="{x}" y="{TOP + HEIGHT + 58 + 17 * i}" fill="{colour}">{legend}</text>')
    return out


def svg(modelled, measured):
    most_s = 60
    rows = max(len(modelled), len(measured))
    width, height = LEFT + 2 * WIDTH + BETWEEN + 20, TOP + HEIGHT + 60 + 17 * rows
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" '
           'font-size="12">', f'<rect width="{width}" height="{height}" fill="#fff"/>']
    out += panel(modelled, LEFT, f'model: {modelled[0]["agents"]} agents by their pauses', most_s)
    out += panel(measured, LEFT + WIDTH + BETWEEN, f'measured: {measured[0]["agents"]} agents, one mosquitto', most_s)
    return "\n".join(out + ["</svg>", ""])


def with_those_before(measured, path):
    if path and os.path.exists(path):
        with open(path, encoding="utf-8") as f:
            before = json.load(f)["measured"]
        new = {result["outage_s"] for result in measured}
        measured += [result for result in before if result["outage_s"] not in new]
    return sorted(measured, key=lambda result: result["outage_s"])


def numbers(text):
    return [float(part) if "." in part else int(part) for part in text.split(",")]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", required=True)
    parser.add_argument("--agents", type=int, default=200, help="0: only draw what the file of --json holds")
    parser.add_argument("--outages", type=numbers, default=[2, 10, 30])
    parser.add_argument("--model-agents", type=int, default=1000)
    parser.add_argument("--model-outages", type=numbers, default=[2, 10, 60, 600])
    parser.add_argument("--svg")
    parser.add_argument("--json", help="what it holds of other outages is kept, and drawn, too")
    args = parser.parse_args()

    modelled = model(args)
    measured = with_those_before(measure(args) if args.agents else [], args.json)
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} processors")
    print("| agents | broker away | half back | all back | most in one second | broker, processor time | broker, peak |")
    print("|---|---|---|---|---|---|---|")
    for kind, results in (("model", modelled), ("real", measured)):
        for r in results:
            load = f'{r["broker_cpu_s"]:.2f} s | {r["broker_peak_pct"]:.0f} %' if kind == "real" else "- | -"
            print(f'| {r["agents"]}, {kind} | {r["outage_s"]:g} s | {r["half_s"]:.1f} s | {r["all_s"]:.1f} s | '
                  f'{r["most_per_s"]} | {load} |')
    if args.svg and measured:
        with open(args.svg, "w", encoding="utf-8") as f:
            f.write(svg(modelled, measured))
    if args.json:
        with open(args.json, "w", encoding="utf-8") as f:
            json.dump({"model": modelled, "measured": measured}, f)


if __name__ == "__main__":
    main()
