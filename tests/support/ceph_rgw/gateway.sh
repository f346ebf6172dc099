#!/bin/bash
# Takes the S3 endpoint of a running cluster away and brings it back; the objects stay.
#
# usage: gateway.sh DATADIR stop|kill|start
#        gateway.sh DATADIR second URL         a second one, at http://127.0.0.1:PORT, before the same cluster
set -euo pipefail
[ $# -ge 2 ] || { sed -n '2,5p' "$0" >&2; exit 2; }
dir=$(cd "$1" && pwd)
# shellcheck source=common.sh
. "$(cd "$(dirname "$0")" && pwd)/common.sh"
# shellcheck disable=SC1091
. "$dir/s3.env"

lock
case $2 in
    stop)
        # Not SIGKILL: its watches in the cluster would block the next gateway for 30 s.
        end radosgw
        ;;
    kill)
        end radosgw KILL
        ;;
    second)
        spawn_second_gateway "$3"
        wait_for_gateway $((SECONDS + 60)) radosgw2 "$3"
        ;;
    start)
        alive radosgw || spawn_gateway
        wait_for_gateway $((SECONDS + 60))
        ;;
    *)
        complain "unknown: $2"
        exit 2
        ;;
esac
