#!/bin/bash
# Runs an S3 server in the foreground: its start.sh, then nothing until SIGTERM or SIGINT, then its stop.sh --wipe. For
# owners that must leave nothing behind.
#
# usage: serve_s3.sh ceph_rgw|swift DATADIR PORT        (environment as start.sh)
set -uo pipefail
[ $# -eq 3 ] || { sed -n '2,5p' "$0" >&2; exit 2; }
scripts=$(cd "$(dirname "$0")" && pwd)/$1
dir=$2
port=$3
ended=
trap 'ended=yes' TERM INT
trap '"$scripts/stop.sh" "$dir" --wipe' EXIT

"$scripts/start.sh" "$dir" "$port" || exit 1
while [ -z "$ended" ]; do
    # A trap runs only between commands, or at once in `wait`.
    sleep 3600 &
    wait $!
done
kill %% 2> /dev/null
exit 0
