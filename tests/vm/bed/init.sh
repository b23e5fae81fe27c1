#!/bin/busybox sh
# First program of the machine (in the initial ramdisk): drivers, an address, the real root.
/bin/busybox --install -s /bin
mount -t devtmpfs devtmpfs /dev
mkdir -p /sys
mount -t sysfs sysfs /sys
while read -r module; do
  insmod "/modules/$module" 2>/dev/null || :
done </order
tries=0
until [ -b /dev/vda ] && [ -e /sys/class/net/eth0 ] || [ $tries -ge 100 ]; do
  sleep .1
  tries=$((tries + 1))
done
ip link set lo up
ip addr add 10.0.2.15/24 dev eth0
ip link set eth0 up
ip route add default via 10.0.2.2
mount -t ext4 /dev/vda /root
mount --move /dev /root/dev
umount /sys
exec switch_root /root /sbin/init
