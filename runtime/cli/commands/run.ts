/** `tsrun run`: create a container, start it, wait for it, remove it. */
import type { Command, Context } from "../command.ts";
import { CREATE_FLAGS, createOptions, failingAs } from "../create_flags.ts";
import { runContainer } from "../../container/run.ts";
import { local } from "../../../ffi/local.ts";

export const command: Command = {
  name: "run",
  usage: "create and run a container",
  operands: "<container-id>",
  description:
    "Makes a container from a bundle and runs its program. In the foreground, signals are passed on to the\n" +
    "program, its exit status becomes tsrun's (128 + n when signal n ended it), and the container is removed\n" +
    "afterwards. The id is a name of your choice, unique under --root.",
  minArgs: 1,
  maxArgs: 1,
  flags: [
    ...CREATE_FLAGS,
    { name: "detach", short: "d", kind: "bool", usage: "return as soon as the program runs" },
    { name: "keep", kind: "bool", usage: "do not remove the container when it ends" },
    { name: "no-subreaper", kind: "bool", usage: "do not take over orphaned processes of the container" },
  ],
  async run(context: Context): Promise<number> {
    const { flags } = context;
    return await failingAs("run", () =>
      runContainer(local(), {
        ...createOptions(context),
        detach: flags.bool("detach"),
        keep: flags.bool("keep"),
        noSubreaper: flags.bool("no-subreaper"),
      }));
  },
};
