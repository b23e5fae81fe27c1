/** `tsrun delete`: remove a container and all that belongs to it. */
import type { Command, Context } from "../command.ts";
import { deleteContainer } from "../../container/delete.ts";
import { local } from "../../../ffi/local.ts";

export const command: Command = {
  name: "delete",
  usage: "remove a container that is stopped",
  operands: "<container-id>",
  description:
    "Removes a container: its cgroup, its state and what is left of its processes. One that was created\n" +
    "and never started goes too.",
  minArgs: 1,
  maxArgs: 1,
  flags: [{
    name: "force",
    short: "f",
    kind: "bool",
    usage: "kill a container that runs; no error when there is none of that id",
  }],
  async run({ global: { root, systemdCgroup }, flags, args: [id], log }: Context): Promise<number> {
    await deleteContainer(local(), { root, id, force: flags.bool("force"), systemdCgroup, log });
    return 0;
  },
};
