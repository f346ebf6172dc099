"""What a disk can hold after a power cut, from the log that disk_tap.cpp wrote of everything a program did to a folder.

    disk = Disk()                               # or Disk.load(folder): all of it is on the disk
    for number, record in enumerate(read_log(path)):
        disk.apply(number, record)
        if number == cut: disk.write_to(folder, Chance(seed), "mixed")

The model. A file's data is on the disk when an fsync or fdatasync of it that began after the write has ended; a name
(create, rename, unlink, mkdir) when an fsync of its folder has. This is POSIX taken by its word: that file systems do
more, as ext4 does for the name of a new file that is synced, is one of the mixtures below and never relied upon. Of all
that is not on the disk by that rule, a cut leaves

    "oldest"  nothing;
    "newest"  everything, as the death of the process alone does;
    "mixed"   what the kernel happened to have written. Each file on its own: nothing, everything, a part of its writes in
              their order, or each sector of 512 bytes as of any of the writes to it, with the length of any instant,
              and zeros where the length came before the data. A sector is never torn itself. Names: a part of the
              changes in their order (a journal), or each by itself (none); a rename within a folder happens or does not.
"""
import collections
import os
import random
import struct

Record = collections.namedtuple("Record", "kind time_us handle a b first second")
HEAD = struct.Struct("<cqIqqII")
SECTOR = 512
CREATED, TRUNCATED = 1, 2
MODES = ("oldest", "newest", "mixed")


def read_log(path):
    """All whole records; one that a kill cut off at the end is left out."""
    with open(path, "rb") as f:
        data = f.read()
    records, at = [], 0
    while at + HEAD.size <= len(data):
        kind, time_us, handle, a, b, first, second = HEAD.unpack_from(data, at)
        at += HEAD.size
        if at + first + second > len(data):
            break
        records.append(Record(kind.decode(), time_us, handle, a, b, data[at:at + first],
                              data[at + first:at + first + second]))
        at += first + second
    return records


def applied(content, write):
    """`content`, a bytearray, after one write: ("data", offset, bytes), ("size", n) or ("room", n)."""
    what, at = write[0], write[1]
    if what == "size" and at < len(content):
        del content[at:]
    end = at + len(write[2]) if what == "data" else at
    if end > len(content):
        content.extend(bytes(end - len(content)))
    if what == "data":
        content[at:end] = write[2]
    return content


class File:
    def __init__(self, content=b""):
        self.synced = bytearray(content)
        self.pending = []  # (number of the record, write)
        self.ever_synced = bool(content)

    def sync(self, before):
        while self.pending and self.pending[0][0] < before:
            applied(self.synced, self.pending.pop(0)[1])
        self.ever_synced = True

    def after(self, count):
        content = bytearray(self.synced)
        for _, write in self.pending[:count]:
            applied(content, write)
        return content

    def content(self, chance, mode):
        if mode == "mixed":
            mode = chance.choice(["oldest", "newest", "part", "sectors", "sectors"])
        if mode == "part":
            return self.after(chance.randint(0, len(self.pending)))
        return self.sectors(chance) if mode == "sectors" else self.after(len(self.pending) if mode == "newest" else 0)

    def sectors(self, chance):
        lengths, touched = [len(self.synced)], set()
        for _, write in self.pending:
            what, at = write[0], write[1]
            end = at + len(write[2]) if what == "data" else at
            lengths.append(at if what == "size" else max(lengths[-1], end))
            if what != "room":
                touched.update(range(at // SECTOR, (max(lengths) if what == "size" else end - 1) // SECTOR + 1))
        length = chance.choice(lengths)
        result = bytearray(self.synced[:length]).ljust(length, b"\0")
        kept = chance.random()  # how much of it the kernel had come to
        for sector in sorted(touched):
            if chance.random() < kept and sector * SECTOR < length:
                count = len(self.pending) if chance.random() < 0.8 else chance.randint(0, len(self.pending))
                piece = self.sector_after(sector * SECTOR, count)
                result[sector * SECTOR:(sector + 1) * SECTOR] = piece[:length - sector * SECTOR]
        return result

    def sector_after(self, begin, count):
        content = bytearray(self.synced[begin:begin + SECTOR]).ljust(SECTOR, b"\0")
        for _, write in self.pending[:count]:
            at = max(0, write[1] - begin)
            if write[0] == "size" and at < SECTOR:
                content[at:] = bytes(SECTOR - at)
            elif write[0] == "data" and at < SECTOR:
                piece = write[2][max(0, begin - write[1]):][:SECTOR - at]
                content[at:at + len(piece)] = piece
        return content


class Folder:
    def __init__(self):
        self.names = {}  # as the program sees them
        self.synced = {}


class Disk:
    """`liar`: a part of the path of files ("/" for folders) whose syncs do nothing, to see that somebody notices."""

    def __init__(self, liar=None):
        self.root = Folder()
        self.liar = liar
        self.handles = {}
        self.paths = {}
        self.begun = {}  # number of a sync -> number of its first record
        self.changes = []  # of names, not on the disk yet: [number of the record, [(folder, name, object or None), ...]]

    @classmethod
    def load(cls, path):
        """The folder as it is, all on the disk."""
        disk = cls()

        def fill(folder, path):
            for entry in os.scandir(path):
                if entry.is_dir():
                    made = Folder()
                    fill(made, entry.path)
                else:
                    with open(entry.path, "rb") as f:
                        made = File(f.read())
                folder.names[entry.name] = folder.synced[entry.name] = made
        fill(disk.root, path)
        return disk

    def find(self, path):
        at = self.root
        for name in path.split("/"):
            at = at if name == "." else at.names[name]
        return at

    def above(self, path):
        folder, _, name = path.rpartition("/")
        return (self.find(folder) if folder else self.root), name

    def change(self, number, names):
        for folder, name, what in names:
            if what is None:
                folder.names.pop(name, None)
            else:
                folder.names[name] = what
        self.changes.append([number, names])

    def apply(self, number, record):
        kind = record.kind
        path, other = record.first.decode(errors="replace") if kind in "ORUM" else "", ""
        if kind == "O":
            self.open(number, record, path)
        elif kind in "WTA":
            what = {"W": ("data", record.a, record.first), "T": ("size", record.a), "A": ("room", record.a)}[kind]
            self.handles[record.handle].pending.append((number, what))
        elif kind == "S":
            self.begun[record.b] = number
        elif kind == "E":
            if not self.lies(record.handle):
                self.sync(self.handles[record.handle], self.begun.pop(record.b), record.a)
        elif kind == "R":
            other = record.second.decode()
            (folder, name), (to, to_name) = self.above(path), self.above(other)
            self.change(number, [(to, to_name, folder.names[name]), (folder, name, None)])
        elif kind == "U":
            folder, name = self.above(path)
            self.change(number, [(folder, name, None)])
        elif kind == "M" and path != ".":
            folder, name = self.above(path)
            self.change(number, [(folder, name, Folder())])

    def open(self, number, record, path):
        if record.a & CREATED:
            folder, name = self.above(path)
            self.change(number, [(folder, name, File())])
        opened = self.find(path)
        if record.a & TRUNCATED and not record.a & CREATED:
            opened.pending.append((number, ("size", 0)))
        self.handles[record.handle] = opened
        self.paths[record.handle] = path

    def lies(self, handle):
        if not self.liar:
            return False
        return isinstance(self.handles[handle], Folder) if self.liar == "/" else self.liar in self.paths[handle]

    def sync(self, what, before, failed):
        if failed:
            return
        if isinstance(what, File):
            what.sync(before)
            return
        left = []
        for number, names in self.changes:
            if number < before:
                for folder, name, made in names:
                    if folder is what:
                        settle(folder.synced, name, made)
                names = [change for change in names if change[0] is not what]
            if names:
                left.append([number, names])
        self.changes = left

    def names_after(self, chance, mode):
        """What each folder holds, by id."""
        if mode == "mixed":
            mode = chance.choice(["oldest", "newest", "part", "each", "each"])
        kept = {"oldest": [], "newest": self.changes, "part": self.changes[:chance.randint(0, len(self.changes))],
                "each": [c for c in self.changes if chance.random() < 0.5]}[mode]
        result = {}
        for _, names in kept:
            for folder, name, made in names:
                settle(result.setdefault(id(folder), dict(folder.synced)), name, made)
        return result

    def write_to(self, path, chance, mode):
        """Makes `path`, a new folder, and fills it with what a cut now would leave."""
        names = self.names_after(chance, mode)

        def fill(folder, path):
            os.mkdir(path)
            for name, what in sorted(names.get(id(folder), folder.synced).items()):
                if isinstance(what, Folder):
                    fill(what, f"{path}/{name}")
                else:
                    with open(f"{path}/{name}", "wb") as f:
                        f.write(what.content(chance, mode))
        fill(self.root, path)


def settle(names, name, made):
    if made is None:
        names.pop(name, None)
    else:
        names[name] = made


def self_test():
    """The model on logs so short that what must come out is plain."""
    def log(*entries):
        return [Record(e[0], 0, *(e[1:] + (0, 0, 0, b"", b"")[len(e) - 1:])) for e in entries]

    def states(records, mode="mixed", tries=200):
        disk, found = Disk(), set()
        for number, record in enumerate(records):
            disk.apply(number, record)
        for seed in range(tries):
            chance = random.Random(seed)
            names = disk.names_after(chance, mode).get(id(disk.root), disk.root.synced)
            found.add(tuple((n, bytes(f.content(chance, mode))) for n, f in sorted(names.items())))
        return found

    made = [("O", 1, CREATED, 0, b"x"), ("O", 2, 0, 0, b".")]
    data = [("W", 1, 0, 0, b"one")]
    sync = [("S", 1, 0, 1), ("E", 1, 0, 1)]
    name = [("S", 2, 0, 2), ("E", 2, 0, 2)]
    assert states(log(*made, *data)) == {(), (("x", b""),), (("x", b"one"),), (("x", bytes(3)),)}
    assert states(log(*made, *data), "oldest") == {()}
    assert states(log(*made, *data, *sync)) == {(), (("x", b"one"),)}, "a sync of the file is none of its name"
    assert (("x", b""),) in states(log(*made, *data, *name)), "nor that of the folder of the data"
    assert states(log(*made, *data, *sync, *name)) == {(("x", b"one"),)}
    assert states(log(*made, *data, sync[0], ("W", 1, 0, 0, b"two"), sync[1], *name), "oldest") == {(("x", b"one"),)}, \
        "what was written while a sync ran is not covered by it"
    assert states(log(*made, *data, sync[0], ("E", 1, -1, 1), *name), "oldest") == {(("x", b""),)}, "a sync that failed"
    moved = states(log(*made, *data, *sync, *name, ("R", 0, 0, 0, b"x", b"y")))
    assert moved == {(("x", b"one"),), (("y", b"one"),)}, "a rename happens or does not"
    two = log(*made, ("W", 1, 0, 0, b"a" * 1024), *sync, *name, ("W", 1, 0, 0, b"b" * 1024))
    whole = {(("x", a * 512 + b * 512),) for a in (b"a", b"b") for b in (b"a", b"b")}
    assert states(two) == whole, "each sector by itself, and none torn"
    cut = states(log(*made, ("W", 1, 0, 0, b"a" * 600), *sync, *name, ("T", 1, 10)))
    assert {len(state[0][1]) for state in cut} == {10, 600}
    assert states(log(*made, *data, *sync, *name, ("U", 0, 0, 0, b"x"))) == {(), (("x", b"one"),)}


if __name__ == "__main__":
    self_test()
