# Run by sh in the fresh system, in a mount namespace of its own: installs the package /tmp/older.deb, makes a
# container of the bundle /tmp/bundle, upgrades to /tmp/tsrun.deb, starts that container and runs another,
# removes and purges the package. Each step says what it saw; anything wrong ends it.
set -eu
export DEBIAN_FRONTEND=noninteractive PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C

files() {
  find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /tmp -o -path /var/lib/dpkg -o -path /var/log \) \
    -prune -o -print | sort
}

install() {
  dpkg -i "$1" >/tmp/install.log 2>&1 || { cat /tmp/install.log; exit 1; }
  grep -qE 'could not be kept|warning' /tmp/install.log && { cat /tmp/install.log; exit 1; } || :
}

files >/tmp/before
install /tmp/older.deb
test "$(dpkg-query -W -f '${Version}' tsrun)" = 0.1.0
test -e /usr/share/doc/tsrun/older
tsrun create --bundle /tmp/bundle kept >/tmp/kept.log 2>&1
install /tmp/tsrun.deb
test ! -e /usr/share/doc/tsrun/older
tsrun state kept | grep -q '"status": "created"'
tsrun start kept
until tsrun state kept | grep -q '"status": "stopped"'; do sleep 0.1; done
grep -qx 'hello from a container' /tmp/kept.log
tsrun delete kept
echo a container of the older one was started
tsrun --version
dpkg -V tsrun
# The compiled code that postinst has kept.
find /usr/lib/tsrun -name '*.cache' -size +100k -o -name 'v8_code_cache_v2' -size +100k | grep . || exit 1
test -f /usr/share/man/man8/tsrun-create.8.gz
test -f /usr/share/bash-completion/completions/tsrun
tsrun run --bundle /tmp/bundle first
tsrun list --quiet
dpkg -V tsrun
dpkg --remove tsrun >/tmp/remove.log 2>&1 || { cat /tmp/remove.log; exit 1; }
dpkg --purge tsrun >>/tmp/remove.log 2>&1 || { cat /tmp/remove.log; exit 1; }
grep -i warning /tmp/remove.log && exit 1
files >/tmp/after
diff /tmp/before /tmp/after
echo nothing is left
