#!/usr/bin/env bash
# Installs the programs that only tests run: curl and redis-server from Debian's packages, Python's requests and a client
# that others wrote into a folder below target/. Without the right to install, says what to install.
set -uo pipefail
cd "$(dirname "$0")/.."
readonly requests=2.32.5 client=0.10.0

packages=()
command -v curl >/dev/null || packages+=(curl)
command -v redis-server >/dev/null || packages+=(redis-server)
command -v python3 >/dev/null || packages+=(python3)
python3 -c 'import ensurepip' 2>/dev/null || packages+=(python3-venv)
if [ ${#packages[@]} -gt 0 ]; then
    if [ "$(id -u)" != 0 ]; then
        printf 'missing: %s. Install them: apt-get install %s\n' "${packages[*]}" "${packages[*]}" >&2
        exit 1
    fi
    echo "installing ${packages[*]}"
    apt-get update -qq && apt-get install --yes -qq --no-install-recommends "${packages[@]}" || exit 1
fi
version() { target/python/bin/python3 -c "from importlib.metadata import version; print(version('$1'))" 2>/dev/null; }
if [ "$(version requests) $(version redis-enterprise)" != "$requests $client" ]; then
    echo "installing Python's requests $requests and redis-enterprise $client"
    python3 -m venv target/python &&
        target/python/bin/pip install --quiet "requests==$requests" "redis-enterprise==$client" || exit 1
fi
echo "curl, redis-server, Python's requests and redis-enterprise are here"
