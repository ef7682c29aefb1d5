#!/usr/bin/env bash
# Runs the tests of internal/bert's loops on an emulated processor with AVX-512,
# for machines that have none:
#
#     .ci/avx512.sh [TESTS]
#
# TESTS is a pattern of go test -run. Bochs emulates a Skylake-X and boots Debian's
# kernel; the tests are its first process. That took eight minutes on a busy machine, so that
# .ci/run leaves it out. It needs Debian's packages bochs, bochsbios, vgabios,
# isolinux, syslinux-common, xorriso and cpio, and the right to download a kernel
# with apt-get. The exit status is 0 if the tests passed there.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
tests=${1:-TestEveryKernel|TestAgreesWithONNXRuntime}
life=${CASCADE_AVX512_SECONDS:-3600}

work=$(mktemp -d)
bochs=
stop() {
  [ -z "$bochs" ] || kill -- -"$bochs" 2>/dev/null || true
  rm -rf "$work"
}
trap stop EXIT

for need in bochs xorriso cpio apt-get; do
  command -v $need >/dev/null || { echo "$need is missing: apt-get install bochs bochsbios vgabios isolinux syslinux-common xorriso cpio" >&2; exit 1; }
done

kernel=$(apt-cache depends linux-image-cloud-amd64 | sed -n 's/.*Depends: \(linux-image-[^ ]*\)/\1/p' | head -n 1)
(cd "$work" && apt-get download -qq "$kernel" 2>/dev/null && dpkg -x linux-image-*.deb kernel)

root=$work/root
mkdir -p "$root"/{proc,dev,tmp,internal/bert} "$work"/{init,iso}
cp -r internal/bert/testdata "$root/internal/bert/"
export CGO_ENABLED=0 GOARCH=amd64 GOFLAGS=-buildvcs=false
go test -c -ldflags="-s -w" -o "$root/bert.test" ./internal/bert
cat >"$work/init/main.go" <<'GO'
// Command init is the first process: it runs the tests and switches off.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
)

func main() {
	for _, fs := range [][2]string{{"proc", "/proc"}, {"devtmpfs", "/dev"}, {"tmpfs", "/tmp"}} {
		if err := syscall.Mount(fs[0], fs[1], fs[0], 0, ""); err != nil {
			fmt.Println(err)
		}
	}
	cpu, _ := os.ReadFile("/proc/cpuinfo")
	fmt.Println("avx512f:", strings.Contains(string(cpu), " avx512f "))
	pattern, _ := os.ReadFile("/tests")
	tests := exec.Command("/bert.test", "-test.v", "-test.timeout=0", "-test.run="+string(pattern))
	tests.Dir, tests.Env = "/internal/bert", []string{"HOME=/tmp"}
	tests.Stdout, tests.Stderr = os.Stdout, os.Stdout
	if err := tests.Run(); err != nil {
		fmt.Println("FAILED:", err)
	} else {
		fmt.Println("PASSED")
	}
	syscall.Sync()
	_ = syscall.Reboot(syscall.LINUX_REBOOT_CMD_POWER_OFF)
}
GO
printf %s "$tests" >"$root/tests"
go build -ldflags="-s -w" -o "$root/init" "$work/init/main.go"
(cd "$root" && find . | cpio -o -H newc --quiet) >"$work/iso/initrd"
cp "$work"/kernel/boot/vmlinuz-* "$work/iso/vmlinuz"
cp /usr/lib/ISOLINUX/isolinux.bin /usr/lib/syslinux/modules/bios/ldlinux.c32 "$work/iso/"
cat >"$work/iso/isolinux.cfg" <<'EOF'
DEFAULT tests
PROMPT 0
LABEL tests
 KERNEL vmlinuz
 APPEND initrd=initrd console=ttyS0 nokaslr mitigations=off rdinit=/init tsc=reliable nosmp panic=-1 clearcpuid=xsavec,xsaves
EOF
xorriso -as mkisofs -quiet -o "$work/tests.iso" -b isolinux.bin -c boot.cat -no-emul-boot -boot-load-size 4 -boot-info-table "$work/iso" 2>/dev/null
cat >"$work/bochsrc" <<EOF
display_library: rfb, options="timeout=0"
megs: 1024
romimage: file=/usr/share/bochs/BIOS-bochs-latest
vgaromimage: file=/usr/share/vgabios/vgabios.bin
cpu: model=corei7_skylake_x, count=1, ips=50000000, reset_on_triple_fault=0
ata0-master: type=cdrom, path=$work/tests.iso, status=inserted
boot: cdrom
com1: enabled=1, mode=file, dev=$work/serial.txt
log: /dev/null
panic: action=fatal
EOF

# Debian's bochs starts in its debugger: "c" goes on.
touch "$work/serial.txt"
setsid bash -c "(echo c; sleep $life) | bochs -q -f '$work/bochsrc'" >/dev/null 2>&1 &
bochs=$!
for ((i = 0; i < life; i++)); do
  if grep -qE '^(PASSED|FAILED)' "$work/serial.txt"; then break; fi
  kill -0 "$bochs" 2>/dev/null || break
  sleep 1
done
tr -d '\r' <"$work/serial.txt"
grep -q '^avx512f: true' "$work/serial.txt" && grep -q '^PASSED' "$work/serial.txt"
