#!/usr/bin/env bash
# `make test`: builds what the tests need, runs them from the lowest floor to the highest, ends with a verdict.
set -uo pipefail
cd "$(dirname "$0")/.."
readonly logs=target/test-logs
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
cargo test --locked --no-run --lib --bins --test it --test resim --test cluster --test demo || exit 1
wait_for_all || { say "a test tool could not be built; its message is above"; exit 1; }

run unit cargo test --locked --lib --bins
run it cargo test --locked --test it
# Once more with every doubt about Redis Enterprise on its other side; scripts, pages and floors know none.
run doubted env REGENT_TEST_SWITCHES=all cargo test --locked --test it -- \
    --skip scripts:: --skip generated:: --skip pages:: --skip tidy:: --skip doubts::
run resim cargo test --locked --test resim
run docs cargo test --locked --doc
run alone cargo test --locked --doc --no-default-features
run cluster cargo test --locked --test cluster -- --test-threads=3
run demo env DEMO_EXIT=1 bash tests/demo/run.sh

say "summary"
grep -hE '^test result:|^DEMO' "$logs"/{unit,it,doubted,resim,docs,alone,cluster,demo}.log || true
if [ ${#failed[@]} -gt 0 ]; then
    printf '\nFAILED: %s; logs in %s\n' "${failed[*]}" "$logs"
    exit 1
fi
printf '\nALL TESTS PASSED in %d s\n' $((SECONDS - began))
