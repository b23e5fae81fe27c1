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
    "and never started goes too. With --regex, the id is a regular expression: all containers go that have\n" +
    "it in their ids, and the ids are printed.",
  minArgs: 1,
  maxArgs: 1,
  flags: [
    {
      name: "force",
      short: "f",
      kind: "bool",
      usage: "kill a container that runs; no error when there is none of that id",
    },
    {
      name: "regex",
      short: "r",
      kind: "bool",
      usage: "take the id for a regular expression, and all containers with a matching id",
    },
  ],
  async run({ global: { root, systemdCgroup }, flags, args: [id], log }: Context): Promise<number> {
    const force = flags.bool("force");
    const one = (id: string) => deleteContainer(local(), { root, id, force, systemdCgroup, log });
    if (flags.bool("regex")) await (await import("../matching.ts")).forMatching(root, id, one);
    else await one(id);
    return 0;
  },
};
