/**
 * Many lives of containers, one after the other, beside one container that lives on and that many processes
 * enter.
 * @module
 */
import { exists, readText } from "../lib/process.ts";
import { findCgroups, findMounts, findProcesses } from "../lib/leaks.ts";
import { type Ended, Place } from "./place.ts";

/** What is counted before and after. */
export interface Counts {
  /** Of this process, and of all processes of the machine. */
  descriptors: number;
  allDescriptors: number;
  /** Of this mount namespace. */
  mounts: number;
  /** Of the soak's containers, and of the machine. */
  cgroups: number;
  allCgroups: number;
  /** Processes that have ended and that nobody has waited for, and such as run for the soak. */
  zombies: number;
  processes: number;
  /** Entries of the state root. */
  state: number;
  /** KiB: what the machine has free, and what the container that lives on is charged for. */
  freeKib: number;
  chargedKib: number;
}

/** What a soak came to. */
export interface Soaked {
  lives: number;
  seconds: number;
  before: Counts;
  after: Counts;
  /** Everything that is more than before, and should not be. */
  leaks: string[];
}

/** The program of all of them ends at once. */
const TRUE = ["/bin/true"];
/** Growth of the charge of a container that lives on, for caches of the kernel that fill up once. */
const CHARGE_SLACK_KIB = 1024;
/** Before anything is counted the machine has all that it makes once. */
const WARM_UP = 5;

function count(place: Place, token: string): Counts {
  const stat = (path: string) => readText(`/sys/fs/cgroup/${path}`).trim();
  const state = exists(place.root) ? [...Deno.readDirSync(place.root)].length : 0;
  const charged = stat(`memory/${place.id}/memory.usage_in_bytes`) || stat(`${place.id}/memory.current`);
  return {
    descriptors: [...Deno.readDirSync("/proc/self/fd")].length,
    allDescriptors: Number(readText("/proc/sys/fs/file-nr").split(/\s/)[0]),
    mounts: readText("/proc/self/mountinfo").trim().split("\n").length,
    cgroups: findCgroups(token).length,
    allCgroups: Number(/^pids\s+\d+\s+(\d+)/m.exec(readText("/proc/cgroups"))?.[1] ?? 0),
    zombies: zombies(),
    processes: findProcesses(token).length,
    state,
    freeKib: Number(/^MemAvailable:\s+(\d+)/m.exec(readText("/proc/meminfo"))?.[1] ?? 0),
    chargedKib: Math.round(Number(charged) / 1024),
  };
}

/** Processes of the name of a container's init or of the runtime that have ended. */
function zombies(): number {
  const names = /^Name:\s+(?:tsrun|deno|true)/m;
  return [...Deno.readDirSync("/proc")].filter(({ name }) => {
    if (!/^\d+$/.test(name)) return false;
    const status = readText(`/proc/${name}/status`);
    return /^State:\s+Z/m.test(status) && names.test(status);
  }).length;
}

/** One container from its making to its removal, and one exec in the container that lives on. */
function live(place: Place, resident: string, round: number): void {
  const id = `${resident}-${round}`;
  const must = (...args: string[]) => {
    const { code, stderr }: Ended = place.plain("soak", ...args);
    if (code !== 0) throw new Error(`${args.join(" ")}: exit status ${code}: ${stderr}`);
  };
  const config = Deno.readTextFileSync(`${place.bundle}/config.json`);
  Deno.writeTextFileSync(
    `${place.bundle}/config.json`,
    config.replaceAll(/"\/tsrun-fault-[^"]*"/g, `"/${id}"`),
  );
  if (round % 2 === 0) must("run", "--bundle", place.bundle, id);
  else {
    must("create", "--bundle", place.bundle, id);
    must("start", id);
    must("delete", "--force", id);
  }
  must("exec", resident, ...TRUE);
}

/** What has grown. What neighbours on the machine change, too, is printed and not judged. */
function grown(before: Counts, after: Counts): string[] {
  const judged = ["descriptors", "mounts", "cgroups", "processes", "state"] as const;
  const leaks = judged.filter((name) => after[name] > before[name]).map((name) =>
    `${name}: ${before[name]} before, ${after[name]} after`
  );
  if (after.chargedKib > before.chargedKib + CHARGE_SLACK_KIB) {
    leaks.push(`memory of the container: ${before.chargedKib} KiB before, ${after.chargedKib} KiB after`);
  }
  return leaks;
}

/**
 * Runs `lives` containers and as many execs.
 *
 * @param longest Seconds after which no more are begun.
 */
export function soak(lives: number, longest: number): Soaked {
  const place = new Place({ process: { args: ["/bin/sleep", "100000"] } });
  try {
    place.next();
    const resident = place.id;
    place.done("run", "--detach", "--bundle", place.bundle, resident);
    const config = Deno.readTextFileSync(`${place.bundle}/config.json`);
    Deno.writeTextFileSync(
      `${place.bundle}/config.json`,
      config.replace('["/bin/sleep","100000"]', JSON.stringify(TRUE)),
    );
    for (let round = 0; round < WARM_UP; round++) live(place, resident, round);
    const before = count(place, place.token), begin = performance.now();
    const seconds = () => (performance.now() - begin) / 1000;
    let done = 0;
    while (done < lives && seconds() < longest) live(place, resident, WARM_UP + done++);
    const took = seconds(), after = count(place, place.token);
    place.done("delete", "--force", resident);
    const leaks = grown(before, after);
    const left = findCgroups(place.token).length + findMounts(place.token).length;
    if (left > 0) leaks.push(`${left} cgroups and mounts after the last removal`);
    return { lives: done, seconds: took, before, after, leaks };
  } finally {
    place.plain("end", "delete", "--force", place.id);
    place.remove();
  }
}

/** Both counts side by side, a line each. */
export function table({ before, after }: Soaked): string {
  return (Object.keys(before) as (keyof Counts)[]).map((name) =>
    `  ${name.padEnd(16)}${String(before[name]).padStart(10)}${String(after[name]).padStart(10)}`
  ).join("\n");
}
