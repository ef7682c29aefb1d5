#!/usr/bin/env bash
# Runs a command with a PostgreSQL that has pgvector, and stops it afterwards:
#
#     .ci/pgvector.sh go test ./retriever/langchain ./retriever/postgres -p 1
#
# The command finds the address in CASCADE_PGVECTOR; without a command the
# address is printed and served until Ctrl-C. The server is PGlite (PostgreSQL
# compiled to WebAssembly) from npm, kept in a cache folder. Where it cannot run
# (no node, no npm, no network), that is said loudly and the command runs without
# the variable; with CASCADE_PGVECTOR_REQUIRED=1 it is an error instead.
# The exit status is the command's.
set -euo pipefail

packages=(
  @electric-sql/pglite@0.5.14
  @electric-sql/pglite-pgvector@0.0.15
  @electric-sql/pglite-socket@0.2.17
)
life=${CASCADE_PGVECTOR_SECONDS:-1800}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${CASCADE_PGVECTOR_CACHE:-${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/cascade/pgvector-0.5.14-0.0.15-0.2.17}

unavailable() {
  echo "!!! pgvector: $1: the tests against a real pgvector are SKIPPED" >&2
  if [ "${CASCADE_PGVECTOR_REQUIRED:-}" = 1 ]; then exit 1; fi
  [ $# -gt 1 ] || exit 0
  shift
  exec "$@"
}

# install puts the packages into the cache, whole or not at all.
install() {
  [ -e "$cache/complete" ] && return
  mkdir -p "$(dirname "$cache")"
  local fresh
  fresh=$(mktemp -d "$cache.XXXXXX")
  echo '{"private":true}' >"$fresh/package.json"
  if ! (cd "$fresh" && npm install --no-audit --no-fund --no-package-lock --ignore-scripts --loglevel=error "${packages[@]}") >"$fresh/log" 2>&1; then
    tail -n 5 "$fresh/log" >&2
    rm -rf "$fresh"
    return 1
  fi
  touch "$fresh/complete"
  [ -e "$cache" ] && [ ! -e "$cache/complete" ] && rm -rf "$cache"
  if [ -e "$cache" ]; then rm -rf "$fresh"; else mv "$fresh" "$cache"; fi # another run may have been faster
  [ -e "$cache/complete" ]
}

if [ -n "${CASCADE_PGVECTOR:-}" ] && [ $# -gt 0 ]; then exec "$@"; fi # a server is already there
command -v node >/dev/null || unavailable "node is not installed" "$@"
command -v npm >/dev/null || unavailable "npm is not installed" "$@"
install || unavailable "npm could not install ${packages[*]}" "$@"

run=$(mktemp -d)
server=
stop() {
  if [ -n "$server" ]; then
    kill "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
  fi
  rm -rf "$run"
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

node "$here/pgvector.cjs" "$cache" "$run/port" "$life" >"$run/log" 2>&1 &
server=$!
for _ in $(seq 600); do
  [ -s "$run/port" ] && break
  kill -0 "$server" 2>/dev/null || break
  sleep 0.1
done
if [ ! -s "$run/port" ]; then
  cat "$run/log" >&2
  stop
  trap - EXIT
  unavailable "the server did not start" "$@"
fi

export CASCADE_PGVECTOR="postgres://postgres:postgres@127.0.0.1:$(cat "$run/port")/postgres?sslmode=disable"
if [ $# -eq 0 ]; then
  echo "CASCADE_PGVECTOR='$CASCADE_PGVECTOR'"
  wait "$server" || true
else
  status=0
  "$@" || status=$?
  exit "$status"
fi
