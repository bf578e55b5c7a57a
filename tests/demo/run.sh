#!/usr/bin/env bash
# Builds the demo and becomes it, so that Ctrl-C reaches it and nobody else: what it starts has process groups of its own.
set -euo pipefail
cd "$(dirname "$0")/../.."
built=$(cargo test --locked --no-run --test demo --message-format json-render-diagnostics |
    sed -n 's/.*"executable":"\([^"]*\/demo-[^"]*\)".*/\1/p' | tail -n 1)
[ -x "$built" ] || { echo "demo: cargo named no executable" >&2; exit 1; }
exec "$built"
