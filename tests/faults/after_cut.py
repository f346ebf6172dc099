"""A storage folder after a recovery, looked at with nothing of the product."""
import hashlib
import json
import os
import sqlite3
import subprocess


def top_boxes(data):
    boxes, at = [], 0
    while at + 8 <= len(data):
        size, kind = int.from_bytes(data[at:at + 4], "big"), data[at + 4:at + 8].decode(errors="replace")
        size = int.from_bytes(data[at + 8:at + 16], "big") if size == 1 else size
        boxes.append(kind)
        if size < 8:
            break
        at += size
    return boxes


class Check:
    """What the agent made of one folder, against what had been true before the cut."""

    def __init__(self, folder, told, never_synced):
        self.storage = f"{folder}/storage"
        self.told, self.never_synced = told, never_synced
        self.problems = []
        self.recovered = 0
        self.db = sqlite3.connect(f"file:{self.storage}/vedette.db?mode=ro", uri=True, timeout=30)
        self.db.row_factory = sqlite3.Row
        self.clips = {r["clip_id"]: r for r in self.db.execute("SELECT * FROM clip")}

    def run(self, decode):
        verdict = self.db.execute("PRAGMA integrity_check").fetchone()[0]
        if verdict != "ok":
            self.problems.append(f"catalog: {verdict}")
        self.files_and_rows(decode)
        self.promises()
        self.recovered = sum(r["recovered"] for r in self.clips.values())
        return self.problems

    def files_and_rows(self, decode):
        on_disk = {os.path.relpath(os.path.join(d, n), self.storage)
                   for d, _, names in os.walk(f"{self.storage}/clips") for n in names}
        known = {r["path"] for r in self.clips.values()}
        known |= {os.path.splitext(p)[0] + ".jpg" for p in known}  # posters
        self.problems += [f"{p}: no row" for p in sorted(on_disk - known)]
        for row in self.clips.values():
            if row["state"] != "ready":
                self.problems.append(f"{row['path']}: left in state {row['state']}")
            elif row["path"] not in on_disk:
                self.problems.append(f"{row['path']}: no file")
            else:
                self.file(row, decode(row["clip_id"]))
        quarantine = f"{self.storage}/quarantine"
        for name in os.listdir(quarantine) if os.path.isdir(quarantine) else []:
            if name.split(".")[0] not in self.never_synced:
                self.problems.append(f"quarantine: {name}")

    def file(self, row, decode):
        path = f"{self.storage}/{row['path']}"
        with open(path, "rb") as f:
            data = f.read()
        if len(data) != row["size_bytes"] or hashlib.sha256(data).hexdigest() != row["sha256"]:
            self.problems.append(f"{row['path']}: size or SHA-256 is not that of its row")
        if top_boxes(data)[:2] != ["ftyp", "moov"] or "mdat" not in top_boxes(data):
            self.problems.append(f"{row['path']}: {top_boxes(data)}")
        if decode:
            done = subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-xerror", "-i", path, "-f", "null", "-"],
                                  capture_output=True, text=True)
            if done.returncode or done.stderr:
                self.problems.append(f"{row['path']}: {done.stderr.strip()[:200]}")

    def promises(self):
        events = [dict(type=r["type"], **json.loads(r["data"])) for r in self.db.execute("SELECT type, data FROM outbox")]
        deleted = {e["clip_id"] for e in events if e["type"] == "clip.deleted"} | set(self.told["clip.deleted"])
        uploaded = {r[0] for r in self.db.execute("SELECT subject_id FROM upload WHERE state='uploaded'")}
        for kind in ("clip.ready", "clip.recovered"):
            for clip_id, data in self.told[kind].items():
                row = self.clips.get(clip_id)
                if row is None and clip_id not in deleted:
                    self.problems.append(f"{kind} of {clip_id} was told, and it is not there")
                if row is not None and row["sha256"] != data["sha256"]:
                    self.problems.append(f"{kind} of {clip_id} was told, and it is another file now")
        self.problems += [f"clip.deleted of {c} was told, and it is there" for c in self.told["clip.deleted"] if c in self.clips]
        self.problems += [f"clip.uploaded of {c} was told, and is not known" for c in self.told["clip.uploaded"]
                          if c in self.clips and c not in uploaded]
        known = {r["command_id"]: r["reply"] for r in self.db.execute("SELECT command_id, reply FROM command")}
        self.problems += [f"command {c} was acknowledged, and is not known" for c in self.told["ack"] if c not in known]
        self.problems += [f"the reply to {c} was sent, and is not known" for c in self.told["reply"] if not known.get(c)]

    def lost(self, recording_id, start_us, until_us):
        """Seconds of a recording up to the cut that are in no clip."""
        covered, at = 0, start_us
        spans = sorted((r["start_us"], r["end_us"] or r["start_us"]) for r in self.clips.values() if r["recording_id"] == recording_id)
        for begin, end in spans:
            covered += max(0, min(end, until_us) - max(begin, at))
            at = max(at, end)
        return max(0.0, (until_us - start_us - covered) / 1e6)
