#!/bin/bash
# Starts a single-node Ceph (one monitor, one storage daemon, no manager) with the RADOS Gateway, an S3 API, private to
# one folder. Installs nothing; scripts/setup lists the packages.
#
# usage: start.sh DATADIR PORT
#   PORT         the S3 endpoint http://127.0.0.1:PORT, path-style, region us-east-1
#   PORT+1 .. 2  the monitor;  PORT+3 .. 18 messengers;  PORT+19 https when S3_TLS_CERT is given; loopback only
# environment:
#   S3_STORE        bluestore (default; a sparse file that survives stop and start), or memstore: in memory, quicker,
#                   and every start begins with nothing
#   S3_OSD_GB       size of the store in GiB (default 10, memstore 2)
#   S3_ACCESS_KEY   default S3TESTACCESSKEY         S3_SECRET_KEY  default s3testsecretkey
#   S3_BUCKETS      buckets to create               S3_READY_S     seconds to wait (default 120)
#   S3_TLS_CERT, S3_TLS_KEY                         PEM files
# A second account OTHERACCESSKEY / othersecretkey owns nothing. Running already: says so and succeeds. DATADIR/s3.env
# sets the AWS_* variables for who sources it. stop.sh DATADIR ends it.
set -euo pipefail
[ $# -eq 2 ] || { sed -n '2,18p' "$0" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
dir=$(cd "$1" && pwd)
port=$2
# shellcheck source=common.sh
. "$here/common.sh"

store=${S3_STORE:-bluestore}
if [ "$store" = memstore ]; then size_gb=${S3_OSD_GB:-2}; else size_gb=${S3_OSD_GB:-10}; fi
limit=${S3_READY_S:-120}
began=$(date +%s%N)
deadline=$((SECONDS + limit))

fail() {
    complain "$1"
    tail -n 10 "$log"/*.out >&2 || true
    flock -u 9
    "$here/stop.sh" "$dir" >&2 || true
    exit 1
}

check_programs() {
    local name
    for name in ceph-mon ceph-osd radosgw radosgw-admin ceph ceph-authtool monmaptool curl; do
        command -v "$name" > /dev/null || { complain "$name is missing; scripts/setup installs it"; exit 3; }
    done
}

write_environment() {
    cat > "$dir/s3.env" <<END
export S3_ENDPOINT=http://127.0.0.1:$port
export AWS_ACCESS_KEY_ID=${S3_ACCESS_KEY:-S3TESTACCESSKEY}
export AWS_SECRET_ACCESS_KEY=${S3_SECRET_KEY:-s3testsecretkey}
export AWS_DEFAULT_REGION=us-east-1
export AWS_EC2_METADATA_DISABLED=true
END
    # shellcheck disable=SC1091
    . "$dir/s3.env"
}

write_config() {
    local tls=
    if [ -n "${S3_TLS_CERT:-}" ]; then
        tls=" ssl_endpoint=127.0.0.1:$((port + 19)) ssl_certificate=$S3_TLS_CERT ssl_private_key=$S3_TLS_KEY"
    fi
    cat > "$conf" <<END
[global]
fsid = $fsid
mon host = [v2:127.0.0.1:$((port + 1)),v1:127.0.0.1:$((port + 2))]
mon initial members = a
public addr = 127.0.0.1
cluster addr = 127.0.0.1
ms bind port min = $((port + 3))
ms bind port max = $((port + 18))
ms bind ipv6 = false
# cephx stays on: radosgw 16.2 cannot log on to a monitor with auth 'none' (EACCES)
keyring = $dir/keyring
auth allow insecure global id reclaim = false
# each change of a map waits up to a second by default
paxos propose interval = 0.05
paxos min wait = 0.02
mon osdmap full prune enabled = false
run dir = $run
admin socket = $run/\$name.asok
log file = $log/\$name.log
mon cluster log file = $log/cluster.log
pid file =
crash dir = $dir/crash
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 4
osd pool default pgp num = 4
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
mon allow pool delete = true
mon max pg per osd = 2000
# machines that build are often nearly full
mon data avail warn = 2
mon data avail crit = 1
[mon.a]
mon data = $dir/mon
[osd.0]
osd data = $dir/osd
osd journal =
osd objectstore = $store
bluestore block size = $((size_gb << 30))
bluestore block create = true
bluestore fsck on mount = false
bluestore cache autotune = false
bluestore cache size = 134217728
memstore device bytes = $((size_gb << 30))
osd memory target = 939524096
# how full it is (or is told to be) is looked at and told with these
osd heartbeat interval = 1
osd mon report interval = 1
osd class load list = *
osd class default list = *
[client.rgw]
rgw frontends = beast endpoint=127.0.0.1:$port$tls
rgw zone =
# for buckets in host names: clips.localhost, which clients of today know without asking anybody
rgw dns name = localhost
rgw enable usage log = false
rgw thread pool size = 32
rgw lc debug interval = -1
# the space of overwritten, deleted and aborted data comes back in seconds, not hours
rgw enable gc threads = true
rgw gc obj min wait = 5
rgw gc processor period = 10
rgw gc processor max time = 10
rgw max chunk size = 4194304
END
}

make_monitor() {
    local ring=$dir/keyring
    rm -f "$ring"
    {
        monmaptool --create --clobber --fsid "$fsid" \
            --addv a "[v2:127.0.0.1:$((port + 1)),v1:127.0.0.1:$((port + 2))]" "$dir/monmap"
        ceph-authtool --create-keyring "$ring" --gen-key -n mon. --cap mon 'allow *'
        ceph-authtool "$ring" --gen-key -n client.admin --cap mon 'allow *' --cap osd 'allow *' --cap mgr 'allow *'
        ceph-authtool "$ring" --gen-key -n osd.0 --cap mon 'allow profile osd' --cap osd 'allow *'
        ceph-authtool "$ring" --gen-key -n client.rgw --cap mon 'allow rwx' --cap osd 'allow rwx'
        ceph-mon -c "$conf" -i a --mkfs --monmap "$dir/monmap" --keyring "$ring"
    } >> "$log/mon.out" 2>&1 || fail "cannot make the monitor"
}

make_storage() {
    local uuid
    uuid=$(cat /proc/sys/kernel/random/uuid)
    until timeout 20 ceph -c "$conf" --connect-timeout 10 osd new "$uuid" 0 >> "$log/mon.out" 2>&1; do
        alive mon || fail "the monitor ended"
        [ "$SECONDS" -lt "$deadline" ] || fail "the monitor is not ready"
        sleep 0.2
    done
    ceph-osd -c "$conf" -i 0 --mkfs --osd-uuid "$uuid" >> "$log/osd.out" 2>&1 || fail "cannot make the storage"
}

# uid, access key, secret key
create_user() {
    until timeout 60 radosgw-admin -c "$conf" -n client.rgw user create --uid="$1" --display-name="$1" \
        --access-key="$2" --secret-key="$3" >> "$log/admin.out" 2>&1; do
        alive osd || fail "the storage daemon ended"
        [ "$SECONDS" -lt "$deadline" ] || fail "cannot create the user $1"
        sleep 0.5
    done
}

create_buckets() {
    local bucket status
    for bucket in ${S3_BUCKETS:-}; do
        status=$(signed_request --request PUT "$S3_ENDPOINT/$bucket")
        case $status in
            200 | 409) ;;
            *) fail "bucket $bucket: HTTP $status" ;;
        esac
    done
}

check_programs
lock
if alive radosgw; then
    if curl --silent --max-time 5 --output /dev/null "http://127.0.0.1:$port/"; then
        echo "already running: http://127.0.0.1:$port"
        exit 0
    fi
    complain "a radosgw of $dir runs but does not answer on port $port; run stop.sh $dir first"
    exit 4
fi
for daemon in radosgw2 radosgw osd mon; do end "$daemon"; done # what a crashed run left

# Nothing of memstore is left after a stop, and a first start that was interrupted left a half-made cluster.
if [ "$store" = memstore ] || [ ! -e "$dir/.created" ]; then rm -rf "$dir/mon" "$dir/osd" "$dir/.created"; fi
mkdir -p "$run" "$log" "$dir/mon" "$dir/osd"
fsid=$(cat "$dir/fsid" 2> /dev/null || cat /proc/sys/kernel/random/uuid)
echo "$fsid" > "$dir/fsid"
write_config
write_environment

[ -e "$dir/.created" ] || make_monitor
spawn mon ceph-mon -c "$conf" -i a -f
[ -e "$dir/.created" ] || make_storage
spawn osd ceph-osd -c "$conf" -i 0 -f
if [ ! -e "$dir/.created" ]; then
    create_user test "$AWS_ACCESS_KEY_ID" "$AWS_SECRET_ACCESS_KEY"
    create_user other OTHERACCESSKEY othersecretkey
    touch "$dir/.created"
fi
spawn_gateway
wait_for_gateway "$deadline" || fail "no gateway"
create_buckets
echo "ready: http://127.0.0.1:$port after $((($(date +%s%N) - began) / 1000000)) ms (environment: $dir/s3.env)"
