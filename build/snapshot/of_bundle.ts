/**
 * Snapshots of bundles, whose engine is a program of its own.
 * @module
 */
import { LAZY_FLAGS, moduleUrl, snapshotOf, variables } from "../launcher.ts";
import { digestOf } from "../link.ts";
import { USUAL, usualModules } from "../usual.ts";
import { type Chunks, engineCode } from "./engine.ts";
import { type Engine, keep } from "./take.ts";

/** The entry of the bundle, and what is run before the point. */
const MAIN = "main.js";
/** What is run before the point: a module that the program itself never loads. */
export const PRELOAD = "runtime/cli/preload.ts";

/** Flags of the engine that is taken: it compiles everything. */
function flags(): string[] {
  const more = "--no-lazy,--no-flush-bytecode";
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

/** The code of the engine of a linked text. */
export function engineCodeOf(text: string): string {
  const number = numbersIn(text), chunk = (path: string) => number(path.replace(/\.ts$/, ".js"));
  const chunks: Chunks = {
    main: number(MAIN),
    usual: usualModules(USUAL).map(chunk),
    preload: chunk(PRELOAD),
  };
  return engineCode(chunks);
}

/** The engine of a bundle. */
function engineOfBundle(program: string, text: string, deno: string): Engine {
  const module = "const path=Deno.args[0],args=Deno.args.slice(1);" + engineCodeOf(text);
  return {
    start: [deno, "run", ...flags(), moduleUrl(module), program],
    // Nothing is kept in files: the databases of the engine are in its memory.
    env: variables(deno).map((line) => line.startsWith("DENO_DIR=") ? "DENO_DIR=/proc/none" : line),
    target: snapshotOf(deno, digestOf(text)),
  };
}

/** Takes the snapshot of a bundle and says how it went: one that cannot be had only means a later start. */
export function keepSnapshot(program: string, text: string, deno: string): Promise<string> {
  return keep(engineOfBundle(program, text, deno), digestOf(text));
}
