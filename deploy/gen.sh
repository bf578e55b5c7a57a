#!/usr/bin/env bash
# Renders install.yaml from the charts: the CRDs, the operator's namespace, the operator.
set -euo pipefail
cd "$(dirname "$0")/.."
out=${1:-deploy/install.yaml}
helm=target/helm
{
    echo "# Everything that Regent needs, rendered from charts/. Do not edit; \`make gen\` writes it."
    echo "---"
    printf '%s\n' 'apiVersion: v1' 'kind: Namespace' 'metadata:' '  name: regent-system' '  labels:' \
        '    app.kubernetes.io/part-of: regent' '    pod-security.kubernetes.io/enforce: restricted'
    "$helm" template regent-crds charts/regent-crds
    "$helm" template regent charts/regent --namespace regent-system
} >"$out.partial"
mv "$out.partial" "$out"
