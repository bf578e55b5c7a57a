#!/usr/bin/env bash
# `make test`: builds what the tests need, runs them from the lowest floor to the highest, ends with a verdict.
set -uo pipefail
cd "$(dirname "$0")/.."
readonly logs=target/test-logs
mkdir -p "$logs"
began=$SECONDS
failed=()

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

# The Go tools build while cargo does; both are in the user's cache after the first time.
say "building the test tools in the background"
tools=()
if [ -z "${REGENT_TEST_KUBECONFIG:-}" ]; then
    bash tests/controlplane/build.sh controlplane target/controlplane &
    tools+=($!)
fi
(
    # One heavy build at a time: helm after the control plane.
    wait_for=${tools[0]:-}
    while [ -n "$wait_for" ] && kill -0 "$wait_for" 2>/dev/null; do sleep 1; done
    exec bash tests/controlplane/build.sh helm target/helm
) &
tools+=($!)

say "building"
cargo test --locked --no-run --lib --bins --test it --test resim --test cluster --test demo || exit 1
for tool in "${tools[@]}"; do
    wait "$tool" || { say "a test tool could not be built; its message is above"; exit 1; }
done

run unit cargo test --locked --lib --bins
run it cargo test --locked --test it
run resim cargo test --locked --test resim
run docs cargo test --locked --doc
run alone cargo test --locked --doc --no-default-features
run cluster cargo test --locked --test cluster -- --test-threads=3
run demo env DEMO_EXIT=1 bash tests/demo/run.sh

say "summary"
grep -hE '^test result:|^DEMO' "$logs"/{unit,it,resim,docs,alone,cluster,demo}.log || true
if [ ${#failed[@]} -gt 0 ]; then
    printf '\nFAILED: %s; logs in %s\n' "${failed[*]}" "$logs"
    exit 1
fi
printf '\nALL TESTS PASSED in %d s\n' $((SECONDS - began))
