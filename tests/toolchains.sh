#!/usr/bin/env bash
# Names a toolchain that is missing or too old, with the version wanted and the way out, before anything is built.
#
#   toolchains.sh        what compiles Regent
#   toolchains.sh go     and what compiles the test tools that are written in Go
set -uo pipefail
missing=0

# want TOOL VERSION FOUND WAY-OUT
want() {
    if [ -z "$3" ]; then
        printf '%s is missing; %s or newer is wanted. %s\n' "$1" "$2" "$4" >&2
    elif [ "$(printf '%s\n%s\n' "$2" "$3" | sort -V | head -n 1)" != "$2" ]; then
        printf '%s %s is too old; %s or newer is wanted. %s\n' "$1" "$3" "$2" "$4" >&2
    else
        return
    fi
    missing=1
}

for tool in rustc cargo; do
    want "$tool" 1.95 "$("$tool" --version 2>/dev/null | cut -d ' ' -f 2)" \
        "Install it with rustup: rustup toolchain install stable"
done
want cc 4 "$(cc -dumpversion 2>/dev/null)" "Install a C compiler: apt-get install gcc"
if [ "${1:-}" = go ]; then
    want go 1.26 "$(go version 2>/dev/null | sed -n 's/^go version \(.* \)\{0,1\}go\([0-9][0-9.]*\).*/\2/p')" \
        "Unpack a newer Go and put its bin folder first in PATH"
fi
exit $((missing * 2))
