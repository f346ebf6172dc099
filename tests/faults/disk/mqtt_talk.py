"""What a device said and heard over MQTT 5, from the bytes of its connection as they are in a disk_tap log."""
import collections
import json

# kind: "event" that was published, "ack" of a command that came in, "reply" to one; number: of the record in the log.
Said = collections.namedtuple("Said", "number kind name id camera_id at data")
PUBLISH, PUBACK = 3, 4


class Stream:
    """One direction of one connection, cut into packets."""

    def __init__(self):
        self.buffer = b""

    def packets(self, data):
        self.buffer += data
        while True:
            size, shift, at = 0, 0, 1
            while at < len(self.buffer):
                size |= (self.buffer[at] & 0x7f) << shift
                shift += 7
                at += 1
                if not self.buffer[at - 1] & 0x80:
                    break
            else:
                return
            if len(self.buffer) < at + size:
                return
            yield self.buffer[0], self.buffer[at:at + size]
            self.buffer = self.buffer[at + size:]


def published(first, body):
    """Topic, packet id (0 with QoS 0) and payload of a PUBLISH."""
    at = 2 + int.from_bytes(body[:2], "big")
    topic, packet_id = body[2:at].decode(), 0
    if first & 0x06:
        packet_id, at = int.from_bytes(body[at:at + 2], "big"), at + 2
    size, shift = 0, 0
    while True:
        size |= (body[at] & 0x7f) << shift
        shift, at = shift + 7, at + 1
        if not body[at - 1] & 0x80:
            break
    return topic, packet_id, body[at + size:]


class Talk:
    def __init__(self):
        self.said = []
        self.streams = collections.defaultdict(Stream)
        self.commands = {}  # (connection, packet id) -> verb, command id

    @classmethod
    def of(cls, records):
        talk = cls()
        for number, record in enumerate(records):
            if record.kind == "P":  # another process: its handles are others
                talk.streams.clear()
            elif record.kind in "NH":
                for first, body in talk.streams[record.kind, record.handle].packets(record.first):
                    talk.packet(number, record, first, body)
        return talk.said

    def packet(self, number, record, first, body):
        out = record.kind == "N"
        if first >> 4 == PUBLISH:
            topic, packet_id, payload = published(first, body)
            place, name = topic.split("/")[-2:]
            if place not in ("event", "reply", "command"):
                return
            message = json.loads(payload)
            if out and place == "event":
                self.said.append(Said(number, "event", name, message["id"], message.get("camera_id"), message["ts"], message["data"]))
            elif out and place == "reply" and message["status"] != "accepted":
                self.said.append(Said(number, "reply", message["verb"], message["command_id"], None, message["ts"], message))
            elif not out:
                self.commands[record.handle, packet_id] = name, message["id"]
        elif out and first >> 4 == PUBACK:
            command = self.commands.pop((record.handle, int.from_bytes(body[:2], "big")), None)
            if command:
                self.said.append(Said(number, "ack", *command, None, None, None))
