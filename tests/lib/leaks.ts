/**
 * What a test could leave on the machine, found by the name that everything of one test carries.
 * Other programs work on the machine at the same time, so nothing else is compared.
 */
import { parseMountinfo } from "./mountinfo.ts";
import { host, readText } from "./process.ts";

/**
 * Processes that run in a cgroup of this name, or have it on their command line; zombies do not count. The
 * caller kills what is found, so this process is never among them.
 * @throws {Error} When this process runs in a cgroup of this name.
 */
export function findProcesses(token: string): number[] {
  const found: number[] = [];
  if (cgroupPaths("self").includes(token)) {
    throw new Error(`this process runs in a cgroup of the name ${token}`);
  }
  for (const entry of Deno.readDirSync("/proc")) {
    const pid = Number(entry.name);
    if (!Number.isInteger(pid) || pid === Deno.pid) continue;
    try {
      const mentions = cgroupPaths(pid).includes(token) ||
        readText(`/proc/${pid}/cmdline`).includes(token);
      if (mentions && !/^State:\s+[ZX]/m.test(readText(`/proc/${pid}/status`))) found.push(pid);
    } catch { /* the process has ended (ESRCH) */ }
  }
  return found;
}

/**
 * Paths of a process's cgroups; names of hierarchies, which all processes of the machine share, are no part
 * of them.
 */
function cgroupPaths(pid: number | "self"): string {
  return readText(`/proc/${pid}/cgroup`).replace(/^\d+:[^:]*:/gm, "");
}

/** Mount points of this mount namespace below a path that holds the name; innermost first. */
export function findMounts(token: string): string[] {
  return parseMountinfo(readText("/proc/self/mountinfo")).map((mount) => mount.target)
    .filter((target) => target.includes(token)).reverse();
}

/**
 * Unmounts all that carries the name. Shared mounts come and go together with their peers, so the list is
 * read again after each round, and a mount that has gone meanwhile is no error.
 */
export async function removeMounts(token: string): Promise<void> {
  for (let round = 0; round < 10 && findMounts(token).length > 0; round++) {
    for (const target of findMounts(token)) await host("umount", "-l", target).catch(() => {});
  }
}

/** Cgroup directories whose name begins with the token, in all hierarchies, innermost first. */
export function findCgroups(token: string): string[] {
  const found: string[] = [];
  const walk = (dir: string, depth: number, inside: boolean) => {
    let entries: Deno.DirEntry[];
    try {
      entries = [...Deno.readDirSync(dir)];
    } catch {
      return; // removed meanwhile
    }
    for (const entry of entries) {
      if (!entry.isDirectory) continue;
      const path = `${dir}/${entry.name}`;
      const ours = inside || entry.name.includes(token);
      if (depth > 0) walk(path, depth - 1, ours);
      if (ours) found.push(path);
    }
  };
  walk("/sys/fs/cgroup", 5, false);
  return found;
}
