#!/usr/bin/env bash
# Builds what the demo runs: the control plane beside cargo's build, each showing that it is alive.
set -uo pipefail
cd "$(dirname "$0")/../.."
. tests/background.sh
if [ -z "${REGENT_TEST_KUBECONFIG:-}" ]; then
    background bash tests/controlplane/build.sh controlplane target/controlplane
fi
bash tests/crates.sh take
# With the binaries, as the tests have them: a build without tests compiles most crates once more.
cargo test --locked --no-run --test demo || exit 1
wait_for_all
