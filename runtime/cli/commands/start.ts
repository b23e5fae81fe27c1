/** `tsrun start`: run the program of a created container. */
import type { Command, Context } from "../command.ts";
import { startContainer } from "../../container/start.ts";

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
  async run({ global, args: [id], log }: Context): Promise<number> {
    const start = () => startContainer(global.root, id, log);
    const manager = Deno.env.get("NOTIFY_SOCKET");
    if (!manager) await start();
    else {await (await import("../../features/readiness/notify.ts")).startNotified(
        global.root,
        id,
        manager,
        start,
      );}
    return 0;
  },
};
