#!/usr/bin/env bash
# `make test`: builds what the tests need, runs them from the lowest floor to the highest, ends with a verdict.
set -uo pipefail
cd "$(dirname "$0")/.."
readonly logs=target/test-logs
rm -rf "$logs"
mkdir -p "$logs"
began=$SECONDS
failed=()
. tests/background.sh

say() { printf '\n== %s (%d s)\n' "$*" $((SECONDS - began)); }

# run NAME COMMAND...: shows the output as it comes and keeps it for the closing summary.
run() {
    local name=$1
    shift
    say "$name"
    "$@" 2>&1 | tee "$logs/$name.log" || failed+=("$name")
}

# kept NAME COMMAND...: only keeps the output, for what runs beside something else.
kept() {
    local name=$1
    shift
    "$@" >"$logs/$name.log" 2>&1 || touch "$logs/$name.failed"
}

# Regent in one process: scripts, pages, floors and the tests of all doubts and versions are the same each time.
it_again() {
    nice cargo test --locked --test it -- \
        --skip scripts:: --skip generated:: --skip pages:: --skip tidy:: --skip reasons:: --skip samples:: --skip doubts::
}

# The binary against a real API server; on the oldest version without the tests whose matter is Kubernetes alone.
on_a_server() {
    kept cluster cargo test --locked --test cluster -- --test-threads=3
    export REGENT_TEST_PROFILE=7.4
    kept cluster-7.4 cargo test --locked --test cluster -- --test-threads=3 --skip demo:: --skip crds:: --skip charts:: --skip rights::
}

say "programs that the tests run"
bash tests/programs.sh || exit 2
PATH=$PWD/target/python/bin:$PATH

# The Go tools build while cargo does, one after the other; both are in the user's cache after the first time.
tools() {
    [ -n "${REGENT_TEST_KUBECONFIG:-}" ] ||
        bash tests/controlplane/build.sh controlplane target/controlplane &&
        bash tests/controlplane/build.sh helm target/helm
}
say "building the test tools in the background"
background tools

say "building"
bash tests/crates.sh take
cargo test --locked --no-run --lib --bins --test it --test resim --test cluster --test demo || exit 1
wait_for_all || { say "a test tool could not be built; its message is above"; exit 1; }

run unit cargo test --locked --lib --bins
say "tests on a real API server, beside the following; their output goes to $logs/cluster.log and $logs/cluster-7.4.log"
background on_a_server
run it nice cargo test --locked --test it
# And on each version before the newest, every second one with every doubt about Redis Enterprise on its other side.
REGENT_TEST_PROFILE=7.4 run it-7.4 it_again
REGENT_TEST_PROFILE=7.8 REGENT_TEST_SWITCHES=all run it-7.8-doubted it_again
REGENT_TEST_PROFILE=7.22 run it-7.22 it_again
REGENT_TEST_PROFILE=8.0 REGENT_TEST_SWITCHES=all run it-8.0-doubted it_again
run resim cargo test --locked --test resim
run docs cargo test --locked --doc
run alone cargo test --locked --doc --no-default-features
bash tests/crates.sh keep
say "waiting for the tests on a real API server"
wait_for_all
for name in cluster cluster-7.4; do
    [ ! -e "$logs/$name.failed" ] || { cat "$logs/$name.log" && failed+=("$name"); }
done
run demo env DEMO_EXIT=1 bash tests/demo/run.sh

say "summary"
for name in unit it it-7.4 it-7.8-doubted it-7.22 it-8.0-doubted resim docs alone cluster cluster-7.4 demo; do
    grep -hE '^test result:|^DEMO' "$logs/$name.log" | sed "s/^/$(printf '%-15s' "$name")/"
done
if [ ${#failed[@]} -gt 0 ]; then
    printf '\nFAILED: %s; logs in %s\n' "${failed[*]}" "$logs"
    exit 1
fi
printf '\nALL TESTS PASSED in %d s\n' $((SECONDS - began))
