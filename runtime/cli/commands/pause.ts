/** `tsrun pause`: stop all processes of a container for a while. */
import type { Command, Context } from "../command.ts";
import { pauseContainer } from "../../container/pause.ts";
import { local } from "../../../ffi/local.ts";

export const command: Command = {
  name: "pause",
  usage: "stop all processes of a container for a while",
  operands: "<container-id>",
  description: 'Stops all processes of the container, until "tsrun resume" lets them go on.',
  minArgs: 1,
  maxArgs: 1,
  flags: [],
  async run({ global, args: [id] }: Context): Promise<number> {
    await pauseContainer(local, global.root, id);
    return 0;
  },
};
