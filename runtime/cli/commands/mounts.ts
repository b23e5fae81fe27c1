/** `tsrun mounts`: mounts of a container that runs. */
import type { Command, Context } from "../command.ts";
import { UsageError } from "../flags.ts";
import { chosenFormat, FORMAT } from "../format_flag.ts";
import { local } from "../../../ffi/local.ts";
import { RuntimeError } from "../../../ffi/errors.ts";
import { printableJson } from "../../../ffi/printable.ts";
import { addMounts, removeMounts } from "../../container/mounts.ts";
import { writeText } from "../../host/log.ts";
import { inputFailure, readInput, readStream } from "../../host/input.ts";

/** Descriptor of standard input. */
const STDIN = 0;

export const command: Command = {
  name: "mounts",
  usage: "add mounts to a container that runs, or remove them",
  operands: "add|remove <container-id> <file>",
  description:
    "The file holds a JSON array of mounts, as mounts of config.json; - is standard input. add makes all of\n" +
    "them or none. remove takes the destinations only, and removes what is mounted there, the last of the\n" +
    "file first. Containers that have the host's mount namespace are refused. Nothing is printed, or as JSON\n" +
    "the destinations in the order in which it was done.",
  minArgs: 3,
  maxArgs: 3,
  flags: [FORMAT],
  async run({ global: { root }, flags, args: [action, id, file] }: Context): Promise<number> {
    if (action !== "add" && action !== "remove") {
      throw new UsageError(`unknown action ${JSON.stringify(action)}: want add or remove`);
    }
    const format = chosenFormat(flags), k = local(), name = file === "-" ? "standard input" : file;
    let text: string;
    try {
      text = file === "-" ? readStream(k, STDIN) : await readInput(k, file);
    } catch (error) {
      throw RuntimeError.from(error, `read ${name}: ${inputFailure(error)}`);
    }
    const destinations = (action === "add" ? addMounts : removeMounts)(k, root, id, text, name);
    if (format === "json") {
      writeText(Deno.stdout, printableJson(JSON.stringify({ id, action, destinations })) + "\n");
    }
    return 0;
  },
};
