/**
 * The Deno that a bundle is run by: the pinned one at a fixed address, or as it came where that cannot be
 * had.
 * @module
 */
import { dropEmptyLibraries } from "./needed.ts";
import { prelink, PrelinkError, randomBase } from "./prelink.ts";

/** A Deno to run the bundle with, and what is to be said about it. */
export interface RunningDeno {
  path: string;
  note: string;
}

/** Does a copy start, and give the same answer as the original? */
function answersAlike(copy: string, original: string, args: string[]): boolean {
  const [ours, theirs] = [copy, original].map((path) => {
    const { success, stdout } = new Deno.Command(path, { args, stderr: "null" }).outputSync();
    return success ? new TextDecoder().decode(stdout) : undefined;
  });
  return ours !== undefined && ours === theirs;
}

/** Ways to make a program start sooner, the best first. */
const WAYS: readonly { note: string; change: (image: Uint8Array) => void }[] = [
  {
    note: "at a fixed address, without empty libraries",
    change(image) {
      dropEmptyLibraries(image);
      prelink(image, randomBase());
    },
  },
  { note: "at a fixed address", change: (image) => prelink(image, randomBase()) },
];

/**
 * Writes a copy of a program that starts sooner, if there is a way by which it answers as the original does.
 *
 * @param args What both are asked.
 * @returns Which way; or why there is none.
 */
function writeSooner(
  original: string,
  copy: string,
  args: string[],
  ways = WAYS,
): { note: string } | { reason: string } {
  let reason = "no copy runs here";
  for (const { note, change } of ways) {
    const image = Deno.readFileSync(original);
    try {
      change(image);
    } catch (error) {
      if (!(error instanceof PrelinkError)) throw error;
      reason = error.message;
      continue;
    }
    replaceFile(copy, image, 0o755);
    if (answersAlike(copy, original, args)) return { note };
    Deno.removeSync(copy);
  }
  return { reason };
}

/**
 * Gives a compiled program a fixed address, if it runs with one. It keeps all of its libraries: it may be
 * copied to machines whose glibc is older.
 */
export function prelinkProgram(path: string): void {
  if (Deno.env.get("TSRUN_PRELINK") === "no") return;
  const copy = `${path}.prelinked`;
  if ("note" in writeSooner(path, copy, ["--version"], WAYS.slice(1))) Deno.renameSync(copy, path);
}

/**
 * Gives a program a certain fixed address, if it then answers as before. It keeps all of its libraries.
 *
 * @param args What it is asked.
 * @returns What is to be said about it.
 */
export function copyAtFixedAddress(path: string, base: number, args: string[]): string {
  const copy = `${path}.prelinked`;
  const note = "at a fixed address";
  const made = writeSooner(path, copy, args, [{ note, change: (image) => prelink(image, base) }]);
  if ("reason" in made) return `as it came (${made.reason})`;
  Deno.renameSync(copy, path);
  return note;
}

/** Writes a whole file: readers of the old one, running programs among them, keep it. */
export function replaceFile(path: string, content: Uint8Array | string, mode: number): void {
  const part = `${path}.part-${Deno.pid}`;
  try {
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    Deno.writeFileSync(part, bytes);
    Deno.chmodSync(part, mode);
    Deno.renameSync(part, path);
  } catch (error) {
    try {
      Deno.removeSync(part);
    } catch {
      // The first error says what is wrong.
    }
    throw error;
  }
}

/**
 * Makes the copy of Deno that starts fastest and says which it is. `TSRUN_PRELINK=no` leaves it as it came.
 *
 * @param original The pinned Deno.
 * @param copy Where the copy goes. One that is newer than the original is kept.
 */
export function denoToRun(original: string, copy: string): RunningDeno {
  if (Deno.env.get("TSRUN_PRELINK") === "no") {
    return { path: original, note: "as it came (TSRUN_PRELINK=no)" };
  }
  const noteFile = `${copy}.note`;
  try {
    const note = Deno.readTextFileSync(noteFile);
    if (Deno.statSync(copy).mtime! > Deno.statSync(original).mtime!) return { path: copy, note };
  } catch {
    // There is no copy yet.
  }
  Deno.mkdirSync(copy.replace(/\/[^/]*$/, ""), { recursive: true });
  const made = writeSooner(original, copy, ["eval", "console.log(Deno.version)"]);
  if ("reason" in made) return { path: original, note: `as it came (${made.reason})` };
  replaceFile(noteFile, made.note, 0o644);
  return { path: copy, note: made.note };
}
