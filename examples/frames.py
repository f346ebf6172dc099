#!/usr/bin/env python3
"""Reads a camera's encoded frames from Vedette's frame socket (docs/design/frame-socket.md). Standard library only.

usage: frames.py (--unix PATH | --tcp PORT) --token TOKEN [--stats] [--count N]

Writes H.264 or H.265 as a byte stream (Annex B) to stdout, to be piped into a player:
    frames.py --unix /run/vedette/frames.sock --token 5f... | ffplay -f h264 -
With --stats, one line of JSON for each message instead. With --count, it ends after so many frames. Where the token comes
from: the reply to the command stream.open, for example  vedettectl stream.open camera_id=front
Exit status 1 when not one frame came.

As a module: `for message in FrameReader.unix(path, token): ...`
"""
import argparse
import base64
import hashlib
import json
import os
import socket
import struct
import sys
from dataclasses import dataclass, field

HELLO, STREAM, FRAME, GAP, END = 1, 2, 3, 4, 5
PREFIX = struct.Struct("<IB3x")
HEADER = struct.Struct("<BB2xIQqqqqII")
KEYFRAME, HAS_CAMERA_TIME = 1, 2
START_CODE = b"\0\0\0\1"


@dataclass
class Message:
    """A stream, gap or end message with its JSON in `body`, or a frame."""
    kind: int
    body: dict = field(default_factory=dict)
    video: bool = False
    keyframe: bool = False
    lost_before: int = 0
    sequence: int = 0
    pts_us: int = 0
    dts_us: int = 0
    arrival_utc_us: int = 0
    camera_utc_us: int | None = None
    duration_us: int = 0
    payload: bytes = b""


class FrameReader:
    def __init__(self, connection, token):
        self.connection = connection
        hello = json.dumps({"v": 1, "token": token}).encode()
        connection.sendall(PREFIX.pack(len(hello), HELLO) + hello)

    @classmethod
    def unix(cls, path, token):
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.connect(path)
        return cls(connection, token)

    @classmethod
    def tcp(cls, port, token):
        return cls(socket.create_connection(("127.0.0.1", port)), token)

    def _read(self, size):
        """Exactly so many bytes; None when the connection ends."""
        data = bytearray(size)
        view = memoryview(data)
        while view:
            got = self.connection.recv_into(view)
            if got == 0:
                return None
            view = view[got:]
        return bytes(data)

    def __iter__(self):
        """Messages until the connection ends. Kinds that this program does not know are left out."""
        while (prefix := self._read(PREFIX.size)) is not None:
            length, kind = PREFIX.unpack(prefix)
            body = self._read(length)
            if body is None:
                return
            if kind == FRAME:
                track, flags, lost, sequence, pts, dts, arrival, camera, duration, _ = HEADER.unpack_from(body)
                yield Message(FRAME, {}, track == 0, bool(flags & KEYFRAME), lost, sequence, pts, dts, arrival,
                              camera if flags & HAS_CAMERA_TIME else None, duration, body[HEADER.size:])
            elif kind in (STREAM, GAP, END):
                yield Message(kind, json.loads(body))


def units_behind_lengths(data):
    """The units of a frame, or of a part of avcC or hvcC, each behind its length; a broken end is left out."""
    at = 0
    while at + 4 <= len(data):
        size = int.from_bytes(data[at:at + 4], "big")
        yield data[at + 4:at + 4 + size]
        at += 4 + size


def parameter_sets(video):
    """The parameter sets of a stream message, as a byte stream."""
    extra = base64.b64decode(video["extradata"])
    if video["framing"] != "lengths" or len(extra) < 7:
        return extra
    units = []
    if video["codec"] == "h264":  # avcC, ISO/IEC 14496-15 5.3.3.1
        at = 5
        for mask in (0x1F, 0xFF):  # SPS, then PPS
            count, at = extra[at] & mask, at + 1
            for _ in range(count):
                size = int.from_bytes(extra[at:at + 2], "big")
                units.append(extra[at + 2:at + 2 + size])
                at += 2 + size
    else:  # hvcC, 8.3.3.1
        at = 23
        for _ in range(extra[22]):
            count, at = int.from_bytes(extra[at + 1:at + 3], "big"), at + 3
            for _ in range(count):
                size = int.from_bytes(extra[at:at + 2], "big")
                units.append(extra[at + 2:at + 2 + size])
                at += 2 + size
    return b"".join(START_CODE + unit for unit in units)


def byte_streams(messages):
    """The video frames of H.264 or H.265 as Annex B, each keyframe with the parameter sets in front."""
    sets, framing = b"", "start_codes"
    for message in messages:
        if message.kind == STREAM:
            video = message.body["video"]
            if video["codec"] not in ("h264", "h265"):
                sys.exit(f"frames.py: {video['codec']} has no byte stream; use --stats")
            sets, framing = parameter_sets(video), video["framing"]
        elif message.kind == FRAME and message.video:
            frame = message.payload
            if framing == "lengths":
                frame = b"".join(START_CODE + unit for unit in units_behind_lengths(frame))
            yield (sets if message.keyframe else b"") + frame
        elif message.kind == GAP:
            print(f"frames.py: {message.body['video_frames']} frames are missing", file=sys.stderr)
        elif message.kind == END:
            print(f"frames.py: {message.body['code']}: {message.body['message']}", file=sys.stderr)


def facts(message):
    """What --stats shows of a message."""
    if message.kind != FRAME:
        return {"kind": {STREAM: "stream", GAP: "gap", END: "end"}[message.kind], **message.body}
    return {"kind": "frame", "track": "video" if message.video else "audio", "keyframe": message.keyframe,
            "lost_before": message.lost_before, "sequence": message.sequence, "pts_us": message.pts_us,
            "dts_us": message.dts_us, "arrival_utc_us": message.arrival_utc_us, "camera_utc_us": message.camera_utc_us,
            "duration_us": message.duration_us, "bytes": len(message.payload),
            "sha256": hashlib.sha256(message.payload).hexdigest()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--unix", metavar="PATH")
    where.add_argument("--tcp", metavar="PORT", type=int)
    parser.add_argument("--token", required=True)
    parser.add_argument("--stats", action="store_true")
    parser.add_argument("--count", metavar="N", type=int, default=0)
    args = parser.parse_args()
    reader = FrameReader.unix(args.unix, args.token) if args.unix else FrameReader.tcp(args.tcp, args.token)
    count = 0
    try:
        if args.stats:
            for message in reader:
                print(json.dumps(facts(message)), flush=True)
                count += message.kind == FRAME
                if args.count and count >= args.count:
                    return
        else:
            for frame in byte_streams(reader):
                sys.stdout.buffer.write(frame)
                sys.stdout.buffer.flush()
                count += 1
                if args.count and count >= args.count:
                    return
    except BrokenPipeError:  # the player was closed
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        pass
    if count == 0:
        sys.exit(1)


if __name__ == "__main__":
    main()
