#!/usr/bin/env bash
# Renders install.yaml from the charts: the CRDs, the operator's namespace, the operator.
set -euo pipefail
cd "$(dirname "$0")/.."
out=${1:-deploy/install.yaml}
helm=target/helm
{
    echo "# Everything that Regent needs, rendered from charts/. Do not edit; \`make gen\` writes it."
    echo "---"
    printf 'apiVersion: v1\nkind: Namespace\nmetadata:\n  name: regent-system\n'
    "$helm" template regent-crds charts/regent-crds
    "$helm" template regent charts/regent --namespace regent-system
} >"$out.partial"
mv "$out.partial" "$out"
