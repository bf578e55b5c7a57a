# For scripts that build in the background, to be sourced: whatever they began ends with them, however they end.

jobs_begun=()

# background COMMAND...: begins it in a process group of its own, so that it ends as a whole.
background() {
    set -m
    "$@" &
    set +m
    jobs_begun+=($!)
}

# wait_for_all: waits for everything that was begun; fails when something of it failed.
wait_for_all() {
    local job failed=0
    for job in "${jobs_begun[@]}"; do
        wait "$job" || failed=1
    done
    jobs_begun=()
    return "$failed"
}

# stop PID...: ends the groups of these and waits until they are gone.
stop() {
    local job
    for job in "$@"; do
        kill -TERM -- "-$job" 2>/dev/null || true
    done
    [ $# -eq 0 ] || wait "$@" 2>/dev/null || true
}

trap 'stop "${jobs_begun[@]}"' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
