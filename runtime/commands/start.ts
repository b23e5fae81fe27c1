/** `tsrun start`: run the program of a created container. */
import type { Command, Context } from "../cli/command.ts";
import { startContainer } from "../start.ts";

export const command: Command = {
  name: "start",
  usage: "run the program of a container that was created",
  operands: "<container-id>",
  description:
    "Starts the process of the container's config.json. Returns when its program runs, or says why it\n" +
    "cannot be run.",
  minArgs: 1,
  maxArgs: 1,
  flags: [],
  async run({ global, args: [id] }: Context): Promise<number> {
    await startContainer(global.root, id);
    return 0;
  },
};
