/**
 * Limits of a container, read from whichever version of cgroups the machine has.
 * @module
 */
import type { Container } from "./container.ts";
import { readText } from "./process.ts";
import { lacksCgroupV1 } from "./skip.ts";

/** Number of a block device of this machine, `major:minor`; undefined where there is none. */
export const DISK: string | undefined = [...Deno.readDirSync("/sys/block")].map(({ name }) => name)
  .filter((name) => !/^(loop|ram|zram)/.test(name)).sort()
  .map((name) => readText(`/sys/block/${name}/dev`).trim())[0];

/** As the files say them; no limit is `max`. */
export interface Limits {
  /** Bytes. */
  memory: string;
  /** Microseconds in each period. */
  quota: string;
  period: string;
  pids: string;
  cpus: string;
}

/** The limits that a container has now. */
export function limitsOf(container: Container): Limits {
  const pids = container.cgroup("pids", "pids.max"), cpus = container.cgroup("cpuset", "cpuset.cpus");
  if (lacksCgroupV1() === undefined) {
    const memory = container.cgroup("memory", "memory.limit_in_bytes");
    const quota = container.cgroup("cpu", "cpu.cfs_quota_us").replace(/^-1$/, "max");
    return { memory, quota, period: container.cgroup("cpu", "cpu.cfs_period_us"), pids, cpus };
  }
  const [quota, period] = container.cgroup("cpu", "cpu.max").split(" ");
  return { memory: container.cgroup("memory", "memory.max"), quota, period, pids, cpus };
}
