#!/usr/bin/env bash
# Names a toolchain that is missing or too old, with the version wanted and the way out, before anything is built.
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

want rustc 1.95 "$(rustc --version 2>/dev/null | cut -d ' ' -f 2)" "Install it with rustup: rustup toolchain install stable"
want go 1.26 "$(go version 2>/dev/null | sed -n 's/^go version go\([0-9.]*\).*/\1/p')" \
    "Unpack a newer Go and put its bin folder first in PATH"
want cc 4 "$(cc -dumpversion 2>/dev/null)" "Install a C compiler: apt-get install gcc"
exit $((missing * 2))
