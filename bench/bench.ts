/** The benchmark from its settings to its results. */
import { type SampleBook, type Series, type Stage, Subject, subjectsOf, type UnitName } from "./cases.ts";
import { type ClientName, type ClientResults, measureClients } from "./clients.ts";
import type { ConfigName } from "./configs.ts";
import { addExecRoom } from "./exec_memory.ts";
import { hideMount, refusedByCrun } from "./hybrid.ts";
import { describeMachine, type Machine } from "./machine.ts";
import { type LimitSearch, measureMemory, type MemoryResult, smallestWithoutRuntime } from "./memory.ts";
import { type ManyResult, measureMany } from "./many_mounts.ts";
import { measurePty, ptyObstacle, type PtyResult } from "./pty.ts";
import { measureRounds } from "./rounds.ts";
import { ENVIRONMENT, findProgram, findRuntimes, makeFloor, type Runtime } from "./runtimes.ts";
import { Sandbox } from "./sandbox.ts";
import { summarize } from "./samples.ts";
import { Spawner } from "./spawn.ts";

/** What to measure, and how often. */
export interface Settings {
  runs: number;
  warmup: number;
  /** Milliseconds of rest after each turn. */
  pause: number;
  /** Names of runtimes; those that are not installed are left out with a note. */
  runtimes: string[];
  /** Paths of runtimes by their names, where they are not the ones that are installed. */
  paths: Record<string, string>;
  configs: ConfigName[];
  units: UnitName[];
  /** Measure created containers. */
  created: boolean;
  /** Look for the smallest memory limit. */
  limit: boolean;
  search: LimitSearch;
  /** How often to measure terminals. */
  pty: number;
  /** How often to measure many mounts. */
  manyMounts: number;
  /** Commands of clients to measure, and how often. */
  clients: ClientName[];
  clientRounds: number;
}

/** Everything that is written to results.json; times in milliseconds, sizes in bytes. */
export interface Results {
  /** Version of this format. */
  format: 1;
  /** RFC 3339, UTC. */
  date: string;
  machine: Machine;
  runtimes: Runtime[];
  floor: { how: string; wall: string; cpu: string };
  settings: Settings;
  /** What a reader must know of this run: runtimes left out, mounts hidden. */
  notes: string[];
  /** Commands that failed. */
  failures: string[];
  /** Raw samples by `runtime/config/case`, in the order of the rounds; the floor's by `floor`. */
  samples: Record<string, Series>;
  /** By `runtime/config`. */
  memory: Record<string, MemoryResult>;
  /** The smallest limit for /bin/true without a runtime. */
  limitWithoutRuntime?: number | null;
  /** By runtime. */
  pty?: Record<string, PtyResult>;
  /** By runtime. */
  manyMounts?: Record<string, ManyResult>;
  clients?: ClientResults;
}

/** Called with a line about what is going on. */
export type Progress = (line: string) => void;

/** @returns `hidden`: crun works only because a mount was hidden. */
function chooseRuntimes(settings: Settings): { runtimes: Runtime[]; notes: string[]; hidden: boolean } {
  const found = findRuntimes(settings.paths);
  const runtimes = found.runtimes.filter(({ name }) => settings.runtimes.includes(name));
  if (runtimes.length === 0) {
    throw new Error(`none of ${settings.runtimes.join(", ")} is here: ${found.notes.join("; ")}`);
  }
  const notes = found.notes.filter((note) => settings.runtimes.includes(note.split(" ", 1)[0]));
  const refused = runtimes.some(({ name }) => name === "crun") ? refusedByCrun() : undefined;
  if (refused !== undefined) {
    hideMount(refused);
    notes.push(
      `the cgroup v2 mount at ${refused} was hidden from all runtimes, because crun refuses hybrid hosts`,
    );
  }
  return { runtimes, notes, hidden: refused !== undefined };
}

/**
 * Runs the benchmark as root. Throws an Error when it cannot run at all, and what `signal` is aborted with;
 * either way nothing is left behind. The failure of one runtime is part of the results instead.
 */
export async function runBenchmark(
  settings: Settings,
  signal: AbortSignal,
  progress: Progress,
): Promise<Results> {
  if (Deno.uid() !== 0) {
    throw new Error("the benchmark creates containers with all namespaces: run it as root");
  }
  const busybox = findProgram("busybox");
  if (busybox === undefined) {
    throw new Error("no busybox here: install a static one (Debian: busybox-static)");
  }
  const machine = describeMachine();
  const { runtimes, notes, hidden } = chooseRuntimes(settings);
  using sandbox = new Sandbox(busybox);
  notes.push(`state, bundles and rootfs of all runtimes lie on one file system (${sandbox.fileSystem})`);
  const output = `${sandbox.directory}/output`;
  Deno.writeTextFileSync(output, "");
  using spawner = new Spawner(output, ENVIRONMENT);
  const floor = await makeFloor(sandbox.directory, runtimes.find(({ name }) => name === "tsrun")?.path);
  const { configs, units } = settings;
  const stage: Stage = { sandbox, spawner, output, runtimes, floor, configs, units };
  const { book, failures } = await measureRounds(stage, {
    ...settings,
    progress: (round) => progress(`round ${round} of ${settings.runs}`),
  }, signal);
  const results: Results = {
    format: 1,
    date: new Date().toISOString(),
    machine,
    runtimes,
    floor: { how: floor.how, ...floorFigures(book) },
    settings,
    notes,
    failures,
    samples: book.series,
    memory: {},
  };
  await addMemory(results, stage, signal, progress);
  if (settings.pty > 0) await addPty(results, stage, signal, progress);
  if (settings.manyMounts > 0) {
    progress("many mounts");
    const subjects = runtimes.map((runtime) => new Subject(stage, runtime, "small"));
    const measured = await measureMany(stage, subjects, settings.manyMounts, signal);
    results.manyMounts = measured.results;
    failures.push(...measured.failures);
    notes.push(...measured.notes);
  }
  if (settings.clients.length > 0) {
    // Under daemons crun makes directories in the place of the mount, which nobody removes.
    const fit = runtimes.filter(({ name }) => name !== "crun" || !hidden);
    if (fit.length < runtimes.length) notes.push("crun had no part in clients' commands on this hybrid host");
    await addClients(results, { ...stage, runtimes: fit }, signal, progress);
  }
  return results;
}

/** Measures terminals, and puts them and their failures into the results. */
async function addPty(
  results: Results,
  stage: Stage,
  signal: AbortSignal,
  progress: Progress,
): Promise<void> {
  const obstacle = ptyObstacle();
  if (obstacle !== undefined) return void results.notes.push(obstacle);
  progress("terminals");
  const subjects = stage.runtimes.map((runtime) => new Subject(stage, runtime, "small"));
  const measured = await measurePty(stage, subjects, results.settings.pty, signal);
  results.pty = measured.results;
  results.failures.push(...measured.failures);
}

/** Measures clients' commands, and puts them and their failures into the results. */
async function addClients(
  results: Results,
  stage: Stage,
  signal: AbortSignal,
  progress: Progress,
): Promise<void> {
  progress("docker and containerd");
  const { clients, clientRounds } = results.settings;
  const measured = await measureClients(stage, clients, clientRounds, signal);
  results.clients = measured.results;
  results.failures.push(...measured.failures);
  results.notes.push(...measured.notes);
}

function floorFigures(book: SampleBook): { wall: string; cpu: string } {
  const spread = (samples: number[] | undefined) => {
    if (samples === undefined) return "not measured";
    const { median, p10, p90 } = summarize(samples);
    return `${median.toFixed(1)} (${p10.toFixed(1)}–${p90.toFixed(1)})`;
  };
  return { wall: spread(book.wall("floor")), cpu: spread(book.cpu("floor")) };
}

/** Measures memory, and puts it and its failures into the results. */
async function addMemory(
  results: Results,
  stage: Stage,
  signal: AbortSignal,
  progress: Progress,
): Promise<void> {
  const { created, limit, search } = results.settings;
  if (limit) results.limitWithoutRuntime = await smallestWithoutRuntime(stage, search, signal);
  if (!created && !limit) return;
  for (const subject of subjectsOf(stage)) {
    progress(`memory of ${subject.runtime.name}, ${subject.config}`);
    const what = { created, limit: limit && subject.config === "small" };
    const result = await measureMemory(subject, what, search, signal);
    if (what.limit) await addExecRoom(result, subject, search, signal);
    results.memory[`${subject.runtime.name}/${subject.config}`] = result;
    if (result.failure !== undefined) results.failures.push(`memory, ${subject.config}: ${result.failure}`);
  }
}
