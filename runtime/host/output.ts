/**
 * What a program of the host writes, up to a limit.
 * @module
 */

/** Bytes of a program's complaint that are kept. */
const COMPLAINT_MAX = 4096;

/** How a program ended, and what it wrote. */
export interface Output {
  success: boolean;
  /** Exit status; 128 and the number of the signal that ended it. */
  code: number;
  stdout: string;
  /** The beginning of it. */
  stderr: string;
  /** It wrote more than it may, and was killed. */
  tooLong: boolean;
}

/**
 * Runs a program to its end, with nothing to read. It is killed when it writes more than `most` bytes to its
 * standard output.
 *
 * @param longest Milliseconds after which it is ended; absent for no limit.
 * @throws Deno's errors where it cannot be started.
 */
export async function outputOf(
  path: string,
  args: readonly string[],
  env: Record<string, string>,
  most: number,
  longest?: number,
): Promise<Output> {
  const child = new Deno.Command(path, {
    args: [...args],
    clearEnv: true,
    env,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    ...longest !== undefined && { signal: AbortSignal.timeout(longest) },
  }).spawn();
  const complaint = beginningOf(child.stderr);
  const stdout = await wholeOf(child.stdout, most);
  if (stdout === undefined) child.kill("SIGKILL");
  const { success, code } = await child.status;
  return { success, code, stdout: stdout ?? "", stderr: await complaint, tooLong: stdout === undefined };
}

/** The text of a stream; undefined if it is longer than `most` bytes. */
async function wholeOf(stream: ReadableStream<Uint8Array>, most: number): Promise<string | undefined> {
  const decoder = new TextDecoder(), pieces: string[] = [];
  let size = 0;
  for await (const piece of stream) {
    size += piece.length;
    if (size > most) return undefined;
    pieces.push(decoder.decode(piece, { stream: true }));
  }
  return pieces.join("") + decoder.decode();
}

/** The beginning of a stream, which is read to its end, so that its writer is not held up. */
async function beginningOf(stream: ReadableStream<Uint8Array>): Promise<string> {
  let text = "";
  const decoder = new TextDecoder();
  for await (const piece of stream) {
    if (text.length < COMPLAINT_MAX) text += decoder.decode(piece, { stream: true });
  }
  return text.slice(0, COMPLAINT_MAX);
}
