#!/bin/bash
# Ends the gateway, the storage daemon and the monitor of a data folder, in this order, and nothing else.
#
# usage: stop.sh DATADIR [--wipe]
#   --wipe  removes the data too, and does not wait for it to be written
set -uo pipefail
[ $# -ge 1 ] || { sed -n '2,5p' "$0" >&2; exit 2; }
[ -d "$1" ] || exit 0
dir=$(cd "$1" && pwd)
# shellcheck source=common.sh
. "$(cd "$(dirname "$0")" && pwd)/common.sh"

lock
signal=TERM
[ "${2:-}" != --wipe ] || signal=KILL
for daemon in radosgw2 radosgw osd mon; do end "$daemon" "$signal"; done
if [ "${2:-}" = --wipe ]; then
    rm -rf "$dir"/{mon,osd,keyring,run,log,crash,fsid,monmap,ceph.conf,s3.env,.created,.lock}
    rmdir --ignore-fail-on-non-empty "$dir"
fi
exit 0
