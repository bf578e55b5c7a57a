#!/usr/bin/env bash
# The crates that Regent is made of, compiled: a fresh clone would compile them for minutes, and they seldom change.
#
#   crates.sh take    puts them into a target folder that has none yet
#   crates.sh keep    keeps those of the target folder for the next clone
#
# They lie in ~/.cache/regent (or $XDG_CACHE_HOME/regent) under a key of everything that they are made from. Nothing of this
# package is among them, and cargo checks what it finds as it always does.
set -euo pipefail
cd "$(dirname "$0")/.."
readonly keep=2 # sets kept
readonly cache=${XDG_CACHE_HOME:-$HOME/.cache}/regent
# Crates of this package: the library, its binaries, tests and benches.
readonly own='regent|resim|it|cluster|demo|sim'

[ -z "${CARGO_TARGET_DIR:-}${CARGO_BUILD_TARGET_DIR:-}${CARGO_BUILD_BUILD_DIR:-}" ] || exit 0
made_from() {
    rustc --version --verbose && cargo --version && printf '%s\n' "${RUSTFLAGS:-}" && cat Cargo.toml Cargo.lock tests/crates.sh
}
key=$(made_from | sha256sum | cut -c 1-16)
readonly kept=$cache/crates-$key

# copy FROM TO: what is not there yet, outputs before the fingerprints that vouch for them.
copy() {
    local part
    for part in build deps .fingerprint; do
        mkdir -p "$2/$part"
        find "$1/$part" -mindepth 1 -maxdepth 1 -regextype posix-extended \
            ! -regex ".*/(lib)?($own)-[0-9a-f]{16}(\..*)?" -print0 |
            xargs -0 -r cp -a --no-clobber --target-directory "$2/$part"
    done
}

case ${1:-} in
take)
    if [ ! -e target/debug/.fingerprint ] && [ -d "$kept" ]; then
        copy "$kept" target/debug
        touch "$kept"
        echo "crates: compiled ones taken from $kept"
    fi
    ;;
keep)
    mkdir -p "$cache"
    exec 9>"$cache/crates.lock"
    flock 9
    copy target/debug "$kept"
    touch "$kept"
    find "$cache" -maxdepth 1 -name 'crates-*' -printf '%T@ %p\n' | sort -rn | tail -n +$((keep + 1)) | cut -d ' ' -f 2- |
        while IFS= read -r old; do rm -rf "$old"; done
    echo "crates: $(du -sh "$kept" | cut -f 1) kept in $kept for the next clone"
    ;;
*)
    echo "usage: crates.sh take|keep" >&2
    exit 2
    ;;
esac
