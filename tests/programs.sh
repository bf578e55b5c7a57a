#!/usr/bin/env bash
# Installs the programs that only tests run: curl and redis-server from Debian's packages, Python's requests into a folder
# below target/. Without the right to install, says what to install.
set -uo pipefail
cd "$(dirname "$0")/.."
readonly requests=2.32.5

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
if ! target/python/bin/python3 -c "import requests; assert requests.__version__ == '$requests'" 2>/dev/null; then
    echo "installing Python's requests $requests"
    python3 -m venv target/python && target/python/bin/pip install --quiet "requests==$requests" || exit 1
fi
echo "curl, redis-server and Python's requests are here"
