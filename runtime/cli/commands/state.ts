/** `tsrun state`: a container's facts and its status, as JSON. */
import type { Command, Context } from "../command.ts";
import { writeText } from "../../host/log.ts";
import { describe } from "../report.ts";
import { readState } from "../../container/record.ts";
import { statusOf } from "../../container/status.ts";

export const command: Command = {
  name: "state",
  usage: "show the state of a container",
  operands: "<container-id>",
  description:
    "Prints the state document of the runtime specification, with the root filesystem, the time of\n" +
    "creation and the owner added, as JSON.",
  minArgs: 1,
  maxArgs: 1,
  flags: [],
  run({ global, args }: Context): number {
    const state = readState(global.root, args[0]);
    // Owners are named in lists only. runc, too, leaves the field empty here, and ends without a newline.
    const report = describe(state, statusOf(global.root, state), "");
    writeText(Deno.stdout, JSON.stringify(report, null, 2));
    return 0;
  },
};
