/**
 * The host's ps(1), and the rows of it that are a container's.
 * @module
 */

import { reasonOf, RuntimeError } from "../../ffi/errors.ts";
import { callerEnvironment } from "./caller.ts";
import { isFile } from "./files.ts";
import { type Output, outputOf } from "./output.ts";

/** The most that ps may print, in bytes: room for a million processes with short command lines. */
export const PS_MAX: number = 64 << 20;

/** Directories in which ps is looked for after the caller's PATH. */
const DEFAULT_PATH = "/usr/sbin:/usr/bin:/sbin:/bin";

/**
 * Runs ps(1) with the caller's environment.
 *
 * @param options Its options: go-runc gives all of them as one operand, people one by one. `-ef` when there
 * are none.
 * @returns What it printed.
 * @throws {RuntimeError} When it is not installed, cannot be run, fails, or prints too much.
 */
export async function runPs(options: readonly string[]): Promise<string> {
  const words = options.length === 1 ? options[0].split(/\s+/).filter((word) => word !== "") : [...options];
  const args = words.length > 0 ? words : ["-ef"];
  const doing = `list processes with "ps ${args.join(" ")}"`;
  let output: Output;
  try {
    const env = callerEnvironment();
    output = await outputOf(findPs(env.PATH), args, env, PS_MAX);
  } catch (error) {
    throw new RuntimeError("EIO_PS", `${doing}: ${reasonOf(error)}`);
  }
  if (output.tooLong) {
    throw new RuntimeError("EFBIG_DOCUMENT", `${doing}: it prints more than ${PS_MAX >> 20} MiB`);
  }
  if (!output.success) {
    const complaint = output.stderr.trim().replace(/\s*\n\s*/g, " ");
    throw new RuntimeError("EIO_PS", `${doing}: exit status ${output.code}: ${complaint}`);
  }
  return output.stdout;
}

/**
 * Finds ps: in the caller's PATH (Deno would look only in its own), or else in the usual places, because
 * podman for example calls without a PATH.
 *
 * @throws {RuntimeError} with the directories.
 */
function findPs(path: string = ""): string {
  const directories = `${path}:${DEFAULT_PATH}`.split(":").filter((directory) => directory.startsWith("/"));
  for (const directory of directories) {
    if (isFile(`${directory}/ps`)) return `${directory}/ps`;
  }
  throw new RuntimeError("ENOENT_PS", `no ps in ${directories.join(":")}`);
}

/**
 * Picks the container's rows.
 *
 * @param text The output of ps: a header with a PID column, and rows.
 * @throws {RuntimeError} when there is no such column.
 */
export function selectRows(text: string, pids: readonly number[]): string {
  const [header, ...rows] = text.trimEnd().split("\n");
  const column = header.trim().split(/\s+/).indexOf("PID");
  if (column < 0) throw new RuntimeError("EIO_PS", "couldn't find PID field in ps output");
  const wanted = new Set(pids);
  const ours = rows.filter((row) => wanted.has(Number(row.trim().split(/\s+/)[column])));
  return [header, ...ours].map((row) => row + "\n").join("");
}
