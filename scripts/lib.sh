# What the scripts share. Sourced; sets $root, the top of the checkout.
# shellcheck shell=bash

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# Not so many compilers at once that a small machine runs out of memory: about 1 GB each.
jobs=$(nproc)
most_jobs=$(($(awk '/^MemAvailable/ { print $2 }' /proc/meminfo) / 1000000))
[ "$jobs" -le "$most_jobs" ] || jobs=$((most_jobs > 0 ? most_jobs : 1))

say() {
    echo "== $*"
}

fail() {
    echo "$(basename "$0"): $*" >&2
    exit 1
}

# The comment at the top of the calling script.
usage() {
    sed -n '2,/^[^#]/ { s/^# \{0,1\}//p }' "$0"
}

# preset [target...]
build() {
    local preset=$1
    shift
    cmake --preset "$preset" -S "$root" > "$root/build/.configure.log" 2>&1 ||
        { cat "$root/build/.configure.log" >&2; fail "cannot configure"; }
    cmake --build "$root/build/$preset" --parallel "$jobs" ${1:+--target "$@"}
}

# All C++ files that are ours.
cpp_files() {
    git -C "$root" ls-files --cached --others --exclude-standard -- '*.h' '*.cpp' '*.cc' |
        while read -r file; do [ ! -e "$root/$file" ] || echo "$root/$file"; done
}

# how many -> the first of so many consecutive free ports of 127.0.0.1, below those that outgoing connections take
free_ports() {
    python3 - "$1" <<'END'
import random, socket, sys
count = int(sys.argv[1])
def is_free(port):
    with socket.socket() as probe:
        try:
            probe.bind(('127.0.0.1', port))
            return True
        except OSError:
            return False
while True:
    first = random.randint(20000, 32700 - count)
    if all(is_free(port) for port in range(first, first + count)):
        print(first)
        break
END
}

# seconds, what for, command... Until the command succeeds, or fail.
wait_until() {
    local deadline=$((SECONDS + $1)) what=$2
    shift 2
    until "$@"; do
        [ $SECONDS -lt $deadline ] || fail "$what: not within the time"
        sleep 0.1
    done
}

# name of enum Footage, extension -> a file; a real one where there is one (real file name as third argument)
footage() {
    local real=$root/../shared/media/$3 made=$root/build/footage/$1.$2
    if [ -e "$real" ]; then
        echo "$real"
        return
    fi
    if [ ! -e "$made" ]; then
        mkdir -p "$root/build/footage"
        "$root/tests/support/make_footage.sh" "$1" "$root/build/footage/demo-part-$1.$2"
        mv "$root/build/footage/demo-part-$1.$2" "$made"
    fi
    echo "$made"
}
