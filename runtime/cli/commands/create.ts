/** `tsrun create`: make a container, ready to be started. */
import type { Command, Context } from "../command.ts";
import { CREATE_FLAGS, createOptions, failingAs } from "../create_flags.ts";
import { createContainer } from "../../container/create/create.ts";
import { Interrupts } from "../../container/interrupts.ts";
import { local } from "../../../ffi/local.ts";

export const command: Command = {
  name: "create",
  usage: "create a container",
  operands: "<container-id>",
  description:
    "Makes a container from a bundle: everything but the program, which waits for `tsrun start`. The bundle\n" +
    "is a directory with a config.json and a root filesystem; `tsrun spec` writes a first config.json. The id\n" +
    "is a name of your choice, unique under --root.",
  minArgs: 1,
  maxArgs: 1,
  flags: CREATE_FLAGS,
  async run(context: Context): Promise<number> {
    await failingAs(
      "create",
      () => createContainer(local(), createOptions(context), () => new Interrupts(local())),
    );
    context.log.settle();
    return 0;
  },
};
