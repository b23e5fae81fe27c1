/**
 * Throughput of a terminal: the time that `run` takes to bring 100 MB from the container's pty to a pipe.
 *
 * runc and crun want a terminal of the caller, so util-linux's script(1) gives all runtimes one; nothing goes
 * through it, since standard output is the pipe. What a program costs that prints nothing is taken off.
 */
import { CommandError, type Stage, type Subject } from "./cases.ts";
import { rest } from "./rounds.ts";
import { findProgram } from "./runtimes.ts";
import { median } from "./samples.ts";
import type { Table } from "./tables.ts";

/** Bytes that the container's program writes. */
export const PTY_BYTES = 100_000_000;
const BLOCK = 100_000;
/** Milliseconds for all of them, with the slowest runtime on the slowest machine. */
const TIMEOUT = 180_000;

/** Times of whole commands in milliseconds: with output, and with none. */
export interface PtyResult {
  wall: number[];
  cpu: number[];
  silent: { wall: number[]; cpu: number[] };
}

/** Why terminals cannot be measured here, or undefined. */
export function ptyObstacle(): string | undefined {
  return findProgram("script") === undefined
    ? "terminals were not measured: no script(1) here (Debian: bsdutils)"
    : undefined;
}

/** Has one runtime's container print so many bytes, which must all arrive. Throws a CommandError. */
function print(stage: Stage, subject: Subject, bytes: number): { wall: number; cpu: number } {
  const count = `${subject.bundle}/count`;
  const path = `${subject.bundle}/config.json`;
  const config = JSON.parse(Deno.readTextFileSync(path));
  config.process.terminal = true;
  const script = `exec /bin/busybox dd if=/dev/zero bs=${BLOCK} count=${bytes / BLOCK} 2>/dev/null`;
  config.process.args = ["/bin/sh", "-c", script];
  Deno.writeTextFileSync(path, JSON.stringify(config));
  const words = `--root ${subject.root} run --bundle ${subject.bundle} ${subject.nextId()}`;
  const command = `${subject.runtime.path} ${words} | wc -c >${count}`;
  // Opened for both ways a fifo never ends; script(1) would type ^D at the end of its input.
  const shell = 'rm -f "$0"; mkfifo "$0"; exec "$1" -qec "$2" /dev/null <>"$0"';
  const argv = ["/bin/sh", "-c", shell, `${subject.bundle}/input`, findProgram("script")!, command];
  const end = stage.spawner.run(argv, TIMEOUT);
  const arrived = Number(Deno.readTextFileSync(count));
  if (end.code !== 0 || arrived !== bytes) {
    throw new CommandError(
      `${subject.runtime.name} run with a terminal: exit code ${end.code}, ${arrived} of ${bytes} bytes`,
    );
  }
  return end;
}

/**
 * Measures all subjects in turns. Subjects that fail are left out of the result, with a line in `failures`.
 */
export async function measurePty(
  stage: Stage,
  subjects: Subject[],
  rounds: number,
  signal: AbortSignal,
): Promise<{ results: Record<string, PtyResult>; failures: string[] }> {
  const results: Record<string, PtyResult> = {};
  const failures: string[] = [];
  let alive = subjects;
  for (let round = 0; round < rounds; round++) {
    for (const subject of alive) {
      const result = results[subject.runtime.name] ??= { wall: [], cpu: [], silent: { wall: [], cpu: [] } };
      try {
        for (const [bytes, series] of [[PTY_BYTES, result], [0, result.silent]] as const) {
          const { wall, cpu } = print(stage, subject, bytes);
          series.wall.push(wall);
          series.cpu.push(cpu);
          await rest(50, signal);
        }
      } catch (error) {
        if (!(error instanceof CommandError)) throw error;
        failures.push(`terminal: ${error.message}`);
        subject.discard();
        delete results[subject.runtime.name];
        alive = alive.filter((one) => one !== subject);
      }
    }
  }
  for (const subject of subjects) subject.configure();
  return { results, failures };
}

/** Throughput by runtime, or undefined where nothing was measured. */
export function ptyTable(results: Record<string, PtyResult> | undefined): Table | undefined {
  const entries = Object.entries(results ?? {});
  if (entries.length === 0) return undefined;
  const rows = entries.map(([name, { wall, cpu, silent }]) => {
    const time = median(wall) - median(silent.wall);
    return [
      name,
      (PTY_BYTES / 1000 / time).toFixed(0),
      time.toFixed(0),
      (median(cpu) - median(silent.cpu)).toFixed(0),
      Math.min(...wall).toFixed(0),
    ];
  });
  return {
    title: "Output of 100 MB through a terminal, to a pipe",
    header: ["", "MB/s", "wall, ms", "CPU, ms", "quickest whole command, ms"],
    rows,
    notes: [
      "Medians, less those of a program that prints nothing; CPU time is the runtime's, the program's and the reader's.",
    ],
  };
}
