#!/usr/bin/python3
"""Succeeds when consecutive ports of 127.0.0.1 are free, within five seconds.

usage: check_ports.py FIRST COUNT
"""
import socket
import sys
import time

LIMIT_S = 5
PAUSE_S = 0.1


def is_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(('127.0.0.1', port))
        except OSError:
            return False
        return True


def main():
    first, count = int(sys.argv[1]), int(sys.argv[2])
    deadline = time.monotonic() + LIMIT_S
    while not all(is_free(port) for port in range(first, first + count)):
        if time.monotonic() > deadline:
            return 1
        time.sleep(PAUSE_S)
    return 0


if __name__ == '__main__':
    sys.exit(main())
