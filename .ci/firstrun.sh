#!/usr/bin/env bash
# Says what the first run of a program costs on a machine that has Go and nothing
# else: modules and bytes that are downloaded, processor time, time.
#
#     bash .ci/firstrun.sh [PACKAGE]     (default ./examples/quickstart)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

package=${1:-./examples/quickstart}
cold=$(mktemp -d)
trap 'chmod -R u+w "$cold" && rm -rf "$cold"' EXIT
export GOMODCACHE=$cold/modules GOCACHE=$cold/build XDG_CACHE_HOME=$cold/cache GOFLAGS=-buildvcs=false GOTOOLCHAIN=local
TIMEFORMAT='%U %S %R'
took=$({ time go run "$package" </dev/null >/dev/null 2>&1; } 2>&1)
read -r user system real <<<"$took"
find "$GOMODCACHE/cache/download" -name '*.zip' -printf '%s\n' |
  awk -v user="$user" -v sys="$system" -v real="$real" -v package="$package" \
    '{ n++; bytes += $1 } END { printf "%s: %d modules, %.1f MB, %.0f s of processor time, %.0f s\n", package, n, bytes / 1e6, user + sys, real }'
