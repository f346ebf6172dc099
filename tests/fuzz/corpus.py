#!/usr/bin/python3
"""Kept corpora: one text file for each target, an input in base64 on each line, in the order of their bytes.

usage: tests/fuzz/corpus.py pack FOLDER FILE      the files of a folder become lines
       tests/fuzz/corpus.py unpack FILE FOLDER    lines become files, named by their SHA-1 as libFuzzer names them
"""
import base64
import hashlib
import os
import sys


def pack(folder, file):
    inputs = set()
    for name in os.listdir(folder):
        with open(os.path.join(folder, name), "rb") as f:
            inputs.add(f.read())
    with open(file, "w", encoding="ascii") as f:
        f.writelines(base64.b64encode(one).decode() + "\n" for one in sorted(inputs))


def unpack(file, folder):
    os.makedirs(folder, exist_ok=True)
    with open(file, encoding="ascii") as f:
        for line in f:
            one = base64.b64decode(line, validate=False)
            with open(os.path.join(folder, hashlib.sha1(one).hexdigest()), "wb") as out:
                out.write(one)


def main():
    if len(sys.argv) != 4 or sys.argv[1] not in ("pack", "unpack"):
        sys.exit(__doc__)
    {"pack": pack, "unpack": unpack}[sys.argv[1]](*sys.argv[2:])


if __name__ == "__main__":
    main()
