/**
 * Files of /proc that mounts may cover, because lxcfs serves them.
 *
 * @module
 */

/** Whether an absolute, clean path is such a file. */
export function isLxcfsFile(path: string): boolean {
  return [
    "/proc/cpuinfo",
    "/proc/diskstats",
    "/proc/meminfo",
    "/proc/stat",
    "/proc/swaps",
    "/proc/uptime",
    "/proc/loadavg",
    "/proc/slabinfo",
    "/proc/sys/kernel/ns_last_pid",
    "/proc/sys/crypto/fips_enabled",
  ].includes(path);
}
