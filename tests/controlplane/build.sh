#!/usr/bin/env bash
# Builds the test tools that are written in Go, once per machine rather than once per clone:
#
#   build.sh controlplane OUT    the control plane of this directory
#   build.sh helm OUT            helm, pinned in tools/go.mod
#
# A finished binary is kept in ~/.cache/regent (or $XDG_CACHE_HOME/regent) under a key of everything
# that it is made from; OUT is a hard link to it, or a copy. Exit codes: 2 for a wrong call or a
# missing Go, else 1 for a failure.
set -euo pipefail

readonly want_go=1.26 # as in the go lines of both go.mod files
readonly keep=3       # builds kept per tool
readonly beat=15      # seconds between signs of life

die() { # die CODE LINE...
    local code=$1
    shift
    printf '%s\n' "$@" >&2
    exit "$code"
}

usage="usage: build.sh controlplane|helm OUT"
[ $# -eq 2 ] || die 2 "$usage"
name=$1
case $2 in
/*) out=$2 ;;
*) out=$PWD/$2 ;;
esac

cd "$(dirname "${BASH_SOURCE[0]}")"
. ../background.sh
script=$PWD/$(basename "${BASH_SOURCE[0]}")
case $name in
controlplane) ;;
helm) cd tools ;;
*) die 2 "$usage" ;;
esac
say() { printf '%s: %s\n' "$name" "$*" >&2; }

# Only the Go that is installed: never one that it would download to please a go.mod, and no
# setting of the caller's that could change go.mod or the result.
export GOTOOLCHAIN=local GOFLAGS=-mod=readonly GOWORK=off CGO_ENABLED=0

check_go() {
    local remedy="install Go $want_go or newer (https://go.dev/dl) and put it first on PATH; nothing but the tests against a real API server needs it"
    command -v go >/dev/null || die 2 "$name: Go is missing: $remedy"
    local have
    have=$(cd / && go env GOVERSION)
    case $(printf '%s\n' "go$want_go" "$have" | sort -V | head -n 1) in
    "go$want_go") ;;
    *) die 2 "$name: $have is too old: $remedy" ;;
    esac
}

key() {
    local files=(go.mod go.sum "$script") file
    for file in *.go; do
        [ ! -e "$file" ] || files+=("$file")
    done
    { (cd / && go env GOVERSION GOOS GOARCH) && cat "${files[@]}"; } | sha256sum | cut -c 1-16
}

# The version of a module that go.mod requires.
required() { sed -n "s|^[[:space:]]*\(require \)\{0,1\}$1 \(v[0-9.]*\).*|\2|p" go.mod | head -n 1; }

# What is built, and which version it says it is. Unstamped, the server calls itself v0.0.0-master,
# which neither kubectl nor a chart's kubeVersion accepts.
plan() {
    local version
    case $name in
    controlplane)
        package=.
        version=$(required k8s.io/kubernetes)
        local minor=${version#v1.} variables
        stamps=
        for variables in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
            stamps+=" -X $variables.gitVersion=$version -X $variables.gitMajor=1"
            stamps+=" -X $variables.gitMinor=${minor%%.*}"
        done
        estimate="5 to 15 minutes on 2 cores, and 5 GB of disk"
        ;;
    helm)
        package=helm.sh/helm/v4/cmd/helm
        version=$(required helm.sh/helm/v4)
        stamps=" -X helm.sh/helm/v4/internal/version.version=$version"
        estimate="1 to 3 minutes on 2 cores"
        ;;
    esac
    [ -n "$version" ] || die 1 "$name: no version of it in $PWD/go.mod"
}

# Runs a command with its output in $log, one line a module or a package, and says every $beat seconds that it is at work. The
# command is a job in the background so that an interrupted build does not leave it, or a compiler of its, running.
total=''
run() { # run PHASE COMMAND...
    local phase=$1 began=$SECONDS count running
    shift
    background "$@" >"$log" 2>&1
    running=${jobs_begun[-1]}
    while kill -0 "$running" 2>/dev/null; do
        sleep 0.5
        if ((SECONDS - began >= beat)); then
            began=$SECONDS
            count=$(wc -l <"$log")
            [ -z "$total" ] && count+=" modules" || count+=" of at most $total packages"
            say "$phase, $((SECONDS / 60)) min $((SECONDS % 60)) s: $count"
        fi
    done
    local status=0
    wait_for_all || status=1
    if [ "$status" -ne 0 ]; then
        tail -n 30 "$log" >&2
        die 1 "$name: $phase failed"
    fi
}

build() {
    trap 'stop "${jobs_begun[@]}"; rm -f "$log" "$new"' EXIT
    rm -f "$new" # of a build that was killed
    say "building it, once for this machine: $estimate when Go's caches are empty"
    # go list downloads what the package needs, and no more (go mod download would).
    run "downloading modules" go list -deps "$package"
    total=$(grep -c -v '^go: ' "$log")
    run compiling go build -v -trimpath -buildvcs=false -ldflags "-s -w$stamps" -o "$new" "$package"
    mv -f "$new" "$binary"
    say "built in $((SECONDS / 60)) min $((SECONDS % 60)) s"

    # The newest by their last use (see place); an old one that another clone still has stays there.
    local old
    find "$cache" -maxdepth 1 -type f -name "$name-*" -printf '%T@ %p\n' | sort -rn |
        tail -n +$((keep + 1)) | cut -d ' ' -f 2- | while IFS= read -r old; do rm -f "$old"; done
}

place() {
    touch "$binary"
    [ ! "$out" -ef "$binary" ] || return 0
    mkdir -p "$(dirname "$out")"
    ln -f "$binary" "$out.new.$$" 2>/dev/null || cp "$binary" "$out.new.$$"
    mv -f "$out.new.$$" "$out"
}

check_go
cache=${XDG_CACHE_HOME:-$HOME/.cache}/regent
mkdir -p "$cache"
binary=$cache/$name-$(key)
new=$cache/$name.new
log=$cache/$name.log
if [ ! -x "$binary" ]; then
    exec 9>"$cache/$name.lock"
    if command -v flock >/dev/null && ! flock -n 9; then
        say "another build of it is under way; waiting for that one"
        background flock 9
        wait_for_all
    fi
    if [ ! -x "$binary" ]; then # the other build may have been this very one
        plan
        build
    fi
fi
place
