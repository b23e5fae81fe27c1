/** `tsrun update`: other limits for a container that lives. */
import type { Command, Context } from "../cli/command.ts";
import { readState } from "../state.ts";
import { updateContainer } from "../update.ts";
import { refuseRdt, requestedResources, updateFlags } from "../update_flags.ts";

export const command: Command = {
  name: "update",
  usage: "change the limits of a container",
  operands: "<container-id>",
  description:
    "Changes what is asked for and leaves the rest as it is. If one of the limits cannot be set, none is\n" +
    "changed. Device rules are never changed.",
  minArgs: 1,
  maxArgs: 1,
  flags: updateFlags(),
  async run({ global, flags, args: [id], log }: Context): Promise<number> {
    readState(global.root, id);
    const change = requestedResources(flags);
    refuseRdt(flags, exists);
    if (change.memory?.kernel !== undefined || change.memory?.kernelTCP !== undefined) {
      log.warn("Kernel memory limits are obsolete: recent kernels ignore them");
    }
    await updateContainer(global.root, id, change);
    return 0;
  },
};

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}
