/** `tsrun start`: run the program of a created container. */
import type { Command, Context } from "../command.ts";
import { startContainer, startNotified } from "../../container/start.ts";
import { local } from "../../../ffi/local.ts";
import { callerVariable } from "../../host/caller.ts";

export const command: Command = {
  name: "start",
  usage: "run the program of a container that was created",
  operands: "<container-id>",
  description:
    "Starts the process of the container's config.json. Returns when its program runs, or says why it\n" +
    "cannot be run. With NOTIFY_SOCKET set, as service managers do, it returns when the program says that it\n" +
    "is ready, and passes that on.",
  minArgs: 1,
  maxArgs: 1,
  flags: [],
  async run({ global: { root }, args: [id], log }: Context): Promise<number> {
    const manager = callerVariable("NOTIFY_SOCKET");
    if (manager) await startNotified(local(), root, id, log, manager);
    else await startContainer(local(), root, id, log);
    return 0;
  },
};
