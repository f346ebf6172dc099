#!/usr/bin/python3
"""Makes the account, container and object ring: one device, one replica.

usage: make_rings.py SWIFT_DIR ACCOUNT_PORT CONTAINER_PORT OBJECT_PORT

In one process; the swift-ring-builder command would need nine starts of Python.
"""
import os
import sys

from swift.common.ring import RingBuilder

PARTITION_POWER = 4  # 16 partitions
REPLICAS = 1


def make_ring(folder, name, port):
    builder = RingBuilder(PARTITION_POWER, REPLICAS, 0)
    builder.add_dev({
        'region': 1, 'zone': 1, 'device': 'd1', 'weight': 1.0, 'meta': '',
        'ip': '127.0.0.1', 'port': port,
        'replication_ip': '127.0.0.1', 'replication_port': port,
    })
    builder.rebalance()
    path = os.path.join(folder, name + '.ring.gz')
    builder.get_ring().save(path + '.tmp')
    os.rename(path + '.tmp', path)


def main():
    folder, *ports = sys.argv[1:]
    for name, port in zip(('account', 'container', 'object'), ports):
        make_ring(folder, name, int(port))


if __name__ == '__main__':
    main()
