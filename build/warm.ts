/**
 * Fills the cache of compiled code that a bundle starts from, so that not even its first container waits for
 * it.
 * @module
 */
import { DatabaseSync } from "node:sqlite";
import { bundleFile, cacheDirectory, DENO_FLAGS, LAZY_FLAGS, WARMER } from "./launcher.ts";
import { learn } from "./learn.ts";

/** How a cache was filled. */
export interface Warmth {
  /** The flags that the bundle is to have with it: V8 takes compiled code for the same flags only. */
  flags: readonly string[];
  note: string;
}

/** Makes the directory of a cache, empty and for its owner alone: what is in it runs as root. */
function makeEmpty(directory: string): void {
  try {
    Deno.removeSync(directory, { recursive: true });
  } catch {
    // It is not there.
  }
  Deno.mkdirSync(directory, { recursive: true, mode: 0o700 });
}

/** Runs a bundle once, with another module than its own or with that. */
async function runOnce(text: string, deno: string, flags: readonly string[], module?: string): Promise<void> {
  const file = await Deno.makeTempFile({ prefix: "tsrun-warm-" });
  try {
    Deno.writeFileSync(file, bundleFile(deno, text, module, { flags }));
    Deno.chmodSync(file, 0o755);
    const child = await new Deno.Command(file, { args: ["--version"], clearEnv: true, cwd: "/" }).output();
    if (!child.success) throw new Error(`tsrun does not run: ${new TextDecoder().decode(child.stderr)}`);
  } finally {
    Deno.removeSync(file);
  }
}

/** Name of the file that says of which text a cache is. */
export const MARK = "filled-with.json";

/** A digest of the text, and when the engine was made: with the same a cache is good as it is. */
async function markOf(text: string, deno: string): Promise<string> {
  const bytes = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
  return `${bytes.toHex()} ${Deno.statSync(deno).mtime?.getTime()}`;
}

/** How a cache was filled with this text by this engine; undefined where it was not. */
function filledBefore(directory: string, mark: string): Warmth | undefined {
  try {
    const { of, flags, note } = JSON.parse(Deno.readTextFileSync(`${directory}/${MARK}`));
    return of === mark ? { flags, note } : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Fills a cache with what the usual commands run, or with everything, where those cannot be run; one that is
 * filled with the same already is left as it is. The cache's databases are one file each then.
 *
 * @param text The linked text of the bundle.
 * @param deno The Deno that it starts.
 * @throws {Error} when it does not run.
 */
export async function warmCache(text: string, deno: string): Promise<Warmth> {
  const directory = cacheDirectory(deno), mark = await markOf(text, deno);
  const before = filledBefore(directory, mark);
  if (before !== undefined) return before;
  makeEmpty(directory);
  const reason = learn(text, deno);
  if (reason !== undefined) makeEmpty(directory);
  const flags = reason === undefined ? LAZY_FLAGS : DENO_FLAGS;
  // All scripts that were not learnt. One that is missing would be added by the first command that needs it,
  // to a write-ahead log, which every later command would have to read.
  await runOnce(text, deno, flags, WARMER);
  // The loader itself.
  await runOnce(text, deno, flags);
  closeDatabases(directory);
  const note = reason === undefined
    ? "of what the usual commands run"
    : `of everything (warm runs: ${reason})`;
  Deno.writeTextFileSync(`${directory}/${MARK}`, JSON.stringify({ of: mark, flags, note }));
  return { flags, note };
}

/** Leaves databases as one file each. */
function closeDatabases(directory: string): void {
  for (const { name } of [...Deno.readDirSync(directory)]) {
    if (!name.endsWith("_v2")) continue;
    // A process that leaves without closing a database leaves a write-ahead log. SQLite would read that log
    // at every start.
    const database = new DatabaseSync(`${directory}/${name}`);
    database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    database.close();
  }
}
