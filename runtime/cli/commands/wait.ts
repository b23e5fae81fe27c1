/** `tsrun wait`: the end of a container's process. */
import type { Command, Context } from "../command.ts";
import { ownError, reasonOf, RuntimeError } from "../../../ffi/errors.ts";
import { chosenFormat, FORMAT } from "../format_flag.ts";
import { local } from "../../../ffi/local.ts";
import { unknownStatus, waitForContainer } from "../../container/wait.ts";
import { writeText } from "../../host/log.ts";

/** Exit status of a `wait` that has no status of a container to end with. */
const NO_STATUS = 125;

export const command: Command = {
  name: "wait",
  usage: "wait until the process of a container ends, and exit with its status",
  operands: "<container-id>",
  description:
    "Waits for the end of the container's own process, prints its exit status (128 + n when signal n ended\n" +
    "it) and exits with it. For a container that has stopped, the status is known if a wait or a run --keep\n" +
    'has recorded it, or if the process has not been reaped. Where it is not known, "unknown" is printed and\n' +
    "the exit status is 125, as for any error. Linux before 6.15 tells the status only to the parent.",
  minArgs: 1,
  maxArgs: 1,
  flags: [FORMAT],
  async run({ global, flags, args: [id] }: Context): Promise<number> {
    try {
      const format = chosenFormat(flags);
      const status = await waitForContainer(local(), global.root, id);
      writeText(Deno.stdout, show(format, id, status));
      if (status !== undefined) return status;
    } catch (caught) {
      const error = ownError(caught);
      throw RuntimeError.from(error, reasonOf(error), NO_STATUS);
    }
    throw unknownStatus(id, NO_STATUS);
  },
};

function show(format: "text" | "json", id: string, status: number | undefined): string {
  if (format === "json") return JSON.stringify({ id, exitStatus: status ?? null }) + "\n";
  return `${status ?? "unknown"}\n`;
}
