/** `tsrun ps`: the processes of a container. */
import type { Command, Context } from "../command.ts";
import { local } from "../../../ffi/local.ts";
import { reasonOf, RuntimeError } from "../../../ffi/errors.ts";
import { callerEnvironment } from "../../host/caller.ts";
import { writeText } from "../../host/log.ts";
import { containerPids } from "../../container/ps.ts";
import { readState } from "../../container/record.ts";

/** Directories in which ps is looked for after the caller's PATH. */
const DEFAULT_PATH = "/usr/sbin:/usr/bin:/sbin:/bin";

export const command: Command = {
  name: "ps",
  usage: "list the processes of a container",
  operands: "<container-id> [ps options]",
  description:
    "Shows what the host's ps(1) says of the processes in the container's cgroup. Options for ps, -ef when\n" +
    "there are none, follow the id; among its columns must be PID.",
  minArgs: 1,
  maxArgs: Infinity,
  stopAtOperand: true,
  flags: [{
    name: "format",
    short: "f",
    kind: "string",
    usage: "table or json (process ids only)",
    default: "table",
  }],
  async run({ global, flags, args: [id, ...options] }: Context): Promise<number> {
    const format = flags.string("format");
    if (format !== "table" && format !== "json") {
      throw new RuntimeError("EINVAL_FLAG", "invalid format option");
    }
    const state = readState(global.root, id);
    const pids = await containerPids(local, state);
    writeText(
      Deno.stdout,
      format === "json" ? JSON.stringify(pids) + "\n" : selectRows(runPs(options), pids),
    );
    return 0;
  },
};

/** go-runc gives all options as one operand; people give them one by one. */
function runPs(options: readonly string[]): string {
  const words = options.length === 1 ? options[0].split(/\s+/).filter((word) => word !== "") : [...options];
  const args = words.length > 0 ? words : ["-ef"];
  const doing = `list processes with "ps ${args.join(" ")}"`;
  let output: Deno.CommandOutput;
  try {
    const env = callerEnvironment();
    output = new Deno.Command(findPs(env.PATH), { args, clearEnv: true, env, stdin: "null" }).outputSync();
  } catch (error) {
    throw new RuntimeError("EIO_PS", `${doing}: ${reasonOf(error)}`);
  }
  const decoder = new TextDecoder();
  if (!output.success) {
    const complaint = decoder.decode(output.stderr).trim().replace(/\s*\n\s*/g, " ");
    throw new RuntimeError("EIO_PS", `${doing}: exit status ${output.code}: ${complaint}`);
  }
  return decoder.decode(output.stdout);
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
    try {
      if (Deno.statSync(`${directory}/ps`).isFile) return `${directory}/ps`;
    } catch { /* the next one, then */ }
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
