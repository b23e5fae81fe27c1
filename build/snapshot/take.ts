/**
 * Takes a snapshot: starts an engine with all of tsrun, waits until it stops at its point, and writes its
 * memory, and the records by which the entry makes such a process again.
 * @module
 */
import { HEAD_SIZE } from "./head.ts";
import type { Piece } from "./memory.ts";
import { POINT, type Point } from "./point.ts";
import { earlyClock } from "./early_clock.ts";
import { isTraced, MemoryOf, stateOf } from "./process.ts";
import { recordProcess } from "./records.ts";
import { spawn } from "./spawn.ts";

/** Time for the engine to come to its point: its idle threads end after ten seconds. */
const SECONDS = 40;

/** What an engine has written to a file; undefined where it has not yet. */
function pointIn(path: string): Point | undefined {
  try {
    return JSON.parse(Deno.readTextFileSync(path));
  } catch {
    return undefined;
  }
}

/**
 * Waits for an engine to stop.
 *
 * @param pid The process that was started: the engine's, or its parent's.
 * @throws {Error} where it ends, or takes too long.
 */
async function stopped(pid: number, path: string): Promise<Point> {
  for (const end = Date.now() + SECONDS * 1000; Date.now() < end;) {
    const point = pointIn(path), state = stateOf(pid);
    if (point !== undefined && stateOf(point.pid) === "T") return point;
    // Its stop is the tracer's then.
    if (point !== undefined && isTraced(point.pid)) throw new Error("the engine is traced");
    if (state === undefined || state === "Z") throw new Error("the engine ended before its point");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`the engine did not come to its point within ${SECONDS} seconds`);
}

/** An engine that comes to its point by itself. */
export interface Engine {
  /** The arguments that start it, but for the code of the point, and the file that it writes. */
  start: readonly string[];
  env: readonly string[];
  /** The program that the entry is a part of, where that is the engine too: the kernel has mapped it. */
  image?: string;
  /** Where the snapshot goes. */
  target: string;
}

/**
 * Takes a snapshot.
 *
 * @returns Its size.
 * @throws {Error} where there can be none: on another architecture, or where the engine is not as it should
 * be.
 */
async function take(
  { start, env, image, target }: Engine,
  digest: string,
  wrapper: readonly string[],
): Promise<string> {
  if (Deno.build.arch !== "x86_64") throw new Error(`there is none for ${Deno.build.arch}`);
  const dir = Deno.makeTempDirSync({ prefix: "tsrun-snapshot-" });
  using child = spawn([...wrapper, ...start, POINT.toHex(), `${dir}/point`], env, `${dir}/output`);
  try {
    const point = await stopped(child.pid, `${dir}/point`).catch((error) => {
      throw new Error(`${error.message}: ${Deno.readTextFileSync(`${dir}/output.error`).trim()}`);
    });
    using memory = new MemoryOf(point.pid);
    const { head, pieces } = recordProcess(point.pid, point, digest, image, memory);
    writeSnapshot(target, head, pieces, memory);
    return `${Math.round(pieces.reduce((sum, { size }) => sum + size, HEAD_SIZE) / 2 ** 20)} MB`;
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
}

/** Takes a snapshot and says how it went: one that cannot be had only means a later start. */
export async function keep(engine: Engine, digest: string): Promise<string> {
  if (Deno.env.get("TSRUN_SNAPSHOT") === "no") return "none (TSRUN_SNAPSHOT=no)";
  try {
    const wrapper = earlyClock();
    const early = wrapper && await take(engine, digest, wrapper).catch(() => undefined);
    return early ?? await take(engine, digest, []);
  } catch (error) {
    return `none: ${error instanceof Error ? error.message : error}`;
  }
}

/** Writes the file beside its name, for its owner alone, and puts it there when it is whole. */
function writeSnapshot(target: string, head: Uint8Array, pieces: readonly Piece[], memory: MemoryOf): void {
  const temporary = `${target}.${Deno.pid}`;
  const file = Deno.openSync(temporary, { write: true, create: true, truncate: true, mode: 0o600 });
  try {
    const write = (bytes: Uint8Array) => {
      for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
    };
    write(head);
    for (const { start, size } of pieces) write(memory.read(start, size));
    file.close();
    Deno.renameSync(temporary, target);
    removeOthers(target);
  } catch (error) {
    Deno.removeSync(temporary);
    throw error;
  }
}

/** Removes the snapshots of other builds: their programs have gone with them. */
function removeOthers(target: string): void {
  const end = target.lastIndexOf("/"), directory = target.slice(0, end), own = target.slice(end + 1);
  for (const { name } of [...Deno.readDirSync(directory)]) {
    if (name !== own && /^snapshot-[0-9a-f]{8}(?:-[0-9a-f]{8})?$/.test(name)) {
      Deno.removeSync(`${directory}/${name}`);
    }
  }
}
