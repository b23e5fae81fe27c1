/**
 * What runc's development head (1.5.0-rc.1+dev, commit 76d9cf5d) makes of flags of bind mounts, as the kernel
 * shows it: measured on Linux 6.18 with the sources below, each option beside `bind`.
 */

/** Sources: a tmpfs that has these flags as a mount. */
export const SOURCES = [
  "ro,nosuid,nodev,noexec,noatime",
  "ro,noexec,nosymfollow,nodiratime,relatime",
  "strictatime,nodev",
];

/** What a mount is said to be where it is refused. */
export const REFUSED = "-";

/** One line for each list of options; for each source, without and with a user namespace. */
export const TABLE = `
bind ro,nosuid,nodev,noexec,noatime ro,nosuid,nodev,noexec,noatime ro,noexec,nodiratime,relatime,nosymfollow ro,noexec,nodiratime,relatime,nosymfollow rw,nodev rw,nodev
ro ro,noatime ro,nosuid,nodev,noexec,noatime ro,nodiratime,relatime ro,noexec,nodiratime,relatime ro ro,nodev
rw rw,noatime - rw,nodiratime,relatime - rw rw,nodev
nosuid rw,nosuid,noatime ro,nosuid,nodev,noexec,noatime rw,nosuid,nodiratime,relatime ro,nosuid,noexec,nodiratime,relatime rw,nosuid rw,nosuid,nodev
suid rw,noatime - rw,nodiratime,relatime ro,noexec,nodiratime,relatime rw rw,nodev
nodev rw,nodev,noatime ro,nosuid,nodev,noexec,noatime rw,nodev,nodiratime,relatime ro,nodev,noexec,nodiratime,relatime rw,nodev rw,nodev
dev rw,noatime - rw,nodiratime,relatime ro,noexec,nodiratime,relatime rw -
noexec rw,noexec,noatime ro,nosuid,nodev,noexec,noatime rw,noexec,nodiratime,relatime ro,noexec,nodiratime,relatime rw,noexec rw,nodev,noexec
exec rw,noatime - rw,nodiratime,relatime - rw rw,nodev
noatime rw,noatime ro,nosuid,nodev,noexec,noatime rw,noatime - rw,noatime -
atime rw,noatime - rw,nodiratime,relatime ro,noexec,nodiratime,relatime rw rw,nodev
relatime rw,relatime - rw,relatime - rw,relatime -
norelatime rw,noatime ro,nosuid,nodev,noexec,noatime rw,nodiratime,relatime - rw rw,nodev
strictatime rw - rw - rw rw,nodev
nostrictatime rw,noatime ro,nosuid,nodev,noexec,noatime rw,nodiratime,relatime ro,noexec,nodiratime,relatime rw -
nodiratime rw,nodiratime,relatime - rw,nodiratime,relatime - rw,nodiratime,relatime -
diratime rw,noatime ro,nosuid,nodev,noexec,noatime rw,nodiratime,relatime - rw rw,nodev
nosymfollow rw,noatime,nosymfollow ro,nosuid,nodev,noexec,noatime,nosymfollow rw,nodiratime,relatime,nosymfollow ro,noexec,nodiratime,relatime,nosymfollow rw,nosymfollow rw,nodev,nosymfollow
symfollow rw,noatime ro,nosuid,nodev,noexec,noatime rw,nodiratime,relatime ro,noexec,nodiratime,relatime rw rw,nodev
sync rw,noatime ro,nosuid,nodev,noexec,noatime rw,nodiratime,relatime ro,noexec,nodiratime,relatime rw rw,nodev
async rw,noatime ro,nosuid,nodev,noexec,noatime rw,nodiratime,relatime ro,noexec,nodiratime,relatime rw rw,nodev
mand rw,noatime ro,nosuid,nodev,noexec,noatime rw,nodiratime,relatime ro,noexec,nodiratime,relatime rw rw,nodev
dirsync rw,noatime ro,nosuid,nodev,noexec,noatime rw,nodiratime,relatime ro,noexec,nodiratime,relatime rw rw,nodev
lazytime rw,noatime ro,nosuid,nodev,noexec,noatime rw,nodiratime,relatime ro,noexec,nodiratime,relatime rw rw,nodev
silent rw,noatime ro,nosuid,nodev,noexec,noatime rw,nodiratime,relatime ro,noexec,nodiratime,relatime rw rw,nodev
iversion rw,noatime ro,nosuid,nodev,noexec,noatime rw,nodiratime,relatime ro,noexec,nodiratime,relatime rw rw,nodev
rprivate ro,nosuid,nodev,noexec,noatime ro,nosuid,nodev,noexec,noatime ro,noexec,nodiratime,relatime,nosymfollow ro,noexec,nodiratime,relatime,nosymfollow rw,nodev rw,nodev
nodiratime,strictatime rw,nodiratime - rw,nodiratime - rw,nodiratime -
nodiratime,norelatime rw,nodiratime,relatime - rw,nodiratime,relatime - rw,nodiratime,relatime -
noatime,relatime rw,noatime - rw,noatime - rw,noatime -
noatime,nodiratime rw,noatime,nodiratime - rw,noatime,nodiratime - rw,noatime,nodiratime -
nosuid,nodev,rprivate rw,nosuid,nodev,noatime ro,nosuid,nodev,noexec,noatime rw,nosuid,nodev,nodiratime,relatime ro,nosuid,nodev,noexec,nodiratime,relatime rw,nosuid,nodev rw,nosuid,nodev
dev,suid,exec,atime rw,noatime - rw,nodiratime,relatime - rw -
ro,exec ro,noatime - ro,nodiratime,relatime - ro ro,nodev
ro,symfollow ro,noatime ro,nosuid,nodev,noexec,noatime ro,nodiratime,relatime ro,noexec,nodiratime,relatime ro ro,nodev
ro,rw rw,noatime - rw,nodiratime,relatime - rw rw,nodev
`.trim().split("\n").map((line) => line.split(" "));
