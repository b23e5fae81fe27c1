/** `tsrun state`: a container's facts and its status, as JSON. */
import { printableJson } from "../../../ffi/printable.ts";
import type { Command, Context } from "../command.ts";
import { writeText } from "../../host/log.ts";
import { describe } from "../../container/report.ts";
import { type ContainerState, readState } from "../../container/record.ts";
import { statusOf } from "../../container/status.ts";

export const command: Command = {
  name: "state",
  usage: "show the state of a container",
  operands: "<container-id>",
  description:
    "Prints the state document of the runtime specification, with the root filesystem, the time of\n" +
    "creation and the owner added, as JSON; and with exitStatus, where the container has stopped and the\n" +
    "status is known.",
  minArgs: 1,
  maxArgs: 1,
  flags: [],
  async run({ global, args }: Context): Promise<number> {
    const state = readState(global.root, args[0]);
    const status = statusOf(global.root, state);
    // Owners are named in lists only. runc, too, leaves the field empty here, and ends without a newline.
    const report = describe(state, status, "", status === "stopped" ? await endOf(state) : undefined);
    writeText(Deno.stdout, printableJson(JSON.stringify(report, null, 2)));
    return 0;
  },
};

/** Loaded only for what has stopped: clients ask for the state of what runs. */
async function endOf(state: ContainerState): Promise<number | undefined> {
  return (await import("../../container/exit_status.ts")).exitStatusOf(state);
}
