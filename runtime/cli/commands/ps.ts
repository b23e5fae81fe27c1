/** `tsrun ps`: the processes of a container. */
import type { Command, Context } from "../command.ts";
import { local } from "../../../ffi/local.ts";
import { RuntimeError } from "../../../ffi/errors.ts";
import { writeText } from "../../host/log.ts";
import { runPs, selectRows } from "../../host/ps.ts";
import { containerPids } from "../../container/ps.ts";
import { readState } from "../../container/record.ts";

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
    values: ["table", "json"],
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
      format === "json" ? JSON.stringify(pids) + "\n" : selectRows(await runPs(options), pids),
    );
    return 0;
  },
};
