/** `tsrun update`: change the limits of a live container. */
import type { Command, Context } from "../command.ts";
import { readState } from "../../container/record.ts";
import { updateContainer } from "../../container/update.ts";
import { requestedResources, requestedSchemata, updateFlags } from "../update_flags.ts";
import { loadResctrlUpdate } from "../../cgroups/mod.ts";
import { local } from "../../../ffi/local.ts";

export const command: Command = {
  name: "update",
  usage: "change the limits of a container",
  operands: "<container-id>",
  description:
    "Changes what is asked for and leaves the rest as it is. If one of the limits cannot be set, none is\n" +
    "changed. Device rules are changed on cgroup v2 only, all of them at once, by --resources. The flags for\n" +
    "Intel RDT stand beside --resources too.",
  minArgs: 1,
  maxArgs: 1,
  flags: updateFlags(),
  async run({ global, flags, args: [id], log }: Context): Promise<number> {
    const { resctrl } = readState(global.root, id);
    const change = await requestedResources(local(), flags);
    if (change.memory?.kernel !== undefined || change.memory?.kernelTCP !== undefined) {
      log.warn("Kernel memory limits are obsolete: recent kernels ignore them");
    }
    const limits = () => updateContainer(local(), global.root, id, change);
    const schemata = requestedSchemata(flags);
    if (schemata === undefined) await limits();
    else await (await loadResctrlUpdate()).changeSchemata(schemata, resctrl, limits);
    return 0;
  },
};
