/**
 * The Deno that a bundle is run by: the pinned one at a fixed address, or as it came where that cannot be
 * had.
 * @module
 */
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

/** Gives a compiled program a fixed address, if it runs with one. */
export function prelinkProgram(path: string): void {
  if (Deno.env.get("TSRUN_PRELINK") === "no") return;
  const image = Deno.readFileSync(path);
  const copy = `${path}.prelinked`;
  try {
    prelink(image, randomBase());
  } catch (error) {
    if (error instanceof PrelinkError) return;
    throw error;
  }
  replaceFile(copy, image, 0o755);
  if (answersAlike(copy, path, ["--version"])) Deno.renameSync(copy, path);
  else Deno.removeSync(copy);
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
  const prelinked = { path: copy, note: "at a fixed address" };
  try {
    if (Deno.statSync(copy).mtime! > Deno.statSync(original).mtime!) return prelinked;
  } catch {
    // There is no copy yet.
  }
  const image = Deno.readFileSync(original);
  try {
    prelink(image, randomBase());
  } catch (error) {
    if (!(error instanceof PrelinkError)) throw error;
    return { path: original, note: `as it came (${error.message})` };
  }
  Deno.mkdirSync(copy.replace(/\/[^/]*$/, ""), { recursive: true });
  replaceFile(copy, image, 0o755);
  if (answersAlike(copy, original, ["eval", "console.log(Deno.version)"])) return prelinked;
  Deno.removeSync(copy);
  return { path: original, note: "as it came (the copy at a fixed address does not run here)" };
}
