/**
 * Takes a snapshot: starts an engine with all of tsrun, waits until it stops at its point, and writes its
 * memory, and the records by which the entry makes such a process again.
 * @module
 */
import { LAZY_FLAGS, moduleUrl, snapshotOf, variables } from "../launcher.ts";
import { digestOf } from "../link.ts";
import { USUAL, usualModules } from "../usual.ts";
import { engineModule, type Point } from "./engine.ts";
import { HEAD_SIZE } from "./head.ts";
import { POINT } from "./point.ts";
import { MemoryOf, stateOf } from "./process.ts";
import { recordProcess } from "./records.ts";
import { spawn } from "./spawn.ts";

/** Time for the engine to come to its point: its idle threads end after ten seconds. */
const SECONDS = 40;

/** The entry of the bundle, and what is run before the point. */
const MAIN = "main.js";
/** What is run before the point: a module that the program itself never loads. */
export const PRELOAD = "runtime/host/preload.ts";

/** Flags of the engine that is taken: it compiles everything. */
function flags(): string[] {
  const more = "--no-lazy,--no-flush-bytecode,--expose-gc";
  return LAZY_FLAGS.map((flag) => flag.startsWith("--v8-flags=") ? `${flag},${more}` : flag);
}

/** The numbers of chunks, from the first line of a linked text. */
function numbersIn(text: string): (name: string) => number {
  const names: string[] = JSON.parse(text.slice(0, text.indexOf("\n")));
  return (name) => {
    const at = names.indexOf(name);
    if (at < 0) throw new Error(`no chunk ${name}`);
    return at;
  };
}

/** Waits for an engine to stop. @throws {Error} where it ends, or takes too long. */
async function stopped(pid: number): Promise<void> {
  for (const end = Date.now() + SECONDS * 1000; Date.now() < end;) {
    const state = stateOf(pid);
    if (state === "T") return;
    if (state === undefined || state === "Z") throw new Error("the engine ended before its point");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`the engine did not come to its point within ${SECONDS} seconds`);
}

/**
 * Takes the snapshot of a bundle.
 *
 * @param program The bundle.
 * @param text Its linked text.
 * @param deno The engine that it starts.
 * @returns Its size.
 * @throws {Error} where there can be none: on another architecture, or where the engine is not as it should
 * be.
 */
export async function takeSnapshot(program: string, text: string, deno: string): Promise<string> {
  if (Deno.build.arch !== "x86_64") throw new Error(`there is none for ${Deno.build.arch}`);
  const number = numbersIn(text), target = snapshotOf(deno, digestOf(text));
  const dir = Deno.makeTempDirSync({ prefix: "tsrun-snapshot-" });
  const usual = usualModules(USUAL).map((path) => number(path.replace(/\.ts$/, ".js")));
  const module = engineModule({
    main: number(MAIN),
    usual,
    preload: number(PRELOAD.replace(/\.ts$/, ".js")),
  });
  const args = [deno, "run", ...flags(), moduleUrl(module), program, POINT.toHex(), `${dir}/point`];
  // Nothing is kept in files: the databases of the engine are in its memory.
  const env = variables(deno).map((text) => text.startsWith("DENO_DIR=") ? "DENO_DIR=/proc/none" : text);
  using child = spawn(args, env, `${dir}/output`);
  try {
    await stopped(child.pid).catch((error) => {
      throw new Error(`${error.message}: ${Deno.readTextFileSync(`${dir}/output.error`).trim()}`);
    });
    const point: Point = JSON.parse(Deno.readTextFileSync(`${dir}/point`));
    using memory = new MemoryOf(child.pid);
    const { head, pieces } = recordProcess(child.pid, point, digestOf(text), deno, memory);
    writeSnapshot(target, head, pieces, memory);
    return `${Math.round(pieces.reduce((sum, { size }) => sum + size, HEAD_SIZE) / 2 ** 20)} MB`;
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
}

/** Takes the snapshot, and says how it went: one that cannot be had only means a later start. */
export async function keepSnapshot(program: string, text: string, deno: string): Promise<string> {
  if (Deno.env.get("TSRUN_SNAPSHOT") === "no") return "none (TSRUN_SNAPSHOT=no)";
  try {
    return await takeSnapshot(program, text, deno);
  } catch (error) {
    return `none: ${error instanceof Error ? error.message : error}`;
  }
}

/** A piece of memory that is in the file, in the order in which it is there. */
export interface Piece {
  start: bigint;
  size: number;
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
  } catch (error) {
    Deno.removeSync(temporary);
    throw error;
  }
}
