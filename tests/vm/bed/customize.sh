#!/bin/sh
# Run by mmdebstrap when all packages are in place: `customize.sh ROOT KEY OUT`. Turns the tree into a machine that
# boots fast under emulation and answers ssh; puts its kernel and an initial ramdisk into OUT.
set -eu
umask 022
root=$1 key=$2 out=$3
units=$root/etc/systemd/system

echo tsrun-vm >"$root/etc/hostname"
printf '127.0.0.1 localhost tsrun-vm\n::1 localhost\n' >"$root/etc/hosts"
od -An -N16 -tx1 /dev/urandom | tr -d ' \n' >"$root/etc/machine-id"
echo >>"$root/etc/machine-id"
echo '/dev/vda / ext4 rw,noatime 0 0' >"$root/etc/fstab"

# Nothing that waits, trims, rotates or updates; daemons of containers are started by the tests that need them.
rm -f "$units"/*/podman* "$units"/*/docker* "$units"/*/containerd* "$units"/timers.target.wants/*
for unit in \
  getty@tty1.service getty-static.service getty.target serial-getty@ttyS0.service \
  systemd-udev-trigger.service systemd-update-utmp.service systemd-update-utmp-runlevel.service \
  systemd-random-seed.service systemd-journal-flush.service systemd-firstboot.service systemd-pstore.service \
  systemd-machine-id-commit.service systemd-tmpfiles-clean.timer systemd-repart.service systemd-binfmt.service \
  systemd-pcrphase.service systemd-pcrphase-sysinit.service e2scrub_reap.service apparmor.service \
  networking.service sys-kernel-debug.mount sys-kernel-tracing.mount; do
  ln -sf /dev/null "$units/$unit"
done
mkdir -p "$root/etc/systemd/journald.conf.d"
printf '[Journal]\nStorage=volatile\n' >"$root/etc/systemd/journald.conf.d/tsrun.conf"

# A user without rights, whose service manager and bus run from the boot on, with all controllers its own.
chroot "$root" useradd --create-home --shell /bin/bash --uid 1000 tester
mkdir -p "$root/var/lib/systemd/linger" "$units/user@.service.d"
touch "$root/var/lib/systemd/linger/tester"
printf '[Service]\nDelegate=cpu cpuset io memory pids\n' >"$units/user@.service.d/delegate.conf"
grep -q '^tester:' "$root/etc/subuid" || echo tester:100000:65536 >>"$root/etc/subuid"
grep -q '^tester:' "$root/etc/subgid" || echo tester:100000:65536 >>"$root/etc/subgid"

# The way in.
mkdir -p -m 700 "$root/root/.ssh" "$root/home/tester/.ssh"
cp "$key.pub" "$root/root/.ssh/authorized_keys"
cp "$key.pub" "$root/home/tester/.ssh/authorized_keys"
chroot "$root" chown -R tester:tester /home/tester
printf '%s\n' 'UsePAM no' 'UseDNS no' 'PermitRootLogin prohibit-password' 'PasswordAuthentication no' \
  'MaxSessions 100' 'MaxStartups 100' 'PrintMotd no' >"$root/etc/ssh/sshd_config.d/tsrun.conf"

# The kernel, and a ramdisk of one program, one script and the drivers of the disk and the network.
version=$(ls "$root/lib/modules")
cp "$root/boot/vmlinuz-$version" "$out/vmlinuz"
mkdir -p "$root/ramdisk/bin" "$root/ramdisk/modules" "$root/ramdisk/root"
cp "$root/bin/busybox" "$root/ramdisk/bin/busybox"
cp "$(dirname "$0")/init.sh" "$root/ramdisk/init"
chmod 755 "$root/ramdisk/init"
number=100
for driver in virtio_pci virtio_blk virtio_net virtio_rng; do
  chroot "$root" modprobe -S "$version" --show-depends "$driver" | while read -r _ file _; do
    number=$((number + 1))
    case $file in
      *.xz) xz -dc "$root$file" >"$root/ramdisk/modules/$driver-$number-$(basename "$file" .xz)" ;;
      *) cp "$root$file" "$root/ramdisk/modules/$driver-$number-$(basename "$file")" ;;
    esac
  done
done
(cd "$root/ramdisk" && ls modules) >"$root/ramdisk/order.all"
for driver in virtio_pci virtio_blk virtio_net virtio_rng; do
  grep "^$driver-" "$root/ramdisk/order.all" || :
done >"$root/ramdisk/order"
chroot "$root" sh -c 'cd /ramdisk && find . | cpio --quiet -o -H newc' >"$out/initrd"
rm -rf "$root/ramdisk" "$root"/boot/* "$root"/vmlinuz* "$root"/initrd* "$root"/var/cache/apt/* \
  "$root"/var/lib/apt/lists/* "$root"/var/log/*.log
