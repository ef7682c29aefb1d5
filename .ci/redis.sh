#!/usr/bin/env bash
# Runs a command with a Redis server on loopback, and stops it afterwards:
#
#     .ci/redis.sh go test ./reranker/cache/redis ./retriever/cache/redis ./reranker/shared
#
# The command finds the address in CASCADE_REDIS and the server's program, for
# tests that start their own, in CASCADE_REDIS_SERVER; without a command the address
# is printed and served until Ctrl-C. The server is that of Debian's package
# redis-server, which is installed where that is allowed. Where it cannot run, that
# is said loudly and the command runs without the variables; with
# CASCADE_REDIS_REQUIRED=1 it is an error instead. The exit status is the command's.
set -euo pipefail

unavailable() {
  echo "!!! redis: $1: the tests against a real Redis are SKIPPED" >&2
  if [ "${CASCADE_REDIS_REQUIRED:-}" = 1 ]; then exit 1; fi
  [ $# -gt 1 ] || exit 0
  shift
  exec "$@"
}

if [ -n "${CASCADE_REDIS:-}" ] && [ $# -gt 0 ]; then exec "$@"; fi # a server is already there
program=${CASCADE_REDIS_SERVER:-$(command -v redis-server || command -v valkey-server || true)}
if [ -z "$program" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  # The package would start a server of its own.
  policy=/usr/sbin/policy-rc.d
  [ -e "$policy" ] || { printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod +x "$policy" && made=1; }
  (timeout 300 apt-get update -qq && timeout 300 apt-get install -y -qq --no-install-recommends redis-server) >/dev/null 2>&1 || true
  [ -z "${made:-}" ] || rm -f "$policy"
  program=$(command -v redis-server || true)
fi
[ -n "$program" ] || unavailable "redis-server is not installed and could not be" "$@"

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

# start tries a few ports, since another program may take one in between.
start() {
  local port
  for _ in 1 2 3 4 5; do
    port=$((20000 + RANDOM % 20000))
    "$program" --bind 127.0.0.1 --port "$port" --save '' --appendonly no --dir "$run" --databases 16 >"$run/log" 2>&1 &
    server=$!
    for _ in $(seq 100); do
      grep -q -i 'ready to accept connections' "$run/log" && { echo "$port" >"$run/port"; return; }
      kill -0 "$server" 2>/dev/null || break
      sleep 0.1
    done
    kill "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
    server=
  done
  return 1
}
if ! start; then
  tail -n 5 "$run/log" >&2
  stop
  trap - EXIT
  unavailable "the server did not start" "$@"
fi

export CASCADE_REDIS="redis://127.0.0.1:$(cat "$run/port")/0"
export CASCADE_REDIS_SERVER="$program"
if [ $# -eq 0 ]; then
  echo "CASCADE_REDIS='$CASCADE_REDIS'"
  wait "$server" || true
else
  status=0
  "$@" || status=$?
  exit "$status"
fi
