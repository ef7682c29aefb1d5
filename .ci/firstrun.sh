#!/usr/bin/env bash
# Says what the first run of a program costs on a machine that has Go and nothing
# else: modules and bytes that are downloaded, processor time, time. The floor stands
# below it: what two programs of one line take that import the standard library only.
#
#     bash .ci/firstrun.sh [PACKAGE]     (default ./examples/quickstart)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

package=${1:-./examples/quickstart}
cold=$(mktemp -d)
trap 'chmod -R u+w "$cold" && rm -rf "$cold"' EXIT
export GOFLAGS=-buildvcs=false GOTOOLCHAIN=local
TIMEFORMAT='%U %S %R'

# first NAME PACKAGE runs the package with nothing cached.
first() {
  export GOMODCACHE=$cold/$1/modules GOCACHE=$cold/$1/build XDG_CACHE_HOME=$cold/$1/cache
  mkdir -p "$GOMODCACHE/cache/download"
  local took user system real
  took=$({ time go run "$2" </dev/null >/dev/null 2>&1; } 2>&1)
  read -r user system real <<<"$took"
  find "$GOMODCACHE/cache/download" -name '*.zip' -printf '%s\n' |
    awk -v user="$user" -v sys="$system" -v real="$real" -v name="$1" \
      '{ n++; bytes += $1 } END { printf "%-14s %3d modules, %6.1f MB, %3.0f s of processor time, %3.0f s\n", name, n, bytes / 1e6, user + sys, real }'
}

first "$(basename "$package")" "$package"
mkdir "$cold/floor"
printf 'package main\n\nimport "fmt"\n\nfunc main() { fmt.Println("hello") }\n' >"$cold/floor/fmt.go"
printf 'package main\n\nimport "net/http"\n\nfunc main() { _ = http.DefaultClient }\n' >"$cold/floor/http.go"
first 'only fmt' "$cold/floor/fmt.go"
first 'only net/http' "$cold/floor/http.go"
