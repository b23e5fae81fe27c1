/**
 * Memory: what a container in state created holds, and the smallest limit under which one still runs.
 */
import { CommandError, type Stage, type Subject } from "./cases.ts";
import { rest } from "./rounds.ts";
import { type HostMount, parseMounts } from "./sandbox.ts";

/** Memory of one created container, in bytes. */
export interface CreatedMemory {
  /** Processes in its cgroup: the init, and all processes that the runtime leaves there. */
  processes: number;
  /** Proportional set size: private pages, and of shared ones the share of each user. */
  pss: number;
  /** Resident set size: all pages mapped, shared or not. */
  rss: number;
  /** What the kernel has charged to the memory cgroup, its own structures included; null without one. */
  charge: number | null;
}

const KiB = 1024;
const PAGE = 4 * KiB;

/** Sums of a /proc/PID/smaps_rollup file (proc(5)), in bytes. Throws an Error when a field is missing. */
export function parseSmapsRollup(text: string): { pss: number; rss: number } {
  const field = (name: string) => {
    const match = new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(text);
    if (match === null) throw new Error(`no field ${name} in smaps_rollup`);
    return Number(match[1]) * KiB;
  };
  return { pss: field("Pss"), rss: field("Rss") };
}

/** Where the memory controller is to be found. */
export interface MemoryController {
  point: string;
  /** File with the bytes charged. */
  usage: string;
  /** File that takes the limit in bytes. */
  limit: string;
}

/** The memory controller among the mounts, v1 before v2; undefined if there is none. */
export function memoryController(mounts: HostMount[]): MemoryController | undefined {
  const v1 = mounts.find(({ type, options }) => type === "cgroup" && options.includes("memory"));
  if (v1) return { point: v1.point, usage: "memory.usage_in_bytes", limit: "memory.limit_in_bytes" };
  const v2 = mounts.find(({ type }) => type === "cgroup2");
  return v2 && { point: v2.point, usage: "memory.current", limit: "memory.max" };
}

/** The memory controller of this machine. */
export function hostController(): MemoryController | undefined {
  return memoryController(parseMounts(Deno.readTextFileSync("/proc/mounts")));
}

/** Creates a container, reads what it holds, and removes it. */
export function measureCreated(subject: Subject): CreatedMemory {
  const controller = hostController();
  subject.create(subject.nextId());
  try {
    const directory = controller && `${controller.point}${subject.cgroup}`;
    const init = subject.pid();
    const pids = directory === undefined
      ? []
      : Deno.readTextFileSync(`${directory}/cgroup.procs`).trim().split("\n");
    const all = new Set([init, ...pids.filter((pid) => pid !== "").map(Number)]);
    const parts = [...all].map((pid) => parseSmapsRollup(Deno.readTextFileSync(`/proc/${pid}/smaps_rollup`)));
    return {
      processes: all.size,
      pss: parts.reduce((sum, part) => sum + part.pss, 0),
      rss: parts.reduce((sum, part) => sum + part.rss, 0),
      charge: controller ? Number(Deno.readTextFileSync(`${directory}/${controller.usage}`)) : null,
    };
  } finally {
    subject.discard();
  }
}

/**
 * The smallest value between `low` and `high`, a multiple of `step`, for which `works` holds, by bisection;
 * null if it does not hold for `high`. `works` is taken to hold for everything above a value for which it
 * holds.
 */
export async function smallest(
  low: number,
  high: number,
  step: number,
  works: (value: number) => Promise<boolean>,
): Promise<number | null> {
  let [fails, succeeds] = [Math.ceil(low / step) - 1, Math.ceil(high / step)];
  if (!await works(succeeds * step)) return null;
  while (succeeds - fails > 1) {
    const middle = Math.floor((fails + succeeds) / 2);
    if (await works(middle * step)) succeeds = middle;
    else fails = middle;
  }
  return succeeds * step;
}

/** How exactly to look for the smallest limit. */
export interface LimitSearch {
  /** Bytes between limits tried. */
  step: number;
  /** A limit counts when `/bin/true` succeeded under it so many times without a failure. */
  repeats: number;
}

const HIGHEST_LIMIT = 64 * KiB * KiB;
/** After this time a command is ended: a runtime may wait for an init that the kernel has killed. */
const TIMEOUT = 5_000;

/** The smallest memory limit (bytes) under which `run` of the subject's container exits with 0, or null. */
export async function smallestLimit(subject: Subject, search: LimitSearch, signal: AbortSignal) {
  const works = async (limit: number) => {
    subject.configure(limit);
    for (let repeat = 0; repeat < search.repeats; repeat++) {
      const end = subject.attempt(["run", "--bundle", subject.bundle, subject.nextId()], TIMEOUT);
      if (end.code !== 0) {
        subject.discard();
        await rest(20, signal);
        return false;
      }
      await rest(20, signal);
    }
    return true;
  };
  try {
    return await smallest(PAGE, HIGHEST_LIMIT, search.step, works);
  } finally {
    subject.discard();
    subject.configure();
  }
}

/**
 * The same without any runtime: a shell that enters a cgroup with the limit and becomes `/bin/true`. No
 * runtime can do with less. Undefined where there is no memory controller.
 */
export async function smallestWithoutRuntime(stage: Stage, search: LimitSearch, signal: AbortSignal) {
  const controller = hostController();
  if (controller === undefined) return undefined;
  const cgroup = `${controller.point}${stage.sandbox.cgroup}/no-runtime`;
  const shell = `${stage.sandbox.rootfs}/bin/sh`;
  const script = 'echo $$ >"$0" && exec "$1"';
  const works = async (limit: number) => {
    for (let repeat = 0; repeat < search.repeats; repeat++) {
      stage.sandbox.reset(cgroup);
      Deno.mkdirSync(cgroup, { recursive: true });
      Deno.writeTextFileSync(`${cgroup}/${controller.limit}`, `${limit}`);
      const argv = [shell, "-c", script, `${cgroup}/cgroup.procs`, `${stage.sandbox.rootfs}/bin/true`];
      const { code } = stage.spawner.run(argv, TIMEOUT);
      await rest(20, signal);
      if (code !== 0) return false;
    }
    return true;
  };
  return await smallest(PAGE, HIGHEST_LIMIT, search.step, works);
}

/** What one subject needs, or why it could not be measured. */
export interface MemoryResult {
  created?: CreatedMemory;
  limit?: number | null;
  /** Room below the limit that `exec` needs: exec_memory.ts. */
  execRoom?: number | null;
  failure?: string;
}

/**
 * Measures one subject: what a created container holds, and (small configuration only) the smallest limit.
 */
export async function measureMemory(
  subject: Subject,
  what: { created: boolean; limit: boolean },
  search: LimitSearch,
  signal: AbortSignal,
): Promise<MemoryResult> {
  const result: MemoryResult = {};
  try {
    if (what.created) result.created = measureCreated(subject);
    if (what.limit) result.limit = await smallestLimit(subject, search, signal);
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    result.failure = error.message;
  }
  await rest(50, signal);
  return result;
}
