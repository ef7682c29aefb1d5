#!/usr/bin/env bash
# Asks the MCP server of examples/mcp with a second client, Python's MCP SDK in both of
# its major versions, over standard input and output and over HTTP:
#
#     bash .ci/mcpclient.sh
#
# The SDK comes from PyPI and is kept in a cache folder. Where it cannot be had (no
# Python, no network), that is said loudly and nothing is tested; with
# CASCADE_MCPCLIENT_REQUIRED=1 it is an error instead.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
built=$(mktemp -d)
trap 'rm -rf "$built"' EXIT
(cd "$here/.." && go build -o "$built/mcp" ./examples/mcp)

# ask SDK SCRIPT
ask() {
  local cache=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/cascade/mcpclient-${1##*=}
  if [ ! -e "$cache/complete" ]; then
    rm -rf "$cache"
    mkdir -p "$(dirname "$cache")"
    if ! log=$({ python3 -m venv "$cache" && timeout 300 "$cache/bin/pip" install -q --disable-pip-version-check "$1"; } 2>&1); then
      tail -n 3 <<<"$log" >&2
      rm -rf "$cache"
      echo "!!! no $1: the test of examples/mcp with Python's SDK is SKIPPED" >&2
      if [ "${CASCADE_MCPCLIENT_REQUIRED:-}" = 1 ]; then exit 1; fi
      return 0
    fi
    touch "$cache/complete"
  fi
  timeout 180 "$cache/bin/python" "$here/$2" "$built/mcp"
}

ask mcp==1.30.0 mcpclient.py
ask mcp==2.3.0 mcpclient2.py
