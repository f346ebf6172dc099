# What start.sh and stop.sh share. Sourced with $dir set to the absolute data folder.
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # given by and used in the scripts that source this

conf=$dir/conf
run=$dir/run
log=$dir/log
program=$(basename "$0")
daemons="memcached account-server container-server object-server proxy-server"

complain() {
    echo "$program: $1" >&2
}

# One start or stop at a time in a data folder. Descriptor 9 is closed for the daemons, or they would keep the lock.
lock() {
    exec 9> "$dir/.lock"
    flock -w 60 9 || { complain "another start or stop is under way in $dir"; exit 4; }
}

# pid -> true if it is a process of this data folder, and no zombie: pids are used again, a pid file proves nothing.
# memcached is told by its pid file option.
is_ours() {
    [ -n "$1" ] && ! grep -q '^State:.*Z' "/proc/$1/status" 2> /dev/null &&
        { tr '\0' ' ' < "/proc/$1/cmdline"; } 2> /dev/null | grep -qF -e "$conf" -e "$run/memcached"
}

# daemon name -> true if it runs
alive() {
    local pid
    pid=$(cat "$run/$1.pid" 2> /dev/null) && is_ours "$pid"
}

# Ends all daemons with their workers (each leads a session of its own): SIGTERM, after 5 s SIGKILL.
end_all() {
    local name pid pids=()
    for name in $daemons; do
        pid=$(cat "$run/$name.pid" 2> /dev/null) || continue
        if is_ours "$pid"; then
            kill -TERM -- "-$pid" 2> /dev/null
            pids+=("$pid")
        fi
    done
    for pid in ${pids[@]+"${pids[@]}"}; do
        for _ in $(seq 100); do
            is_ours "$pid" || break
            sleep 0.05
        done
        is_ours "$pid" && kill -KILL -- "-$pid" 2> /dev/null
    done
    rm -f "$run"/*.pid
}
