#!/usr/bin/env bash
# Builds the gateway's image with the command that follows, such as
#
#     bash examples/gateway/image.sh docker build -t cascade-gateway
#
# The program is linked statically, for GOOS and GOARCH where they are set.
set -euo pipefail

[ $# -gt 0 ] || { echo "usage: image.sh docker build -t NAME (or podman build, buildah bud)" >&2; exit 2; }
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
roots=
for file in "${SSL_CERT_FILE:-}" /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/cert.pem; do
  if [ -n "$file" ] && [ -s "$file" ]; then roots=$file && break; fi
done
[ -n "$roots" ] || { echo "image.sh: no roots of certificates found: name their file in SSL_CERT_FILE" >&2; exit 1; }

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
(cd "$here/../.." && CGO_ENABLED=0 GOOS=${GOOS:-linux} go build -trimpath -ldflags="-s -w" -o "$folder/gateway" ./examples/gateway)
cp "$roots" "$folder/ca-certificates.crt"
chmod 755 "$folder" "$folder/gateway"
chmod 644 "$folder/ca-certificates.crt"
"$@" -f "$here/Containerfile" "$folder"
