/**
 * What many mounts take: `run` of a container with 600 masked directories and 600 read-only binds, from its
 * birth to the removal of all mounts.
 */
import { CommandError, type Stage, type Subject } from "./cases.ts";
import type { Config } from "./configs.ts";
import { rest } from "./rounds.ts";
import { balancedOrders, median } from "./samples.ts";
import type { Table } from "./tables.ts";

/** Directories that are masked, and as many that are mounted on. */
export const MANY = 600;

/** Times of whole commands, in milliseconds. */
export interface ManyResult {
  wall: number[];
  cpu: number[];
}

/** A config with many masked directories and binds. @param source The directory that is bound. */
export function manyConfig(config: Config, source: string): Config {
  const { mounts, linux } = config as { mounts: Config[]; linux: Config & { maskedPaths: string[] } };
  const numbers = Array.from({ length: MANY }, (_, i) => i);
  const binds = numbers.map((i) => (
    { destination: `/many/b${i}`, type: "bind", source, options: ["bind", "ro"] }
  ));
  const masked = numbers.map((i) => `/many/m${i}`);
  return {
    ...config,
    mounts: [...mounts, ...binds],
    linux: { ...linux, maskedPaths: [...linux.maskedPaths, ...masked] },
  };
}

/** Gives a subject's bundle the config, and the rootfs the directories. */
function prepare({ sandbox }: Stage, { bundle }: Subject): void {
  const path = `${bundle}/config.json`, source = sandbox.subdirectory("many");
  for (let i = 0; i < MANY; i++) {
    for (const kind of ["b", "m"]) Deno.mkdirSync(`${sandbox.rootfs}/many/${kind}${i}`, { recursive: true });
  }
  const config = JSON.parse(Deno.readTextFileSync(path));
  Deno.writeTextFileSync(path, JSON.stringify(manyConfig(config, source)));
}

/** What a runtime says that holds a descriptor of each mount, more than the limit of open files allows. */
const DESCRIPTORS = /too many open files/i;

/**
 * Measures all subjects in turns. Subjects that fail are left out of the result, with a line in `failures`;
 * in `notes` where they need more descriptors than there are, as crun 1.8.1 does.
 */
export async function measureMany(
  stage: Stage,
  subjects: readonly Subject[],
  rounds: number,
  signal: AbortSignal,
): Promise<{ results: Record<string, ManyResult>; failures: string[]; notes: string[] }> {
  const results: Record<string, ManyResult> = {}, failed = new Set<Subject>();
  const failures: string[] = [], notes: string[] = [];
  for (const subject of subjects) prepare(stage, subject);
  const orders = balancedOrders(subjects.length);
  // The first round is not counted: it fills caches.
  for (let round = -1; round < rounds; round++) {
    for (const index of orders[(round + 1) % orders.length]) {
      const subject = subjects[index];
      if (failed.has(subject)) continue;
      try {
        const { wall, cpu } = subject.command(["run", "--bundle", subject.bundle, subject.nextId()]);
        const result = results[subject.runtime.name] ??= { wall: [], cpu: [] };
        if (round >= 0) {
          result.wall.push(wall);
          result.cpu.push(cpu);
        }
        await rest(50, signal);
      } catch (error) {
        if (!(error instanceof CommandError)) throw error;
        (DESCRIPTORS.test(error.message) ? notes : failures).push(`many mounts: ${error.message}`);
        failed.add(subject);
        delete results[subject.runtime.name];
        subject.discard();
      }
    }
  }
  for (const subject of subjects) subject.configure();
  return { results, failures, notes };
}

/** Times by runtime, or undefined where nothing was measured. */
export function manyTable(results: Record<string, ManyResult> | undefined): Table | undefined {
  const entries = Object.entries(results ?? {});
  if (entries.length === 0) return undefined;
  return {
    title: `run with ${MANY} masked directories and ${MANY} read-only binds`,
    header: ["", "wall, ms", "least", "CPU, ms", "least"],
    rows: entries.map(([name, { wall, cpu }]) => [
      name,
      ...[wall, cpu].flatMap((times) => [median(times).toFixed(0), Math.min(...times).toFixed(0)]),
    ]),
    notes: ["Medians and least times of whole commands, the removal of all mounts at the end among them."],
  };
}
