#!/usr/bin/env bash
# vm.sh FILE [FILE..] - runs the executable FILE (the others lie beside it, in /root/t) as root on Debian's own kernel
# and systemd in qemu without hardware help: real cgroup v2 with every controller. ~40 s. Exit status: FILE's. One that
# resets the machine (a power cut) runs again on the same disk, VM_BOOTS times at most.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd); CACHE=${FLEET_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/fleet}; V=$CACHE/vm
command -v qemu-system-x86_64 cpio mkfs.ext4 >/dev/null || { echo "needs qemu-system-x86 cpio e2fsprogs" >&2; exit 77; }
base=$("$here/../fleet/fleet.sh" build)
if [ ! -e "$V/ok" ]; then
  rm -rf "$V"; mkdir -p "$V/dl/partial" "$V/ird/bin" "$V/ird/lib" "$V/ird/proc" "$V/ird/sys" "$V/ird/dev" "$V/ird/new"; cd "$V/dl"
  apt-get -qq download "$(apt-cache depends linux-image-cloud-amd64 | awk '/Depends: linux-image/{print $2;exit}')" busybox-static 2>/dev/null
  dpkg-deb -x linux-image-*.deb k; dpkg-deb -x busybox-static*.deb bb; cp bb/bin/busybox "$V/ird/bin/"; cp k/boot/vmlinuz-* "$V/vmlinuz"
  for m in virtio_ring virtio virtio_pci_modern_dev virtio_pci_legacy_dev virtio_pci virtio_blk; do find k/lib/modules -name "$m.ko" -exec cp {} "$V/ird/lib/" \;; done
  printf '%s\n' '#!/bin/busybox sh' 'B=/bin/busybox; $B mount -t proc p /proc; $B mount -t sysfs s /sys; $B mount -t devtmpfs d /dev' \
    'for k in 1 2 3; do for m in /lib/*.ko; do $B insmod $m 2>/dev/null; done; done' \
    'i=0; while [ ! -b /dev/vda ] && [ $i -lt 100 ]; do $B sleep 0.1; i=$((i+1)); done' \
    '$B mount -t ext4 /dev/vda /new && exec $B switch_root /new /lib/systemd/systemd' >"$V/ird/init"; chmod +x "$V/ird/init"
  (cd "$V/ird" && find . | cpio -o -H newc 2>/dev/null | gzip -1 >"$V/initrd.gz"); rm -rf "$V/dl" "$V/ird"; touch "$V/ok"; cd - >/dev/null
fi
w=$(mktemp -d); mkdir -p "$w"/{u,k,r}; mount -t overlay vm -o "lowerdir=$base,upperdir=$w/u,workdir=$w/k,volatile" "$w/r"; trap 'umount "$w/r" 2>/dev/null; rm -rf "$w"' EXIT
mkdir -p "$w/r/root/t"; cp -a "$@" "$w/r/root/t/"; s=$w/r/etc/systemd/system
for u in serial-getty@ttyS0.service getty@tty1.service; do ln -sf /dev/null "$s/$u"; done
cat >"$s/vmtest.service" <<X
[Unit]
After=basic.target
[Service]
Type=oneshot
Delegate=yes
StandardOutput=tty
StandardError=tty
TTYPath=/dev/ttyS0
WorkingDirectory=/root/t
ExecStart=/bin/sh -c 'echo VM-BEGIN; ./$(basename "$1"); echo VM-END \$\$?'
ExecStopPost=/bin/systemctl poweroff --no-block
[Install]
WantedBy=multi-user.target
X
mkdir -p "$s/multi-user.target.wants"; ln -sf ../vmtest.service "$s/multi-user.target.wants/"
mkfs.ext4 -q -F -d "$w/r" "$w/img" 800M
for ((boot = 0; boot < ${VM_BOOTS:-1}; ++boot)); do
  ended=0; timeout "${VM_TIMEOUT:-300}" qemu-system-x86_64 -accel tcg,thread=multi -smp 2 -cpu max -m 1024 -nographic -no-reboot -net none -kernel "$V/vmlinuz" \
    -initrd "$V/initrd.gz" -append "console=ttyS0 quiet mitigations=off" -drive "file=$w/img,if=virtio,format=raw,cache=unsafe" </dev/null 2>&1 | tr -d '\r' >"$w/log" || ended=$?
  sed -n '/^VM-BEGIN/,/^VM-END/p' "$w/log" | sed '/^VM-/d'
  if [ $ended != 0 ] || ! grep -q '^VM-BEGIN' "$w/log" || grep -q '^VM-END' "$w/log"; then break; fi
done
rc=$(sed -n 's/^VM-END //p' "$w/log"); [ -n "$rc" ] || { tail -20 "$w/log" >&2; exit 1; }; exit "$rc"
