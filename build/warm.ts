/**
 * Fills the cache of compiled code that a bundle starts from, so that not even its first container waits for
 * it.
 * @module
 */
import { DatabaseSync } from "node:sqlite";
import { cacheDirectory, WARMER, withDeno } from "./launcher.ts";

/**
 * Compiles all of a bundle with an empty cache, and leaves the cache's databases as one file each.
 *
 * @param tsrun The bundle.
 * @param deno The Deno that it starts.
 * @throws {Error} when it does not run.
 */
export async function warmCache(tsrun: string, deno: string): Promise<void> {
  const directory = cacheDirectory(deno);
  await Deno.remove(directory, { recursive: true }).catch(() => {});
  // For its owner alone: what is in it runs as root.
  Deno.mkdirSync(directory, { recursive: true, mode: 0o700 });
  const warmer = `${tsrun}.warmer`;
  Deno.writeFileSync(warmer, withDeno(Deno.readFileSync(tsrun), deno, WARMER), { mode: 0o755 });
  try {
    const child = await new Deno.Command(warmer, { clearEnv: true, cwd: "/" }).output();
    if (!child.success) throw new Error(`${tsrun} does not run: ${new TextDecoder().decode(child.stderr)}`);
  } finally {
    Deno.removeSync(warmer);
  }
  for (const { name } of [...Deno.readDirSync(directory)]) {
    if (!name.endsWith("_v2")) continue;
    // A process that leaves without closing a database leaves a write-ahead log. SQLite would read that log
    // at every start.
    const database = new DatabaseSync(`${directory}/${name}`);
    database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    database.close();
  }
}
