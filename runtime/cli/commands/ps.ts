/** `tsrun ps`: the processes of a container. */
import type { Command, Context } from "../command.ts";
import { local } from "../../../ffi/local.ts";
import { RuntimeError } from "../../../ffi/errors.ts";
import { writeText } from "../../host/log.ts";
import { screenColumns } from "../../host/screen.ts";
import { runPs, selectRows } from "../../host/ps.ts";
import { containerPids } from "../../container/ps.ts";
import { readState } from "../../container/record.ts";

export const command: Command = {
  name: "ps",
  usage: "list the processes of a container",
  operands: "<container-id> [ps options]",
  description:
    "Shows what the host's ps(1) says of the processes in the container's cgroup. Options for ps, -ef when\n" +
    "there are none, follow the id; among its columns must be PID. On a terminal a line is cut where\n" +
    "the terminal ends.",
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
    const text = format === "json" ? JSON.stringify(pids) + "\n" : selectRows(await runPs(options), pids);
    const screen = format === "json" ? undefined : screenColumns(local());
    // ps(1) cuts its lines only on a terminal, and here it writes to a pipe.
    const fit = screen === undefined ? undefined : (await import("../show/table.ts")).fitLines;
    writeText(Deno.stdout, fit === undefined ? text : fit(text, screen!));
    return 0;
  },
};
