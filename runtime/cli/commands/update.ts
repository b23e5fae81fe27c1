/** `tsrun update`: change the limits of a live container. */
import type { Command, Context } from "../command.ts";
import { readState } from "../../container/record.ts";
import { currentResources, updateContainer } from "../../container/update.ts";
import { requestedResources, requestedSchemata, updateFlags } from "../update_flags.ts";
import { loadResctrlUpdate } from "../../cgroups/mod.ts";
import { writeText } from "../../host/log.ts";
import { screenColumns } from "../../host/screen.ts";
import { local } from "../../../ffi/local.ts";

export const command: Command = {
  name: "update",
  usage: "change the limits of a container",
  operands: "<container-id>",
  description:
    "Changes what is asked for and leaves the rest as it is. If one of the limits cannot be set, none is\n" +
    "changed. Device rules are changed on cgroup v2 only, all of them at once, by --resources. The flags for\n" +
    "Intel RDT stand beside --resources too. On a terminal a table shows the limits that have changed.",
  minArgs: 1,
  maxArgs: 1,
  flags: updateFlags(),
  async run({ global, flags, args: [id], log }: Context): Promise<number> {
    const { resctrl } = readState(global.root, id);
    const change = await requestedResources(local(), flags);
    if (change.memory?.kernel !== undefined || change.memory?.kernelTCP !== undefined) {
      log.warnLater(
        "Kernel memory limits are obsolete: recent kernels ignore them",
        "runtime/cli/commands/update.ts run",
      );
    }
    const screen = screenColumns(local());
    const before = screen === undefined ? undefined : currentResources(global.root, id);
    const limits = () => updateContainer(local(), global.root, id, change);
    const schemata = requestedSchemata(flags);
    if (schemata === undefined) await limits();
    else await (await loadResctrlUpdate()).changeSchemata(schemata, resctrl, limits);
    log.settle();
    if (before !== undefined) {
      const { changesTable } = await import("../show/changes.ts");
      writeText(Deno.stdout, changesTable(before, currentResources(global.root, id), screen));
    }
    return 0;
  },
};
