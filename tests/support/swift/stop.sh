#!/bin/bash
# Ends the servers of a data folder, and nothing else.
#
# usage: stop.sh DATADIR [--wipe]
#   --wipe  removes the data too
set -uo pipefail
[ $# -ge 1 ] || { sed -n '2,5p' "$0" >&2; exit 2; }
[ -d "$1" ] || exit 0
dir=$(cd "$1" && pwd)
# shellcheck source=common.sh
. "$(cd "$(dirname "$0")" && pwd)/common.sh"

lock
end_all
if [ "${2:-}" = --wipe ]; then
    rm -rf "$dir"/{node,conf,log,run,cache,s3.env,.lock}
    rmdir --ignore-fail-on-non-empty "$dir"
fi
exit 0
