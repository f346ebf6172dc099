#!/usr/bin/env python3
"""Takes the events of a fleet into a database: what a backend does with Vedette's events, in small.

usage: backend.py --broker HOST[:PORT] --database FILE [--worker NAME] [--username U --password-file F] [--ca-file F]

Start as many as you like, each with another --worker: they share one subscription ($share/backend/...), so that each event
goes to one of them, and what a worker that died had not acknowledged goes to another. An event is acknowledged after the
commit and comes at least once; its id makes that exactly once in the database.

  backend.py --broker localhost --database events.db --worker a &
  backend.py --broker localhost --database events.db --worker b &
  sqlite3 events.db "SELECT device_id, camera_id, start, object_key FROM clip WHERE object_key IS NOT NULL"

Needs python3-paho-mqtt. Prints a line of JSON for each event that is new. Ends with SIGTERM or Ctrl-C.
"""
import argparse
import json
import signal
import sqlite3
import sys
from pathlib import Path

from paho.mqtt.client import MQTTv5, Client
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

TABLES = """
CREATE TABLE IF NOT EXISTS event (id TEXT PRIMARY KEY, device_id TEXT NOT NULL, ts TEXT NOT NULL, type TEXT NOT NULL,
                                  camera_id TEXT, data TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS clip (clip_id TEXT PRIMARY KEY, device_id TEXT NOT NULL, camera_id TEXT, start TEXT, "end" TEXT,
                                 sha256 TEXT, object_key TEXT, deleted_reason TEXT);
"""
# What an event says of a clip, whichever comes first.
CLIP = """
INSERT INTO clip (clip_id, device_id, camera_id, start, "end", sha256, object_key, deleted_reason)
VALUES (:clip_id, :device_id, :camera_id, :start, :end, :sha256, :object_key, :reason)
ON CONFLICT (clip_id) DO UPDATE SET
  start = coalesce(excluded.start, start), "end" = coalesce(excluded."end", "end"),
  sha256 = coalesce(excluded.sha256, sha256), object_key = coalesce(excluded.object_key, object_key),
  deleted_reason = coalesce(excluded.deleted_reason, deleted_reason)
"""
CLIP_EVENTS = {"clip.ready", "clip.recovered", "clip.uploaded", "clip.deleted"}
SESSION_EXPIRY_S = 7 * 86400  # a worker that is away for longer leaves its share to the others for good
MOST_BYTES = 256 * 1024


class Store:
    def __init__(self, path):
        self.db = sqlite3.connect(path, timeout=30, isolation_level=None)
        self.db.execute("PRAGMA journal_mode = WAL")
        self.db.executescript(TABLES)

    def add(self, device_id, event):
        """Whether the event is new. Committed when this returns."""
        self.db.execute("BEGIN IMMEDIATE")
        try:
            done = self.db.execute(
                "INSERT INTO event VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (event["id"], device_id, event["ts"], event["type"], event.get("camera_id"), json.dumps(event["data"])))
            if done.rowcount and event["type"] in CLIP_EVENTS:
                data = event["data"]
                self.db.execute(CLIP, {"clip_id": data["clip_id"], "device_id": device_id,
                                       "camera_id": event.get("camera_id"),
                                       **{k: data.get(k) for k in ("start", "end", "sha256", "object_key")},
                                       "reason": data.get("reason") if event["type"] == "clip.deleted" else None})
            self.db.execute("COMMIT")
        except BaseException:
            self.db.execute("ROLLBACK")
            raise
        return done.rowcount > 0


def read_event(message):
    """(device id, event), or nothing for what is not an event of the API's version 1."""
    levels = message.topic.split("/")
    if len(message.payload) > MOST_BYTES or len(levels) < 5:
        return None
    try:
        event = json.loads(message.payload)
        if event["v"] != 1 or not isinstance(event["data"], dict) or not all(isinstance(event[k], str) for k in ("id", "ts", "type")):
            return None
        if event["type"] in CLIP_EVENTS and not isinstance(event["data"]["clip_id"], str):
            return None
    except (ValueError, KeyError, TypeError):
        return None
    return levels[-3], event


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--broker", default="localhost", help="HOST or HOST:PORT")
    parser.add_argument("--database", required=True, help="an SQLite file, made when it is not there")
    parser.add_argument("--worker", default="1", help="the name of this one; its MQTT client id is backend-NAME")
    parser.add_argument("--share", default="backend", help="the name of the shared subscription")
    parser.add_argument("--topic-root", default="vedette")
    parser.add_argument("--username")
    parser.add_argument("--password-file", type=Path)
    parser.add_argument("--ca-file", help="TLS, with this CA")
    return parser.parse_args()


def main():
    args = arguments()
    store = Store(args.database)
    client = Client(client_id=f"backend-{args.worker}", protocol=MQTTv5)

    def on_connect(client, userdata, flags, reason, properties):
        if reason.value >= 0x80:
            print(f"the broker refuses: {reason}", file=sys.stderr)
            return
        client.subscribe(f"$share/{args.share}/{args.topic_root}/v1/+/event/#", qos=1)

    def on_subscribe(client, userdata, mid, reasons, properties):
        print(f"subscribed: {', '.join(map(str, reasons))}", file=sys.stderr, flush=True)

    # paho acknowledges when this has returned; an error ends the program, and the event goes to another worker.
    def on_message(client, userdata, message):
        found = read_event(message)
        if found is None:
            print(f"not an event, left out: {message.topic}", file=sys.stderr)
        elif store.add(*found):
            device_id, event = found
            print(json.dumps({"device_id": device_id, "id": event["id"], "type": event["type"]}), flush=True)

    client.on_connect, client.on_subscribe, client.on_message = on_connect, on_subscribe, on_message
    if args.username:
        client.username_pw_set(args.username, args.password_file.read_text().strip() if args.password_file else None)
    if args.ca_file:
        client.tls_set(args.ca_file)
    host, _, port = args.broker.partition(":")
    session = Properties(PacketTypes.CONNECT)
    session.SessionExpiryInterval = SESSION_EXPIRY_S
    client.connect(host, int(port or (8883 if args.ca_file else 1883)), keepalive=30, clean_start=False, properties=session)
    signal.signal(signal.SIGTERM, lambda *_: client.disconnect())
    try:
        client.loop_forever()
    except KeyboardInterrupt:
        client.disconnect()


if __name__ == "__main__":
    main()
