#!/bin/bash
# Starts a single-node OpenStack Swift with its S3 API, private to one folder: a second, independent S3 server for the
# tests. Installs nothing; scripts/setup lists the packages.
#
# usage: start.sh DATADIR PORT
#   PORT            the S3 endpoint http://127.0.0.1:PORT, path-style, region us-east-1
#   PORT+1 .. 3     account, container and object server;  PORT+4  memcached;  loopback only
#   DATADIR must allow user xattrs: ext4, xfs, btrfs; tmpfs from Linux 6.6 on.
# environment:
#   S3_ACCESS_KEY   default S3TESTACCESSKEY      S3_SECRET_KEY  default s3testsecretkey
#   S3_BUCKETS      buckets to create            S3_READY_S     seconds to wait (default 30)
#   S3_MIN_PART     least bytes of a multipart part but the last (default 5242880, as AWS has it)
#   S3_SKEW         allowed clock skew in seconds (default 900, as AWS has it)
#   S3_WORKERS      processes of the proxy and the object server (default 0: one, no fork)
#   S3_TLS_CERT, S3_TLS_KEY                      PEM files: https on PORT instead
# A second account OTHERACCESSKEY / othersecretkey owns nothing, READERACCESSKEY / readersecretkey may read all of the
# first and write nothing. Running already: says so and succeeds. Data survives stop and start. DATADIR/s3.env sets the
# AWS_* variables for who sources it. stop.sh DATADIR ends it.
set -euo pipefail
[ $# -eq 2 ] || { sed -n '2,20p' "$0" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
dir=$(cd "$1" && pwd)
port=$2
# shellcheck source=common.sh
. "$here/common.sh"

python=/usr/bin/python3 # Debian's own: the one that has python3-swift
access_key=${S3_ACCESS_KEY:-S3TESTACCESSKEY}
secret_key=${S3_SECRET_KEY:-s3testsecretkey}
workers=${S3_WORKERS:-0}
limit=${S3_READY_S:-30}
scheme=http
[ -z "${S3_TLS_CERT:-}" ] || scheme=https
endpoint=$scheme://127.0.0.1:$port
account_port=$((port + 1))
container_port=$((port + 2))
object_port=$((port + 3))
memcached_port=$((port + 4))
began=$(date +%s%N)
deadline=$((SECONDS + limit))
export PYTHONDONTWRITEBYTECODE=1

fail() {
    complain "$1"
    tail -n 5 "$log"/*.log | cut -c1-400 >&2 || true
    flock -u 9
    "$here/stop.sh" "$dir" >&2 || true
    exit 1
}

check_arguments() {
    case $access_key$secret_key in
        *[!A-Za-z0-9]*) complain "keys may hold letters and digits only"; exit 2 ;;
    esac
    case $dir in
        *[[:space:]%]*) complain "DATADIR may hold no blank and no %"; exit 2 ;;
    esac
    $python -c 'import swift' 2> /dev/null || { complain "Swift is missing; scripts/setup installs it"; exit 3; }
    command -v memcached > /dev/null || { complain "memcached is missing; scripts/setup installs it"; exit 3; }
}

check_xattrs() {
    local code='import os,sys; f=sys.argv[1]; os.setxattr(f,"user.t",b"1"); os.removexattr(f,"user.t")'
    $python -c "$code" "$dir/node/d1" 2> /dev/null || { complain "no user xattrs on $dir"; exit 6; }
}

# Processes that ended just now may need a moment to free their ports.
check_ports() {
    $python "$here/check_ports.py" "$port" 5 || { complain "ports $port..$memcached_port are not all free"; exit 5; }
}

write_node_config() { # name, port, workers
    cat > "$conf/$1-server.conf" <<END
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = $2
user = $(id -un)
swift_dir = $conf
devices = $dir/node
mount_check = false
disable_fallocate = true
fallocate_reserve = 0
workers = $3
log_level = WARNING
[pipeline:main]
pipeline = healthcheck $1-server
[app:$1-server]
use = egg:swift#$1
recon_cache_path = $dir/cache
[filter:healthcheck]
use = egg:swift#healthcheck
END
}

write_proxy_config() {
    local tls=
    [ $scheme = http ] || tls=$(printf 'cert_file = %s\nkey_file = %s' "$S3_TLS_CERT" "$S3_TLS_KEY")
    # s3api stands before the account filter. slo gives multipart uploads, copy CopyObject, versioned_writes with
    # symlink bucket versioning.
    local pipeline="catch_errors gatekeeper healthcheck proxy-logging cache listing_formats s3api accounts copy slo dlo"
    pipeline+=" versioned_writes symlink proxy-logging proxy-server"
    cat > "$conf/proxy-server.conf" <<END
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = $port
user = $(id -un)
swift_dir = $conf
workers = $workers
log_level = INFO
$tls
[pipeline:main]
pipeline = $pipeline
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
allow_account_management = true
node_timeout = 30
[filter:s3api]
use = egg:swift#s3api
location = us-east-1
s3_acl = false
storage_domain = localhost
min_segment_size = ${S3_MIN_PART:-5242880}
max_upload_part_num = 10000
allowable_clock_skew = ${S3_SKEW:-900}
[filter:accounts]
paste.filter_factory = accounts:filter_factory
s3_$access_key = $secret_key test .admin
s3_OTHERACCESSKEY = othersecretkey other .admin
s3_READERACCESSKEY = readersecretkey test .reseller_reader
[filter:slo]
use = egg:swift#slo
max_manifest_segments = 10000
max_manifest_size = 8388608
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:gatekeeper]
use = egg:swift#gatekeeper
[filter:healthcheck]
use = egg:swift#healthcheck
[filter:proxy-logging]
use = egg:swift#proxy_logging
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:$memcached_port
[filter:listing_formats]
use = egg:swift#listing_formats
[filter:copy]
use = egg:swift#copy
[filter:dlo]
use = egg:swift#dlo
[filter:versioned_writes]
use = egg:swift#versioned_writes
allow_versioned_writes = true
allow_object_versioning = true
[filter:symlink]
use = egg:swift#symlink
END
}

# Written anew at each start, for another port; data and rings stay valid.
write_config() {
    [ -e "$conf/swift.conf" ] || cat > "$conf/swift.conf" <<END
[swift-hash]
swift_hash_path_prefix = local
swift_hash_path_suffix = test
[storage-policy:0]
name = one
default = yes
END
    write_node_config account "$account_port" 0
    write_node_config container "$container_port" 0
    write_node_config object "$object_port" "$workers"
    write_proxy_config
    if [ "$(cat "$conf/rings.port" 2> /dev/null)" != "$port" ]; then
        $python "$here/make_rings.py" "$conf" "$account_port" "$container_port" "$object_port"
        echo "$port" > "$conf/rings.port"
    fi
    cat > "$dir/s3.env" <<END
export S3_ENDPOINT=$endpoint
export AWS_ACCESS_KEY_ID=$access_key
export AWS_SECRET_ACCESS_KEY=$secret_key
export AWS_DEFAULT_REGION=us-east-1
export AWS_EC2_METADATA_DISABLED=true
END
}

# daemon name, command...
spawn() {
    local name=$1
    shift
    setsid "$@" >> "$log/$name.log" 2>&1 < /dev/null 9>&- &
    echo $! > "$run/$name.pid"
}

spawn_all() {
    local name as=()
    [ "$(id -u)" != 0 ] || as=(-u root) # memcached refuses to run as root unless told
    # the account filter refuses to work without it
    spawn memcached memcached -l 127.0.0.1 -p "$memcached_port" -U 0 -m 16 -P "$run/memcached.own" ${as[@]+"${as[@]}"}
    for name in account-server container-server object-server proxy-server; do
        spawn "$name" $python "$here/launch.py" "$name" "$conf/$name.conf"
    done
}

# daemon name, url of the server
wait_for_health() {
    until curl --insecure --silent --fail --max-time 2 "$2/healthcheck" > /dev/null; do
        alive "$1" || fail "$1 ended"
        [ "$SECONDS" -lt "$deadline" ] || fail "$1 is not ready after $limit s"
        sleep 0.05
    done
}

signed_request() {
    curl --insecure --silent --max-time 10 --output /dev/null --write-out '%{http_code}' \
        --aws-sigv4 aws:amz:us-east-1:s3 --user "$access_key:$secret_key" \
        --header 'x-amz-content-sha256: UNSIGNED-PAYLOAD' "$@"
}

create_buckets() {
    local bucket status
    for bucket in ${S3_BUCKETS:-}; do
        status=$(signed_request --request PUT "$endpoint/$bucket")
        case $status in
            200 | 409) ;;
            *) fail "bucket $bucket: HTTP $status" ;;
        esac
    done
}

check_arguments
lock
if alive proxy-server; then
    if curl --insecure --silent --fail --max-time 3 "$endpoint/healthcheck" > /dev/null; then
        echo "already running: $endpoint"
        exit 0
    fi
    complain "a proxy of $dir runs but does not answer on port $port; run stop.sh $dir first"
    exit 4
fi
mkdir -p "$conf" "$run" "$log" "$dir/node/d1" "$dir/cache"
end_all # what a crashed run left
check_ports
check_xattrs
write_config
spawn_all
wait_for_health account-server "http://127.0.0.1:$account_port"
wait_for_health container-server "http://127.0.0.1:$container_port"
wait_for_health object-server "http://127.0.0.1:$object_port"
wait_for_health proxy-server "$endpoint"
until [ "$(signed_request "$endpoint/")" = 200 ]; do # creates the database of the account too
    [ "$SECONDS" -lt "$deadline" ] || fail "the list of buckets cannot be read"
    sleep 0.1
done
create_buckets
echo "ready: $endpoint after $((($(date +%s%N) - began) / 1000000)) ms (environment: $dir/s3.env)"
