/** `tsrun resume`: let a paused container go on. */
import type { Command, Context } from "../command.ts";
import { resumeContainer } from "../../container/pause.ts";
import { local } from "../../../ffi/local.ts";

export const command: Command = {
  name: "resume",
  usage: "let a paused container go on",
  operands: "<container-id>",
  description: "Lets the processes of a container that was paused go on.",
  minArgs: 1,
  maxArgs: 1,
  flags: [],
  async run({ global, args: [id] }: Context): Promise<number> {
    await resumeContainer(local, global.root, id);
    return 0;
  },
};
