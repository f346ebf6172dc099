#!/usr/bin/python3
"""Starts one Swift server with a swift.conf of its own.

usage: launch.py account-server|container-server|object-server|proxy-server CONF

The commands of Debian read /etc/swift/swift.conf, a path that swift.common.utils
holds as a variable. Set before the other modules of Swift are imported, it makes
an instance private: no root, nothing under /etc, several side by side.
"""
import os
import sys

import swift.common.utils


def main():
    kind, conf = sys.argv[1], os.path.abspath(sys.argv[2])
    swift.common.utils.SWIFT_CONF_FILE = os.path.join(
        os.path.dirname(conf), 'swift.conf')
    # where the proxy finds accounts.py
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    from swift.common.wsgi import run_wsgi
    options = {'verbose': True}  # logs to the console
    if kind == 'object-server':  # as swift-object-server does
        from swift.obj import server
        options['global_conf_callback'] = server.global_conf_callback
    return run_wsgi(conf, kind, **options)


if __name__ == '__main__':
    sys.exit(main())
