# What start.sh, stop.sh and gateway.sh share. Sourced with $dir set to the absolute data folder.
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # given by and used in the scripts that source this

conf=$dir/ceph.conf
run=$dir/run
log=$dir/log
program=$(basename "$0")

complain() {
    echo "$program: $1" >&2
}

# One start or stop at a time in a data folder. Descriptor 9 is closed for the daemons, or they would keep the lock.
lock() {
    exec 9> "$dir/.lock"
    flock -w 180 9 || { complain "another start or stop is under way in $dir"; exit 4; }
}

# pid -> true if it is a process of this data folder: pids are used again, a pid file alone proves nothing.
is_ours() {
    [ -n "$1" ] && { tr '\0' ' ' < "/proc/$1/cmdline"; } 2> /dev/null | grep -qF -e "$conf"
}

# daemon name -> true if it runs
alive() {
    local pid
    pid=$(cat "$run/$1.pid" 2> /dev/null) && is_ours "$pid"
}

# daemon name, command... A session of its own: a Ctrl-C in the terminal must not reach it.
spawn() {
    local name=$1
    shift
    setsid "$@" >> "$log/$name.out" 2>&1 < /dev/null 9>&- &
    echo $! > "$run/$name.pid"
}

spawn_gateway() {
    spawn radosgw radosgw -c "$conf" -n client.rgw -f
}

# URL. Another one before the same cluster.
spawn_second_gateway() {
    spawn radosgw2 radosgw -c "$conf" -n client.rgw -f --rgw-frontends="beast endpoint=${1#http://}" \
        --admin-socket="$run/radosgw2.asok" --log-file="$log/radosgw2.log"
}

# daemon name [first signal]. Waits for its end; SIGKILL after 20 s.
end() {
    local file=$run/$1.pid pid
    pid=$(cat "$file" 2> /dev/null) || return 0
    if is_ours "$pid"; then
        kill "-${2:-TERM}" "$pid" 2> /dev/null
        kill -CONT "$pid" 2> /dev/null # a stopped process takes no other signal
        for _ in $(seq 200); do
            is_ours "$pid" || break
            sleep 0.1
        done
        is_ours "$pid" && kill -KILL "$pid" 2> /dev/null
    fi
    rm -f "$file"
}

# [url of the gateway] curl arguments... -> HTTP status of a signed request
signed_request() {
    curl --insecure --silent --max-time 20 --output /dev/null --write-out '%{http_code}' \
        --aws-sigv4 aws:amz:us-east-1:s3 --user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" \
        --header 'x-amz-content-sha256: UNSIGNED-PAYLOAD' "$@"
}

# deadline in $SECONDS, [daemon name, URL] -> true when the gateway answers a signed request
wait_for_gateway() {
    local name=${2:-radosgw} url=${3:-$S3_ENDPOINT}
    until [ "$(signed_request "$url/")" = 200 ]; do
        alive "$name" || { complain "$name ended: $(tail -n 5 "$log/$name.out" "$log/$name.log" 2>&1)"; return 1; }
        [ "$SECONDS" -lt "$1" ] || { complain "$name is not ready in time"; return 1; }
        sleep 0.1
    done
}
