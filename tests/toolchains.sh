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
want curl 7.82 "$(curl --version 2>/dev/null | sed -n '1s/^curl \([0-9.]*\).*/\1/p')" "Install it: apt-get install curl"
want python3-requests 2 "$(python3 -c 'import requests; print(requests.__version__)' 2>/dev/null)" \
    "Install it: apt-get install python3-requests"
# Only tests of the data plane need it; the way to it is short enough to go it here.
if ! command -v redis-server >/dev/null && [ "$(id -u)" = 0 ]; then
    apt-get install --yes --no-install-recommends redis-server >/dev/null 2>&1
fi
want redis-server 7 "$(redis-server --version 2>/dev/null | sed -n 's/.* v=\([0-9.]*\).*/\1/p')" \
    "Install it: apt-get install redis-server"
exit $((missing * 2))
