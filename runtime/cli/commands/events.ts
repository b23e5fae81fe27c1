/** `tsrun events`: samples of a container's use, and events when its memory runs out. */
import type { Command, Context } from "../command.ts";
import { UsageError } from "../flags.ts";
import { parseDuration } from "../duration.ts";
import { RuntimeError } from "../../../ffi/errors.ts";
import { printStats, streamEvents } from "../../container/events.ts";
import { writeText } from "../../host/log.ts";
import { readState } from "../../container/record.ts";
import { statusOf } from "../../container/status.ts";
import { local } from "../../../ffi/local.ts";

export const command: Command = {
  name: "events",
  usage: "show what a container uses, and its out-of-memory events",
  operands: "<container-id>",
  description:
    "Prints one JSON object a line: measurements of the container's cgroup at every interval, and an event\n" +
    "whenever the kernel runs out of the container's memory. Ends with the container.",
  minArgs: 1,
  maxArgs: 1,
  flags: [
    {
      name: "interval",
      kind: "string",
      usage: "time between measurements, such as 500ms or 1m",
      default: "5s",
    },
    { name: "stats", kind: "bool", usage: "print one measurement and end" },
  ],
  async run({ global, flags, args: [id], log }: Context): Promise<number> {
    const interval = parseDuration(flags.string("interval"));
    if (interval === undefined) {
      const given = JSON.stringify(flags.string("interval"));
      throw new UsageError(`invalid value ${given} for flag -interval: parse error`);
    }
    const state = readState(global.root, id);
    if (interval <= 0) throw new RuntimeError("EINVAL_FLAG", "duration interval must be greater than 0");
    const status = statusOf(global.root, state);
    if (status === "stopped" || status === "creating") {
      throw new RuntimeError("ESRCH_CONTAINER", `container with id ${id} is not running`);
    }
    const sinks = {
      print: (line: string) => writeText(Deno.stdout, line),
      warn: (line: string) => log.warn(line),
    };
    await (flags.bool("stats")
      ? printStats(local(), state, sinks)
      : streamEvents(local(), state, interval, sinks));
    return 0;
  },
};
