/**
 * What a container looks like from inside, as far as it has to be the same after a fault that was survived.
 * @module
 */
import { findCgroups } from "../lib/leaks.ts";
import { parseFacts } from "../lib/probe.ts";
import { readText } from "../lib/process.ts";

const STATUS = [
  ...["Uid", "Gid", "Groups", "Umask", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs"],
  ...["Seccomp", "Seccomp_filters", "SigBlk", "SigIgn", "Cpus_allowed"],
];
/** Files of the container's cgroups that limits are written to. */
const LIMITS = [
  ...["memory.limit_in_bytes", "pids.max", "cpu.shares", "cpu.cfs_quota_us", "devices.list", "cpuset.cpus"],
  ...["memory.max", "cpu.weight", "cpu.max"],
];

/** Namespaces of this host, by type. */
function hostNamespaces(): Record<string, string> {
  return Object.fromEntries(
    [...Deno.readDirSync("/proc/self/ns")].map((
      { name },
    ) => [name, Deno.readLinkSync(`/proc/self/ns/${name}`)]),
  );
}

/** Lines that are comparable between two containers of the same config. @param id Replaced in all texts. */
export function comparable(output: string, id: string): string[] {
  const facts = parseFacts(output), host = hostNamespaces();
  const lines = [
    ...STATUS.map((name) => `${name}: ${facts.status[name]}`),
    ...Object.entries(facts.ns).map(([type, link]) =>
      `namespace ${type}: ${link === host[type] ? "host's" : "own"}`
    ),
    ...facts.mounts.map(({ target, type, options }) => `mount ${target} ${type} ${JSON.stringify(options)}`),
    ...Object.entries(facts.limits).map(([name, values]) => `limit ${name}: ${values}`),
    // The shell that lists them holds the directory.
    ...Object.keys(facts.fds).filter((fd) => Number(fd) < 10 || Number(fd) > 10).map((fd) =>
      `descriptor ${fd}`
    ),
    ...facts.env.map((line) => `environment ${line}`),
    `cwd ${facts.cwd}`,
    `host ${facts.hostname} ${facts.domainname}`,
    `oom ${facts.oomScoreAdj}`,
    ...facts.cgroup.map((line) => `cgroup ${line}`),
    ...Object.entries(facts.interfaces).map((entry) => `interface ${entry}`),
  ];
  return lines.map((line) => line.replaceAll(id, "ID"));
}

/** The limits that the container's cgroups have now. */
export function limitLines(id: string): string[] {
  return findCgroups(id).flatMap((path) =>
    LIMITS.map((name) => [name, readText(`${path}/${name}`).trim()]).filter(([, text]) => text !== "")
      .map(([name, text]) => `${path.replaceAll(id, "ID")}/${name}: ${text.split("\n").join(" ")}`)
  ).sort();
}

/** What differs, a line each. */
export function difference(before: readonly string[], after: readonly string[]): string[] {
  return [
    ...before.filter((line) => !after.includes(line)).map((line) => `lacks ${line}`),
    ...after.filter((line) => !before.includes(line)).map((line) => `has ${line}`),
  ];
}
