#!/usr/bin/env bash
# Builds what the demo runs: the control plane beside cargo's build, each showing that it is alive.
set -uo pipefail
cd "$(dirname "$0")/../.."
tool=
if [ -z "${REGENT_TEST_KUBECONFIG:-}" ]; then
    bash tests/controlplane/build.sh controlplane target/controlplane &
    tool=$!
fi
cargo build --locked --bins && cargo test --locked --no-run --test demo || { [ -z "$tool" ] || kill "$tool"; exit 1; }
[ -z "$tool" ] || wait "$tool"
